"""units/podhost-secrets, the script that makes a service's secrets on the host."""

from __future__ import annotations

import base64
import re
import stat
from pathlib import Path

import pytest

from tests.units.conftest import HostRoot

TABLE = """\
password	token:32
passfile	text:127.0.0.1:5432:a b:*:	secret:password
signing_key	text:ed25519 a_	hex:3	text: 	base64:32
odd	text:$HOME \\n %h `id` 'x' "y"	hex:1
"""


@pytest.fixture
def made(root: HostRoot) -> Path:
    root.write("etc/podhost/example.secrets", TABLE)
    result = root.run("podhost-secrets", "example")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    return root.path / "var/srv/containers/example/secrets"


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_every_secret_is_made_as_its_line_says(made: Path) -> None:
    secrets = texts(made)
    assert set(secrets) == {"password", "passfile", "signing_key", "odd"}
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", secrets["password"])
    assert secrets["passfile"] == f"127.0.0.1:5432:a b:*:{secrets['password']}"
    key = re.fullmatch(r"ed25519 a_[0-9a-f]{6} ([A-Za-z0-9+/]{43})", secrets["signing_key"])
    assert key
    assert len(base64.b64decode(key[1] + "=")) == 32
    assert re.fullmatch(r"""\$HOME \\n %h `id` 'x' "y"[0-9a-f]{2}""", secrets["odd"])


def test_nobody_else_reads_them(made: Path) -> None:
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in made.iterdir()} == {0o600}


def test_podman_gets_them_all(made: Path, root: HostRoot) -> None:
    assert root.podman == {f"example-{name}": text for name, text in texts(made).items()}


def test_the_next_boot_makes_none_anew(made: Path, root: HostRoot) -> None:
    before = texts(made)
    for path in (root.path / "podman").iterdir():
        path.unlink()  # a new system: podman knows no secret
    assert root.run("podhost-secrets", "example").returncode == 0
    assert texts(made) == before
    assert root.podman == {f"example-{name}": text for name, text in before.items()}


def test_a_new_secret_joins_the_old_ones(made: Path, root: HostRoot) -> None:
    before = texts(made)
    root.write("etc/podhost/example.secrets", TABLE + "more\ttoken:32\n")
    assert root.run("podhost-secrets", "example").returncode == 0
    after = texts(made)
    assert len(after.pop("more")) == 43
    assert after == before


def test_two_hosts_share_none(made: Path, root: HostRoot, tmp_path: Path) -> None:
    before = texts(made)
    made.rename(tmp_path / "elsewhere")
    assert root.run("podhost-secrets", "example").returncode == 0
    after = texts(made)
    assert after.keys() == before.keys()
    assert all(after[name] != before[name] for name in before)


def test_what_the_administrator_brings_is_used(root: HostRoot) -> None:
    root.write("etc/podhost/example.secrets", TABLE)
    root.write("etc/podhost/secrets/example/password", "hunter2")
    assert root.run("podhost-secrets", "example").returncode == 0
    assert root.podman["example-password"] == "hunter2"
    assert root.podman["example-passfile"] == "127.0.0.1:5432:a b:*:hunter2"
    assert not (root.path / "var/srv/containers/example/secrets/password").exists()


def test_what_is_made_of_others_follows_them(made: Path, root: HostRoot) -> None:
    """The administrator brings a new password: what it is part of is made anew, and what has randomness of its own stays."""
    before = texts(made)
    root.write("etc/podhost/secrets/example/password", "new")
    assert root.run("podhost-secrets", "example").returncode == 0
    assert texts(made) == before | {"passfile": "127.0.0.1:5432:a b:*:new"}
    assert root.podman["example-passfile"] == "127.0.0.1:5432:a b:*:new"


def test_a_secret_may_be_part_of_json(root: HostRoot) -> None:
    root.write("etc/podhost/example.secrets", "password\tgiven:\nsettings\ttext:{pass: \tjson:password\ttext:}\n")
    root.write("etc/podhost/secrets/example/password", "a\"b\\c 'd' $e `f` %s &")
    assert root.run("podhost-secrets", "example").returncode == 0
    assert root.podman["example-settings"] == """{pass: "a\\"b\\\\c 'd' $e `f` %s &"}"""


@pytest.mark.parametrize("leftover", [".password", "password"])
def test_one_that_was_cut_short_is_made_again(root: HostRoot, leftover: str) -> None:
    """Power fails at any moment: an unfinished file has another name, and a file that was never filled is empty."""
    root.write("etc/podhost/example.secrets", TABLE)
    root.write(f"var/srv/containers/example/secrets/{leftover}", "abc" if leftover.startswith(".") else "")
    assert root.run("podhost-secrets", "example").returncode == 0
    assert len(root.podman["example-password"]) == 43
    assert ".password" not in texts(root.path / "var/srv/containers/example/secrets")


def test_a_failing_podman_fails_the_unit(root: HostRoot) -> None:
    root.write("etc/podhost/example.secrets", TABLE)
    root.write("broken", "")
    assert root.run("podhost-secrets", "example").returncode == 125


def test_a_missing_table_fails_the_unit(root: HostRoot) -> None:
    assert root.run("podhost-secrets", "example").returncode != 0
