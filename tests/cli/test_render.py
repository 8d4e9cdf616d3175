from __future__ import annotations

import base64
import gzip
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
import yaml

from podhost.ignition import dataurl
from tests.support import PUBLIC_KEY, REPOSITORY, Podhost, files_below, python

HOST = "hostname: chat.example.org\nstacks:\n  matrix:\n    domain: example.org\n    email: admin@example.org\n"
DEMO_NOTES = [
    "podhost: this is the demo host of matrix: https://chat.fcos.fr/ https://matrix.fcos.fr/",
    "podhost: for a host of your own: podhost init matrix > host.yaml, and edit that",
    "podhost: the certificate matrix.web is for trials: browsers do not trust letsencrypt-staging",
]
NOBODY = [
    "warning: nobody can log in to this host",
    "  hint: add ssh_keys, or use --ssh-key ~/.ssh/id_ed25519.pub",
]


def file_of(config: dict[str, Any], path: str) -> str:
    """The text of a file of an Ignition config."""
    (file,) = (each for each in config["storage"]["files"] if each["path"] == path)
    header, _, data = file["contents"]["source"].partition(",")
    content = base64.b64decode(data) if header.endswith(";base64") else unquote_to_bytes(data)
    return (gzip.decompress(content) if file["contents"].get("compression") else content).decode()


def rendered(result: Any) -> dict[str, Any]:
    assert result.status == 0, result.stderr
    config: dict[str, Any] = json.loads(result.stdout)
    return config


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "id_ed25519.pub"
    path.write_text(f"{PUBLIC_KEY}\n")
    return path


@pytest.fixture
def host(tmp_path: Path) -> Path:
    path = tmp_path / "host.yaml"
    path.write_text(HOST)
    return path


# -- results


def test_the_demo_host(podhost: Podhost) -> None:
    result = podhost("render", "matrix")
    assert result.stderr.splitlines() == [*NOBODY, *DEMO_NOTES]
    assert result.stdout.count("\n") == 1
    assert file_of(rendered(result), "/etc/hostname") == "chat.fcos.fr\n"


def test_the_demo_fits_into_the_smallest_user_data(podhost: Podhost) -> None:
    """AWS takes 16 KiB; https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html."""
    compressed = podhost("render", "matrix", "--compress").stdout
    assert len(compressed.encode()) <= 16 * 1024
    replacement = json.loads(compressed)["ignition"]["config"]["replace"]
    text = dataurl.contents(replacement["source"], replacement["compression"]).decode()
    assert text + "\n" == podhost("render", "matrix").stdout


def test_a_host_file(podhost: Podhost, host: Path, key: Path) -> None:
    result = podhost("render", host, "--ssh-key", key)
    config = rendered(result)
    assert result.stderr == ""
    assert config["passwd"] == {"users": [{"name": "core", "sshAuthorizedKeys": [PUBLIC_KEY]}]}
    assert 'server_name: "example.org"' in file_of(config, "/var/srv/containers/matrix/config/homeserver.yaml")


def test_paths_of_a_host_file_start_at_its_folder(podhost: Podhost, tmp_path: Path) -> None:
    folder = tmp_path / "hosts"
    folder.mkdir()
    (folder / "host.yaml").write_text(HOST + "butane: [my.bu]\nsecrets: s.yaml\n")
    (folder / "my.bu").write_text(
        "variant: fcos\nversion: 1.5.0\nstorage: {files: [{path: /etc/motd, contents: {inline: hello}}, {path: /etc/logo, contents: {local: logo}}]}\n"
    )
    (folder / "logo").write_text("a logo")
    (folder / "s.yaml").write_text("matrix: {form_secret: hunter2}\n")
    config = rendered(podhost("render", "hosts/host.yaml"))
    assert file_of(config, "/etc/motd") == "hello"
    assert file_of(config, "/etc/logo") == "a logo"


def test_own_butane_wins(podhost: Podhost, host: Path, tmp_path: Path) -> None:
    host.write_text(HOST + "butane: [my.bu]\n")
    (tmp_path / "my.bu").write_text(
        "variant: fcos\nversion: 1.5.0\nstorage: {files: [{path: /etc/hostname, overwrite: true, contents: {inline: mine}}]}\n"
    )
    config = rendered(podhost("render", "host.yaml"))
    assert file_of(config, "/etc/hostname") == "mine"


def test_a_mistake_in_own_butane_has_its_line(podhost: Podhost, host: Path, tmp_path: Path) -> None:
    host.write_text(HOST + "butane: [my.bu]\n")
    (tmp_path / "my.bu").write_text("variant: fcos\nversion: 1.5.0\nstorage:\n  files: 3\n")
    result = podhost("render", "host.yaml", "-o", "x.ign")
    assert result.status == 1
    assert "my.bu:4:10: error: " in result.stderr
    assert not (tmp_path / "x.ign").exists()


def test_own_butane_that_breaks_the_host_is_refused(podhost: Podhost, host: Path, tmp_path: Path) -> None:
    """It is good by itself, and so is the host: together a file would stand below a link."""
    host.write_text(HOST + "butane: [my.bu]\n")
    (tmp_path / "my.bu").write_text(
        "variant: fcos\nversion: 1.4.0\nstorage: {links: [{path: /etc/zincati, target: /x}]}\n"
    )
    result = podhost("render", "host.yaml", "-o", "x.ign")
    assert result.status == 1
    assert "host.yaml:6:1: error: the host together with your Butane files, storage.files" in result.stderr
    assert not (tmp_path / "x.ign").exists()


def test_the_same_input_gives_the_same_bytes(podhost: Podhost) -> None:
    """Whatever the time, the place and the order of Python's sets."""
    here = podhost("render", "matrix").stdout
    for seed in ("0", "1"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo", "LC_ALL": "C"}
        assert python("-m", "podhost", "render", "matrix", env=environment, cwd="/").stdout == here


def test_pretty_is_the_same_config(podhost: Podhost) -> None:
    pretty = podhost("render", "matrix", "--pretty").stdout
    assert pretty.startswith('{\n  "ignition": {\n')
    assert json.loads(pretty) == json.loads(podhost("render", "matrix").stdout)


# -- formats


def test_butane_translates_back(podhost: Podhost, tmp_path: Path) -> None:
    butane = podhost("render", "matrix", "--format", "butane").stdout
    assert yaml.safe_load(butane)["variant"] == "fcos"
    (tmp_path / "host.bu").write_text(butane)
    again = podhost(
        "transpile", "host.bu", "--spec", json.loads(podhost("render", "matrix").stdout)["ignition"]["version"]
    )
    assert rendered(again) == rendered(podhost("render", "matrix"))


def test_butane_can_be_read(podhost: Podhost) -> None:
    """People edit it: files are there as text, and not as compressed data."""
    config = yaml.safe_load(podhost("render", "matrix", "--format", "butane").stdout)
    contents = {each["path"]: each["contents"] for each in config["storage"]["files"]}
    unit = contents["/etc/containers/systemd/matrix-postgres.container"]
    assert set(unit) == {"inline"}
    assert "\nContainerName=matrix-postgres\n" in unit["inline"]


def test_a_tree(podhost: Podhost, tmp_path: Path) -> None:
    assert podhost("render", "matrix", "--format", "tree", "-o", "host").status == 0
    folder = tmp_path / "host"
    manifest = json.loads((folder / "manifest.json").read_text())
    files = {path for path in files_below(folder) if (folder / path).is_file()}
    assert files == {path.lstrip("/") for path, each in manifest["paths"].items() if each["kind"] == "file"} | {
        "manifest.json"
    }
    assert (folder / "etc/hostname").read_text() == "chat.fcos.fr\n"
    assert manifest["paths"]["/etc/hostname"] == {"kind": "file", "owner": "0:0", "mode": "0644"}


@pytest.mark.parametrize("spec", ["3.1.0", "3.3.0", "3.6.0"])
def test_a_spec_can_be_asked_for(podhost: Podhost, spec: str) -> None:
    assert rendered(podhost("render", "matrix", "--spec", spec))["ignition"]["version"] == spec


def test_the_lowest_spec_that_will_do_is_the_default(podhost: Podhost, host: Path, tmp_path: Path) -> None:
    assert rendered(podhost("render", "matrix"))["ignition"]["version"] in ("3.0.0", "3.1.0")
    host.write_text(HOST + "butane: [my.bu]\n")
    (tmp_path / "my.bu").write_text("variant: fcos\nversion: 1.5.0\nkernel_arguments: {should_exist: [quiet]}\n")
    assert rendered(podhost("render", "host.yaml"))["ignition"]["version"] == "3.3.0"
    result = podhost("render", "host.yaml", "--spec", "3.2.0")
    assert result.status == 1
    assert result.stdout == ""
    assert "error: Ignition 3.2.0 is too old for this config: kernelArguments" in result.stderr


@pytest.mark.parametrize(("podman", "policy"), [("5.4", []), ("5.8.1", ["Policy=missing"])])
def test_the_podman_that_a_host_has(podhost: Podhost, podman: str, policy: list[str]) -> None:
    config = rendered(podhost("render", "matrix", "--podman", podman))
    unit = file_of(config, "/etc/containers/systemd/matrix-postgres.image")
    assert [line for line in unit.splitlines() if line.startswith("Policy=")] == policy


def test_a_podman_too_old_is_named_with_every_key(podhost: Podhost) -> None:
    result = podhost("render", "matrix", "--podman", "4.9")
    assert result.status == 1
    assert result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if ": error: " in line]
    assert any(
        "the key 'PodName' of [Pod] came with podman 5.0, and the host's podman is 4.9" in line for line in lines
    )
    assert "leave it out, or render with --podman 5.0 for a host that has it" in result.stderr


# -- --set and --ssh-key


@pytest.mark.parametrize(
    ("settings", "path", "expected"),
    [
        (
            ["matrix.domain=example.org"],
            "/var/srv/containers/matrix/config/homeserver.yaml",
            'server_name: "example.org"\n',
        ),
        (["matrix.brand=a=b, c"], "/var/srv/containers/matrix/config/element.json", '"brand": "a=b, c"'),
        (["matrix.brand="], "/var/srv/containers/matrix/config/element.json", '"brand": ""'),
        (["stacks.matrix.brand=x"], "/var/srv/containers/matrix/config/element.json", '"brand": "x"'),
        (["matrix.brand=x", "matrix.brand=y"], "/var/srv/containers/matrix/config/element.json", '"brand": "y"'),
        (["matrix.brand=[x"], None, "is not a list"),
        (["matrix.brand=true"], "/var/srv/containers/matrix/config/element.json", '"brand": "true"'),
        (["hostname=box"], "/etc/hostname", "box\n"),
        (["updates.window.start=04:30"], "/etc/zincati/config.d/55-podhost.toml", 'start_time = "04:30"'),
        (["updates.window.days=[Mon, Fri]"], "/etc/zincati/config.d/55-podhost.toml", 'days = ["Mon", "Fri"]'),
        (
            ["updates.window={start: '05:00', length: 1h}"],
            "/etc/zincati/config.d/55-podhost.toml",
            "length_minutes = 60",
        ),
        (["swap=2G"], "/etc/systemd/zram-generator.conf", "zram-size = 2048"),
    ],
)
def test_settings(podhost: Podhost, settings: list[str], path: str | None, expected: str) -> None:
    result = podhost("render", "matrix", *(word for each in settings for word in ("--set", each)))
    if path is None:
        assert result.status == 1
        assert expected in result.stderr
    else:
        assert expected in file_of(rendered(result), path)


def test_a_stack_can_be_added_by_a_setting(podhost: Podhost, tmp_path: Path) -> None:
    (tmp_path / "host.yaml").write_text("hostname: a\n")
    config = rendered(
        podhost(
            "render", "host.yaml", "--set", "stacks.matrix.domain=example.org", "--set", "stacks.matrix.email=a@b.org"
        )
    )
    assert "example.org" in file_of(config, "/etc/podhost/matrix.certificates")


def test_keys_come_together(podhost: Podhost, host: Path, tmp_path: Path, key: Path) -> None:
    """Those of the host file, and all lines of all files; comments and empty lines are none."""
    first, second = (PUBLIC_KEY.replace("admin@", f"{name}@") for name in ("first", "second"))
    host.write_text(HOST + f"ssh_keys: ['{first}']\n")
    (tmp_path / "more.pub").write_text(f"# mine\n\n{second}\r\n")
    config = rendered(podhost("render", host, "--ssh-key", tmp_path / "more.pub", "--ssh-key", key))
    assert config["passwd"]["users"][0]["sshAuthorizedKeys"] == [first, second, PUBLIC_KEY]


SECRET = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU\n-----END OPENSSH PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (SECRET, ["error: 'id' is a private key", "  hint: give the public one: id.pub"]),
        ("", ["error: there is no key in 'id'"]),
        ("# none\n\n", ["error: there is no key in 'id'"]),
        (
            "garbage\n",
            [
                "id:1:1: error: this is not a public ssh key",
                "    1 | garbage",
                "      | ^~~~~~~",
                "  hint: take the one line of a .pub file, as in: ssh-ed25519 AAAA… name",
            ],
        ),
        ("x" * 70_000, ["error: 'id' is larger than 64 KiB", "  hint: is this the right file?"]),
    ],
)
def test_files_that_hold_no_public_key(podhost: Podhost, tmp_path: Path, content: str, expected: list[str]) -> None:
    (tmp_path / "id").write_text(content)
    result = podhost("render", "matrix", "--ssh-key", "id", "-o", "x.ign")
    assert (result.status, result.stdout, result.stderr.splitlines()) == (1, "", expected)
    assert files_below(tmp_path) == {"id"}
    assert "b3BlbnNz" not in result.stderr


# -- secrets


def test_no_secret_is_in_the_result(podhost: Podhost) -> None:
    config = rendered(podhost("render", "matrix"))
    assert not [each["path"] for each in config["storage"]["files"] if "/secrets/" in each["path"]]
    recipes = file_of(config, "/etc/podhost/matrix.secrets").splitlines()
    kinds = {piece.partition(":")[0] for line in recipes for piece in line.split("\t")[1:]}
    assert kinds <= {"text", "token", "hex", "base64", "secret"}


def test_embedded_secrets(podhost: Podhost, host: Path, tmp_path: Path) -> None:
    host.write_text(HOST + "secrets: mine.yaml\n")
    (tmp_path / "mine.yaml").write_text("matrix:\n  postgres_password: hunter2\n  form_secret: |\n    two\n    lines\n")
    result = podhost("render", "host.yaml", "-o", "host.ign")
    assert (result.status, result.stdout) == (0, "")
    assert "podhost: the output holds 2 secrets: keep it as safe as they are" in result.stderr
    assert stat.S_IMODE((tmp_path / "host.ign").stat().st_mode) == 0o600
    config = json.loads((tmp_path / "host.ign").read_text())
    path = "/etc/podhost/secrets/matrix/postgres_password"
    assert file_of(config, path) == "hunter2"
    assert file_of(config, "/etc/podhost/secrets/matrix/form_secret") == "two\nlines\n"
    assert next(each for each in config["storage"]["files"] if each["path"] == path)["mode"] == 0o600
    folders = {each["path"]: each["mode"] for each in config["storage"]["directories"]}
    assert folders["/etc/podhost/secrets"] == 0o700


def test_embedded_secrets_stay_private_when_a_public_file_is_replaced(
    podhost: Podhost, host: Path, tmp_path: Path
) -> None:
    host.write_text(HOST + "secrets: mine.yaml\n")
    (tmp_path / "mine.yaml").write_text("matrix: {form_secret: hunter2}\n")
    output = tmp_path / "host.ign"
    output.write_text("old")
    output.chmod(0o644)
    assert podhost("render", "host.yaml", "-o", output, "--force").status == 0
    assert stat.S_IMODE(output.stat().st_mode) == 0o600


def test_a_tree_never_holds_secrets(podhost: Podhost, host: Path, tmp_path: Path) -> None:
    host.write_text(HOST + "secrets: mine.yaml\n")
    (tmp_path / "mine.yaml").write_text("matrix: {form_secret: hunter2}\n")
    result = podhost("render", "host.yaml", "--format", "tree", "-o", "tree")
    assert result.status == 1
    assert "error: this host has secrets embedded, and a tree is for reading" in result.stderr
    assert files_below(tmp_path) == {"host.yaml", "mine.yaml"}


@pytest.mark.parametrize(
    ("secrets", "expected"),
    [
        ("matrix: {form_secre: hunter2}", "mine.yaml:1:10: error: the stack 'matrix' has no secret 'form_secre'"),
        ("matrx: {form_secret: hunter2}", "mine.yaml:1:1: error: the host has no stack 'matrx'"),
        ("matrix: hunter2", "mine.yaml:1:9: error: a mapping of the secrets of 'matrix' is expected here"),
        ("- hunter2", "mine.yaml:1:1: error: a mapping of stacks to their secrets is expected here"),
        ("matrix: {form_secret: [hunter2]}", "mine.yaml:1:10: error: a secret is one value, and not empty"),
        ("matrix: {form_secret: ''} # hunter2", "mine.yaml:1:10: error: a secret is one value, and not empty"),
        ("matrix: {form_secret: }\n# hunter2", "mine.yaml:1:10: error: a secret is one value, and not empty"),
        (
            "matrix: {form_secret: a, form_secret: hunter2}",
            "mine.yaml:1:26: error: 'form_secret' is here a second time",
        ),
        ("matrix: {form_secret: 'hunter2}", "mine.yaml:1:23: error: this is not YAML: found unexpected end of stream"),
    ],
)
def test_mistakes_in_a_secrets_file_do_not_show_it(
    podhost: Podhost, host: Path, tmp_path: Path, secrets: str, expected: str
) -> None:
    host.write_text(HOST + "secrets: mine.yaml\n")
    (tmp_path / "mine.yaml").write_text(secrets + "\n")
    result = podhost("render", "host.yaml", "-o", "x.ign")
    assert (result.status, result.stdout) == (1, "")
    assert expected in result.stderr.splitlines()
    assert "hunter2" not in result.stderr
    assert files_below(tmp_path) == {"host.yaml", "mine.yaml"}


# -- where results go


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_results_go_to_a_file(podhost: Podhost, tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        result = podhost("render", "matrix", "-o", "matrix.ign")
    finally:
        os.umask(before)
    assert (result.status, result.stdout) == (0, "")
    assert (tmp_path / "matrix.ign").read_text() == podhost("render", "matrix").stdout
    assert stat.S_IMODE((tmp_path / "matrix.ign").stat().st_mode) == mode
    assert files_below(tmp_path) == {"matrix.ign"}


def test_dash_is_standard_output(podhost: Podhost, tmp_path: Path) -> None:
    assert podhost("render", "matrix", "-o", "-").stdout == podhost("render", "matrix").stdout
    assert files_below(tmp_path) == set()


def test_an_existing_file_is_replaced_only_when_asked(podhost: Podhost, tmp_path: Path) -> None:
    output = tmp_path / "matrix.ign"
    output.write_text("mine")
    result = podhost("render", "matrix", "-o", "matrix.ign")
    assert result.status == 1
    assert result.stderr.splitlines()[-2:] == ["error: 'matrix.ign' is there already", "  hint: --force replaces it"]
    assert output.read_text() == "mine"
    assert podhost("render", "matrix", "-o", "matrix.ign", "--force").status == 0
    assert json.loads(output.read_text())["ignition"]
    assert files_below(tmp_path) == {"matrix.ign"}


def test_a_run_that_writes_nothing_says_nothing_of_its_result(podhost: Podhost, tmp_path: Path) -> None:
    (tmp_path / "matrix.ign").write_text("mine")
    result = podhost("render", "matrix", "-o", "matrix.ign")
    assert "podhost: " not in result.stderr


def test_a_link_that_leads_nowhere_is_something_that_exists(podhost: Podhost, tmp_path: Path) -> None:
    (tmp_path / "matrix.ign").symlink_to("nowhere")
    assert podhost("render", "matrix", "-o", "matrix.ign").status == 1
    assert not (tmp_path / "nowhere").exists()


def test_a_mistake_leaves_the_old_file(podhost: Podhost, tmp_path: Path) -> None:
    (tmp_path / "matrix.ign").write_text("old")
    result = podhost("render", "matrix", "--set", "matrix.domain=a_b", "-o", "matrix.ign", "--force")
    assert result.status == 1
    assert (tmp_path / "matrix.ign").read_text() == "old"


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("nowhere/x.ign", "'nowhere/x.ign' cannot be written: No such file or directory"),
        ("plain/x.ign", "'plain/x.ign' cannot be written: Not a directory"),
        (".", "'.' is a folder, not a file"),
        ("/proc/x.ign", "'/proc/x.ign' cannot be written: "),
        ("n" * 256, f"'{'n' * 256}' cannot be written: File name too long"),
        ("/dev/full", "'/dev/full' cannot be written: No space left on device"),
        ("", "'.' is a folder, not a file"),
    ],
)
@pytest.mark.parametrize("form", ["ignition", "butane"])
def test_what_cannot_be_written(podhost: Podhost, tmp_path: Path, output: str, expected: str, form: str) -> None:
    (tmp_path / "plain").write_text("")
    result = podhost("render", "matrix", "-o", output, "--format", form, "--force")
    assert (result.status, result.stdout) == (1, "")
    assert f"error: {expected}" in result.stderr
    assert files_below(tmp_path) == {"plain"}


WITHOUT_ROOTS_RIGHTS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["render", "secret.yaml"], "'secret.yaml' cannot be read: Permission denied"),
        (["render", "matrix", "-o", "locked/x.ign"], "'locked/x.ign' cannot be written: Permission denied"),
        (["render", "matrix", "--format", "tree", "-o", "locked/x"], "'locked/x' cannot be written: Permission denied"),
        (["render", "matrix", "--ssh-key", "secret.yaml"], "'secret.yaml' cannot be read: Permission denied"),
        (["render", "sealed/host.yaml"], "'sealed/host.yaml' cannot be read: Permission denied"),
        (["render", "matrix", "-o", "sealed/x.ign"], "'sealed/x.ign' cannot be written: Permission denied"),
        (["init", "matrix", "-o", "locked/x.yaml"], "'locked/x.yaml' cannot be written: Permission denied"),
    ],
)
def test_what_one_may_not_read_or_write(tmp_path: Path, arguments: list[str], expected: str) -> None:
    for name, mode in (("secret.yaml", 0), ("locked", 0o555), ("sealed", 0)):
        path = tmp_path / name
        path.write_text(HOST) if name.endswith("yaml") else path.mkdir()
        path.chmod(mode)
    prefix = WITHOUT_ROOTS_RIGHTS if os.geteuid() == 0 else ()
    result = python("-m", "podhost", *arguments, prefix=prefix, cwd=tmp_path)
    assert result.returncode == 1
    assert result.stdout == ""
    assert f"error: {expected}" in result.stderr
    assert "Traceback" not in result.stderr
    (tmp_path / "sealed").chmod(0o700)
    assert files_below(tmp_path) == {"secret.yaml", "locked", "sealed"}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("matrx", ["error: 'matrx' is neither a stack nor a file", "  hint: did you mean 'matrix'?"]),
        ("chat.yaml", ["error: 'chat.yaml' is neither a stack nor a file", "  hint: podhost stacks lists the stacks"]),
        (".", ["error: '.' is neither a stack nor a file", "  hint: podhost stacks lists the stacks"]),
        ("a\nb", ["error: 'a\\nb' is neither a stack nor a file", "  hint: podhost stacks lists the stacks"]),
    ],
)
def test_targets_that_are_not_there(podhost: Podhost, tmp_path: Path, target: str, expected: list[str]) -> None:
    result = podhost("render", target)
    assert (result.status, result.stdout, result.stderr.splitlines()) == (1, "", expected)


def test_a_file_of_50_megabytes(podhost: Podhost, tmp_path: Path) -> None:
    (tmp_path / "host.yaml").write_bytes(b"a: 1\n" * 10 * 2**20)
    result = podhost("render", "host.yaml")
    assert (result.status, result.stdout) == (1, "")
    assert result.stderr == "error: 'host.yaml' is larger than 4 MiB\n  hint: is this the right file?\n"


def test_a_host_file_may_come_from_a_pipe() -> None:
    result = python("-m", "podhost", "render", "/dev/stdin", input=HOST)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["storage"]


# -- trees


def test_a_tree_replaces_only_a_tree(podhost: Podhost, tmp_path: Path) -> None:
    assert podhost("render", "matrix", "--format", "tree", "-o", "tree").status == 0
    (tmp_path / "tree/etc/hostname").write_text("edited")
    result = podhost("render", "matrix", "--format", "tree", "-o", "tree")
    assert result.status == 1
    assert result.stderr.splitlines()[-2:] == ["error: 'tree' is there already", "  hint: --force replaces it"]
    assert (tmp_path / "tree/etc/hostname").read_text() == "edited"
    assert podhost("render", "matrix", "--format", "tree", "-o", "tree", "--force").status == 0
    assert (tmp_path / "tree/etc/hostname").read_text() == "chat.fcos.fr\n"
    assert {path for path in files_below(tmp_path) if "/" not in path} == {"tree"}


def test_a_tree_goes_into_an_empty_folder(podhost: Podhost, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    assert podhost("render", "matrix", "--format", "tree", "-o", "tree").status == 0
    assert (tmp_path / "tree/manifest.json").is_file()


@pytest.mark.parametrize(
    "files",
    [
        {"letter.txt": "dear"},
        {"manifest.json": '{"name": "my extension"}', "index.html": "mine"},
        {"manifest.json": "not even JSON"},
        {"manifest.json": "[]"},
    ],
)
def test_a_folder_of_somebody_else_is_never_replaced(podhost: Podhost, tmp_path: Path, files: dict[str, str]) -> None:
    (tmp_path / "tree").mkdir()
    for name, text in files.items():
        (tmp_path / "tree" / name).write_text(text)
    result = podhost("render", "matrix", "--format", "tree", "-o", "tree", "--force")
    assert (result.status, result.stdout) == (1, "")
    assert "error: 'tree' is there already, and holds what podhost did not write" in result.stderr
    assert {path.name: path.read_text() for path in (tmp_path / "tree").iterdir()} == files
    assert {path for path in files_below(tmp_path) if "/" not in path} == {"tree"}


def test_a_file_is_no_folder(podhost: Podhost, tmp_path: Path) -> None:
    (tmp_path / "tree").write_text("mine")
    result = podhost("render", "matrix", "--format", "tree", "-o", "tree", "--force")
    assert result.status == 1
    assert (tmp_path / "tree").read_text() == "mine"


def test_nothing_of_the_machine_is_in_the_result(podhost: Podhost, host: Path) -> None:
    config = rendered(podhost("render", host))
    text = json.dumps(config) + "".join(file_of(config, each["path"]) for each in config["storage"]["files"])
    for path in (REPOSITORY, host.parent, Path(sys.prefix)):
        assert str(path) not in text


# -- certificates of one's own


def openssl(folder: Path, words: str) -> None:
    subprocess.run(["openssl", *words.split()], cwd=folder, check=True, capture_output=True)


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is missing: tests/units/setup installs it")
@pytest.mark.parametrize(
    ("names", "days", "complaint"),
    [
        ("DNS:example.org,DNS:*.example.org", "60", ""),
        ("DNS:example.org", "60", "the certificate in 'own.pem' is not for matrix.example.org, chat.example.org"),
        ("DNS:example.org,DNS:*.example.org", "5", "expires on"),
    ],
)
def test_a_pair_that_is_brought_is_looked_at(
    podhost: Podhost, host: Path, names: str, days: str, complaint: str
) -> None:
    openssl(
        host.parent,
        f"req -x509 -newkey rsa:2048 -nodes -days {days} -subj /CN=own -addext subjectAltName={names} -keyout own.key -out own.pem",
    )
    own = "certificates: {own: {matrix: {web: {certificate: own.pem, key: own.key}}}}\n"
    host.write_text(own + host.read_text())
    result = podhost("render", host, "-o", "out.ign")
    secret = (host.parent / "own.key").read_text().splitlines()[5]
    assert secret not in result.stderr
    assert complaint in result.stderr
    if "is not for" in complaint:
        assert result.status == 1
        assert f"{host}:1:" in result.stderr
        assert not Path("out.ign").exists()
    else:
        assert result.status == 0
        assert stat.S_IMODE(Path("out.ign").stat().st_mode) == 0o600
        assert "podhost: the output holds 1 secret: keep it as safe as they are" in result.stderr.splitlines()
