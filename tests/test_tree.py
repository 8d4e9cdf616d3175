"""What a host is, apart from its Quadlet files: the manifest of its tree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from podhost.build import Builder
from podhost.tree import tree
from tests.support import PUBLIC_KEY, build, contents, make_library

STACK = """\
stack: example
summary: An \\4 example
addresses: ["https://{{ domain }}/"]
parameters:
  domain: {type: hostname, summary: Where}
secrets:
  password:
  passfile: {content: "x:${password}"}
certificates:
  web: {names: ["{{ domain }}", "www.{{ domain }}"]}
volumes:
  data: {mode: "0750"}
  shared: {owner: "5"}
  cache: {lasting: false}
containers:
  web:
    image: docker.io/library/nginx:1.30
    user: 101:102
    secrets: [passfile]
    certificates: [web]
    volumes: ["data:/data:Z", "shared:/shared:z", "cache:/cache:Z"]
    files: {/etc/x.conf: x.conf}
units:
  example.timer: {template: example.timer, enabled: true}
  example.path: {template: example.path}
"""
FILES = {
    "x.conf": "server {{ domain }};\n",
    "example.timer": "[Timer]\nOnCalendar=daily\n",
    "example.path": "[Path]\nPathExists=/{{ domain }}\n",
    "unused.conf": "{{ nothing }}",
}
HOST = f"""\
hostname: box
ssh_keys: ["{PUBLIC_KEY}"]
time_zone: Europe/Paris
updates: {{window: {{days: [Mon, Thu], start: "03:30", length: 90m}}, containers: false}}
data_disk: {{device: /dev/disk/by-id/data, filesystem: ext4}}
swap: 2G
stacks:
  example: {{domain: example.org}}
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], dict[str, Any]]:
    folder = tmp_path_factory.mktemp("tree")
    library = make_library(folder / "library", STACK, **FILES)
    (folder / "host.yaml").write_text(HOST)
    built = build(Builder(library), folder / "host.yaml")
    return contents(built), tree(built.config, built.plan)[1]


def test_every_path_has_its_owner_mode_and_label(host: tuple[dict[str, str], dict[str, Any]]) -> None:
    root = "/var/srv/containers/example"
    file = {"kind": "file", "owner": "0:0", "mode": "0644"}
    program = {"kind": "file", "owner": "0:0", "mode": "0755"}
    units = (
        *("certificates.container", "certificates.image", "certificates.network"),
        *("example-cache.volume", "example-web.container", "example-web.image"),
    )
    certificates = "/var/srv/containers/certificates"
    assert host[1]["paths"] == {
        root: {"kind": "directory", "owner": "0:0", "mode": "0755"},
        f"{root}/config": {"kind": "directory", "owner": "0:0", "mode": "0755"},
        f"{root}/config/x.conf": file | {"label": "Z"},
        f"{root}/data": {"kind": "directory", "owner": "101:102", "mode": "0750", "label": "Z"},
        f"{root}/shared": {"kind": "directory", "owner": "5:5", "mode": "0700", "label": "z"},
        certificates: {"kind": "directory", "owner": "0:0", "mode": "0755"},
        f"{certificates}/config": {"kind": "directory", "owner": "0:0", "mode": "0755"},
        f"{certificates}/config/certificates.yaml": file | {"label": "Z"},
        f"{certificates}/store": {"kind": "directory", "owner": "10001:10001", "mode": "0700", "label": "Z"},
        f"{certificates}/webroot": {"kind": "directory", "owner": "10001:10001", "mode": "0755", "label": "z"},
        **{f"/etc/containers/systemd/{name}": file for name in units},
        "/etc/hostname": file,
        "/etc/issue.d/50-podhost.issue": file,
        "/etc/localtime": {"kind": "link", "owner": "0:0", "target": "../usr/share/zoneinfo/Europe/Paris"},
        "/etc/podhost/example.certificates": file,
        "/etc/podhost/example.secrets": file,
        "/etc/systemd/system/certificates.timer": file,
        "/etc/systemd/system/example-certificates.path": file,
        "/etc/systemd/system/example-certificates.service": file,
        "/etc/systemd/system/example-secrets.service": file,
        "/etc/systemd/system/example.path": file,
        "/etc/systemd/system/example.timer": file,
        "/etc/systemd/system/var-srv-containers.mount": file,
        "/etc/systemd/zram-generator.conf": file,
        "/etc/zincati/config.d/55-podhost.toml": file,
        "/usr/local/bin/podhost-certificates": program,
        "/usr/local/bin/podhost-secrets": program,
    }


def test_what_is_no_file_is_there_in_ignitions_words(host: tuple[dict[str, str], dict[str, Any]]) -> None:
    manifest = host[1]
    assert manifest["enabled"] == {
        "certificates.timer": True,
        "example-certificates.path": True,
        "example.timer": True,
        "var-srv-containers.mount": True,
    }
    assert manifest["other"] == {"passwd": {"users": [{"name": "core", "sshAuthorizedKeys": [PUBLIC_KEY]}]}}
    (disk,) = manifest["storage"]["filesystems"]
    assert disk == {
        "device": "/dev/disk/by-id/data",
        "format": "ext4",
        "label": "podhost-data",
        "path": "/var/srv/containers",
        "wipeFilesystem": False,
    }


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/etc/hostname", "box\n"),
        ("/etc/podhost/example.secrets", "password\ttoken:32\npassfile\ttext:x:\tsecret:password\n"),
        ("/etc/podhost/example.certificates", "web 101:102 example-web example.org www.example.org\n"),
        ("/var/srv/containers/example/config/x.conf", "server example.org;\n"),
        ("/etc/systemd/system/example.path", "[Path]\nPathExists=/example.org\n"),
        ("/etc/systemd/zram-generator.conf", "[zram0]\nzram-size = 2048\n"),
        ("/etc/issue.d/50-podhost.issue", "An \\\\4 example: https://example.org/\nThis machine: \\4 \\6\n\n"),
        (
            "/etc/zincati/config.d/55-podhost.toml",
            '[updates]\nstrategy = "periodic"\n\n[[updates.periodic.window]]\n'
            'days = ["Mon", "Thu"]\nstart_time = "03:30"\nlength_minutes = 90\n',
        ),
    ],
)
def test_the_text_of_a_file(path: str, expected: str, host: tuple[dict[str, str], dict[str, Any]]) -> None:
    assert host[0][path] == expected


def test_a_plain_host_has_none_of_the_rest(tmp_path: Path) -> None:
    """No disk, no swap, no keys, no time zone, no host name, no secrets, no certificates: nothing for them."""
    library = make_library(
        tmp_path / "library",
        "stack: example\nsummary: x\ncontainers:\n  web: {image: 'docker.io/library/nginx:1.30'}\n",
    )
    (tmp_path / "host.yaml").write_text("stacks:\n  example:\n")
    built = build(Builder(library), tmp_path / "host.yaml")
    _, manifest = tree(built.config, built.plan)
    assert set(manifest["paths"]) == {
        "/etc/containers/systemd/example-web.container",
        "/etc/containers/systemd/example-web.image",
        "/etc/issue.d/50-podhost.issue",
        "/etc/systemd/system/podman-auto-update.timer.d/50-podhost.conf",
        "/etc/zincati/config.d/55-podhost.toml",
    }
    assert manifest["enabled"] == {"podman-auto-update.timer": True}
    assert "storage" not in manifest
    assert "other" not in manifest


def test_two_stacks_on_one_host(tmp_path: Path) -> None:
    text = "stack: {0}\nsummary: x\nsecrets:\n  key:\ncontainers:\n  web:\n    image: docker.io/library/nginx:1.30\n    secrets: [key]\n"
    library = make_library(tmp_path / "library", text.format("example"))
    (tmp_path / "library/stacks/other").mkdir()
    (tmp_path / "library/stacks/other/stack.yaml").write_text(text.format("other"))
    (tmp_path / "host.yaml").write_text("stacks:\n  other:\n  example:\n")
    files = contents(build(Builder(library), tmp_path / "host.yaml"))
    for name in ("example", "other"):
        unit = files[f"/etc/containers/systemd/{name}-web.container"]
        assert f"Secret={name}-key,type=mount,target=key,uid=0,gid=0,mode=0400\n" in unit
        assert (
            f"ExecStart=/usr/local/bin/podhost-secrets {name}\n" in files[f"/etc/systemd/system/{name}-secrets.service"]
        )
        assert f"/etc/podhost/{name}.secrets" in files
