"""How a host's data are saved and taken back: the service that podhost adds by itself, and what its stacks have for it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from podhost.build import Builder, Built
from podhost.ignition import dumps
from tests.support import build, contents, make_library

STACK = """\
stack: example
summary: Example
parts:
  postgres: {pod: example, user: notes}
secrets:
  key:
volumes:
  files:
  scratch: {saved: false}
  fleeting: {lasting: false, saved: false}
pods:
  example:
containers:
  web:
    image: docker.io/library/nginx:1.30
    volumes: ["files:/files:Z", "scratch:/scratch:Z", "fleeting:/fleeting:Z"]
    secrets: [key]
"""
SAVE, RESTORE = (f"/etc/containers/systemd/{name}.container" for name in ("backup", "backup-restore"))
CONFIG = "/var/srv/containers/backup/config"
DUMP = "example-postgres-dump.service"


def host(folder: Path, backup: str = "", **files: str) -> Built:
    """The host with this in its section `backup`, and these files beside its host file."""
    shutil.rmtree(folder / "library", ignore_errors=True)
    library = make_library(folder / "library", STACK)
    for name, text in {"password": "secret\n", **files}.items():
        (folder / name).write_text(text)
    section = "backup: {repository: 's3:https://s3.example.org/bucket/chat', password: password" + backup + "}"
    (folder / "host.yaml").write_text(f"hostname: chat.example.org\n{section}\nstacks:\n  example:\n")
    return build(Builder(library), folder / "host.yaml")


def values(text: str, key: str) -> list[str]:
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{key}=")]


def units(built: Built) -> dict[str, str]:
    return {unit.name: unit.content for unit in built.files.units}


def test_a_host_without_the_section_has_nothing_of_it(tmp_path: Path) -> None:
    library = make_library(tmp_path / "library", STACK)
    (tmp_path / "host.yaml").write_text("stacks:\n  example:\n")
    built = build(Builder(library), tmp_path / "host.yaml")
    assert [path for path in (*contents(built), *units(built)) if "backup" in path or "dump" in path] == []
    assert "initdb" not in contents(built)["/etc/containers/systemd/example-postgres.container"].replace("INITDB", "")


def test_what_lasts_is_saved_but_for_what_says_otherwise(tmp_path: Path) -> None:
    built = host(tmp_path)
    assert contents(built)[f"{CONFIG}/unsaved"].split() == [
        "/var/srv/containers/*/config",
        "/var/srv/containers/example/scratch",
        "/var/srv/containers/example/postgres",
    ]


def test_it_saves_with_the_right_to_read_and_no_other(tmp_path: Path) -> None:
    unit = contents(host(tmp_path))[SAVE]
    assert values(unit, "AddCapability") == ["DAC_READ_SEARCH"]
    assert "/var/srv/containers:/var/srv/containers:ro" in values(unit, "Volume")
    assert values(unit, "SecurityLabelLevel") == ["s0:c0.c1023"]
    assert values(unit, "ReadOnly") == ["true"]
    assert sorted(values(unit, "Environment")) == [
        "RESTIC_CACHE_DIR=/cache",
        "RESTIC_HOST=chat.example.org",
        "RESTIC_PASSWORD_FILE=/run/secrets/password",
        "RESTIC_PROGRESS_FPS=0.01",
        "RESTIC_REPOSITORY=s3:https://s3.example.org/bucket/chat",
    ]


def test_databases_are_dumped_before(tmp_path: Path) -> None:
    unit = units(host(tmp_path))[DUMP]
    assert values(unit, "Before") == values(unit, "WantedBy") == ["backup.service"]
    assert "pg_dump --username=notes --dbname=notes" in unit


def test_data_are_taken_back_before_anything_touches_them(tmp_path: Path) -> None:
    built = host(tmp_path)
    (before,) = values(contents(built)[RESTORE], "Before")
    assert set(before.split()) == {
        "backup.service",
        "example-postgres.service",
        "example-secrets.service",
        "example-web.service",
        DUMP,
    }
    assert values(contents(built)[RESTORE], "RestartMode") == ["direct"]
    assert "backup-restore.timer" not in units(built)


def test_the_secrets_are_in_files_of_roots(tmp_path: Path) -> None:
    built = host(
        tmp_path, ", credentials: credentials", credentials="AWS_ACCESS_KEY_ID=one\nAWS_SECRET_ACCESS_KEY=two\n"
    )
    modes = {each.path: each.mode for each in built.files.files if each.path.startswith("/etc/podhost/secrets/")}
    assert modes == {f"/etc/podhost/secrets/backup/{name}": 0o600 for name in ("credentials", "password")}
    assert contents(built)["/etc/podhost/secrets/backup/credentials"].endswith("AWS_SECRET_ACCESS_KEY=two")


@pytest.mark.parametrize(
    ("keep", "options"),
    [
        ("", "--keep-daily 7 --keep-weekly 5 --keep-monthly 12"),
        (", keep: {daily: 1, weekly: 0, monthly: 0, yearly: 3}", "--keep-daily 1 --keep-yearly 3"),
    ],
)
def test_what_is_kept(tmp_path: Path, keep: str, options: str) -> None:
    assert f"restic forget --retry-lock=1h {options} --prune\n" in contents(host(tmp_path, keep))[f"{CONFIG}/run"]


def test_with_nothing_to_forget_nothing_is_removed(tmp_path: Path) -> None:
    """As a repository wants it that takes new snapshots, and lets nobody remove one."""
    script = contents(host(tmp_path, ", keep: {daily: 0, weekly: 0, monthly: 0}"))[f"{CONFIG}/run"]
    assert re.findall(r"^ +(?:exists \|\| )?restic (\w+)", script, re.MULTILINE) == [
        "cat",
        "init",
        "unlock",
        "backup",
        "check",
        "restore",
    ]


def test_one_snapshot_may_be_asked_for(tmp_path: Path) -> None:
    assert values(contents(host(tmp_path, ", restore: 1a2b3c4d"))[RESTORE], "Exec") == ["restore 1a2b3c4d"]
    assert RESTORE not in contents(host(tmp_path, ", restore: none"))


def test_a_trial_saves_nothing(tmp_path: Path) -> None:
    built = host(tmp_path, ", save: false")
    assert RESTORE in contents(built)
    assert SAVE not in contents(built)
    assert "backup.timer" not in units(built)
    assert "backup" not in dumps(host(tmp_path, ", save: false, restore: none").config)


def test_who_is_told(tmp_path: Path) -> None:
    built = host(tmp_path, ", report: 'https://hc.example.org/a%20b'")
    assert values(contents(built)[SAVE], "OnSuccess") == ["backup-report.service"]
    assert units(built)["backup-report.service"].endswith(" https://hc.example.org/a%%20b\n")
    assert values(contents(host(tmp_path))[SAVE], "OnSuccess") == []
