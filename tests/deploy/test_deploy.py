"""Every provider's user data: within its limit, and accepted by the real Ignition as the machine would read it."""

from __future__ import annotations

import hashlib
import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from podhost import deploy
from podhost.build import Builder
from podhost.deploy.providers import PROVIDERS, Encoding, Provider
from podhost.ignition import dataurl, dumps
from podhost.problems import Report
from tests.conformance.real import IGNITION_VALIDATE
from tests.support import Podhost, build, problems

NAMES = sorted(PROVIDERS)
URL = "https://example.org/chat.ign"
LIMITED = [name for name in NAMES if PROVIDERS[name].limit is not None]


def host(folder: Path, size: int = 0, version: str = "1.1.0") -> Path:
    """A host file, with `size` bytes beside the stack that no compression makes much smaller."""
    noise = "".join(hashlib.sha512(str(n).encode()).hexdigest() for n in range(size // 128))
    files = [{"path": "/etc/noise", "contents": {"inline": noise}}]
    content = {"variant": "fcos", "version": version, "storage": {"files": files if size else []}}
    if version == "1.7.0":
        files.append({"path": "/usr/local/bin/tool", "mode": 0o4755})  # a special mode needs spec 3.6.0
        content["storage"] = {"files": files}
    (folder / "own.bu").write_text(json.dumps(content))
    path = folder / "chat.yaml"
    path.write_text("butane: [own.bu]\nstacks:\n  matrix: {domain: example.org, email: admin@example.org}\n")
    return path


def validate(config: bytes) -> None:
    """What the real Ignition 2.26 says of a config: nothing."""
    if not IGNITION_VALIDATE.exists():
        pytest.skip("the real Ignition is missing: tests/conformance/setup installs it")
    done = subprocess.run([IGNITION_VALIDATE, "-"], input=config, capture_output=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def whole(user_data: bytes) -> Any:
    """The config that user data stand for: themselves, or what they are replaced with."""
    config = json.loads(user_data)
    replace = config["ignition"].get("config", {}).get("replace")
    return json.loads(dataurl.contents(replace["source"], replace["compression"])) if replace else config


@pytest.mark.parametrize("name", NAMES)
def test_user_data_are_the_host(podhost: Podhost, builder: Builder, tmp_path: Path, name: str) -> None:
    target = host(tmp_path)
    result = podhost("deploy", target, "--provider", name, "-o", "user.ign")
    assert result.status == 0
    data = (tmp_path / "user.ign").read_bytes()
    row = PROVIDERS[name]
    assert row.limit is None or len(data) <= row.limit
    config = deploy.decode(data, row.encoding)
    validate(config)
    assert whole(config) == build(builder, target).config
    assert f"{row.title}: {len(data):,}" in result.stderr
    assert "user.ign" in result.stdout
    assert podhost("deploy", target, "--provider", name, "-o", "user.ign").status == 1


@pytest.mark.parametrize("name", LIMITED)
def test_a_host_at_the_limit_is_plain_and_one_beyond_is_wrapped(name: str) -> None:
    """At the very byte; a limit that is wrong by one would show."""
    row = PROVIDERS[name]._replace(encoding=Encoding.PLAIN)
    assert row.limit is not None
    empty = len(dumps(config_with("")))
    for more, form in ((0, "plain"), (1, "gzip")):
        made = deploy.deploy(config_with("a" * (row.limit - empty + more)), row, None, Report())
        assert made is not None
        assert made.form == form
    assert len(made.user_data) < row.limit // 4


def config_with(text: str) -> dict[str, object]:
    files = [{"path": "/etc/text", "contents": {"source": f"data:,{text}"}}]
    return {"ignition": {"version": "3.0.0"}, "storage": {"files": files}}


def limited(size: int) -> Provider:
    return PROVIDERS["aws"]._replace(limit=size)


def test_a_wrapped_host_is_the_host(builder: Builder, tmp_path: Path) -> None:
    config = build(builder, host(tmp_path)).config
    made = deploy.deploy(config, limited(len(dumps(config)) - 1), None, Report())
    assert made is not None
    assert (made.form, made.remote) == ("gzip", None)
    validate(made.user_data)
    assert whole(made.user_data) == config != json.loads(made.user_data)


@pytest.mark.parametrize("name", LIMITED)
def test_a_host_that_nothing_makes_small_enough_is_fetched(podhost: Podhost, tmp_path: Path, name: str) -> None:
    row = PROVIDERS[name]
    assert row.limit is not None
    target = host(tmp_path, size=3 * row.limit)
    result = podhost("deploy", target, "--provider", name)
    assert result.status == 1
    assert f"error: the host does not fit into the user data of {row.title}: compressed it takes" in result.stderr
    assert not list(tmp_path.glob("*.ign"))
    result = podhost("deploy", target, "--provider", name, "--url", URL)
    assert result.status == 0
    user_data, remote = (tmp_path / f"chat-{name}{part}.ign" for part in ("", "-remote"))
    config = deploy.decode(user_data.read_bytes(), row.encoding)
    validate(config)
    validate(remote.read_bytes())
    digest = hashlib.sha256(remote.read_bytes()).hexdigest()
    assert json.loads(config)["ignition"]["config"]["replace"] == {
        "source": URL,
        "verification": {"hash": f"sha256-{digest}"},
    }
    assert f"put 'chat-{name}-remote.ign' where {URL} leads to" in result.stderr


@pytest.mark.parametrize("url", ["example.org/chat.ign", "ftp://example.org/chat.ign", "https:///chat.ign"])
def test_what_no_machine_can_fetch(builder: Builder, tmp_path: Path, url: str) -> None:
    report = Report()
    assert deploy.deploy(build(builder, host(tmp_path)).config, limited(100), url, report) is None
    assert problems(report) == [f"--url: '{url}' is not where a machine can fetch a file"]


def test_a_spec_that_the_tool_cannot_read_is_said_before(podhost: Podhost, tmp_path: Path) -> None:
    target = host(tmp_path, version="1.7.0")
    result = podhost("deploy", target, "--provider", "metal")
    assert (result.status, result.stdout) == (1, "")
    assert result.stderr == (
        "error: coreos-installer 0.26 reads Ignition configs up to 3.5.0, and this one is 3.6.0\n"
        "  hint: something in your own Butane needs 3.6.0; podhost render --spec 3.5.0 says what\n"
    )
    assert podhost("deploy", target, "--provider", "aws").status == 0


def test_embedded_secrets_are_for_their_owner_alone(podhost: Podhost, tmp_path: Path) -> None:
    secrets = "\n".join(f"  {name}: swordfish-{name}" for name in ("postgres_password", "signing_key", "macaroon_key"))
    (tmp_path / "secrets.yaml").write_text(f"matrix:\n{secrets}\n")
    target = host(tmp_path)
    target.write_text(target.read_text() + "secrets: secrets.yaml\n")
    result = podhost("deploy", target, "--provider", "hetzner")
    assert result.status == 0, result.stderr
    assert (tmp_path / "chat-hetzner.ign").stat().st_mode & 0o777 == 0o600
    assert "the host's secrets are in it, and stay with Hetzner Cloud" in result.stderr
    assert "swordfish" not in result.stdout + result.stderr


@pytest.mark.parametrize("name", NAMES)
def test_commands_are_shell(name: str) -> None:
    """Whatever the names of machine and file are, each command has them as one word."""
    script = deploy.commands(PROVIDERS[name], "chat", "/tmp/a b's.ign")
    done = subprocess.run(["bash", "-n", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert shlex.quote("/tmp/a b's.ign") in script
    assert "{" not in script.replace("[{Key=", "").replace("${", "")


def test_every_limit_has_its_source() -> None:
    assert sorted(PROVIDERS) == [
        *(
            "aws",
            "azure",
            "digitalocean",
            "gcp",
            "hetzner",
            "libvirt",
            "metal",
            "openstack",
            "proxmox",
            "vmware",
            "vultr",
        ),
    ]
    assert [name for name, row in PROVIDERS.items() if not row.source] == []
    shown = (Path(__file__).parents[2] / "docs" / "vm.md").read_text()
    assert [name for name in LIMITED if f"{PROVIDERS[name].limit:,}" not in shown] == []
