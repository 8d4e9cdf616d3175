"""The host's scripts and units, as the tools see them that the host has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from podhost.build import Builder
from tests.support import REPOSITORY, build, contents

SCRIPTS = sorted(path for path in (REPOSITORY / "units").glob("podhost-*") if path.read_text().startswith("#!"))
FILLED_IN = REPOSITORY / "tests/golden/miniflux-backup/var/srv/containers/backup/config/run"
QUADLET = Path("/usr/libexec/podman/quadlet")


@pytest.fixture(scope="module")
def tree(builder: Builder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo host, with what is not podhost's own as empty files."""
    root = tmp_path_factory.mktemp("tree")
    for path, text in contents(build(builder, "matrix")).items():
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        if path.startswith("/usr/local/bin/"):
            target.chmod(0o755)
    return root


def test_there_are_scripts() -> None:
    assert {path.name for path in SCRIPTS} >= {"podhost-secrets", "podhost-certificates"}


@pytest.mark.parametrize("script", [*SCRIPTS, FILLED_IN], ids=lambda path: path.name)
def test_shellcheck_finds_nothing(script: Path) -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is missing: tests/units/setup installs it")
    result = subprocess.run(
        ["shellcheck", "--shell=sh", "--enable=all", "--exclude=SC2250,SC2312,SC2310", script],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.parametrize("name", [path.name for path in SCRIPTS])
def test_the_script_on_the_host_is_the_same_program(name: str, tree: Path) -> None:
    """Only comments and blank lines are left out."""
    original = (REPOSITORY / "units" / name).read_text().splitlines()
    kept = [line for line in original if line.strip() and not re.match(r"\s*#(?!!)", line)]
    assert (tree / "usr/local/bin" / name).read_text().splitlines() == kept
    subprocess.run(["/bin/sh", "-n", tree / "usr/local/bin" / name], check=True)


def test_systemd_accepts_the_units(tree: Path) -> None:
    """Those that Quadlet does not make; e2e shows the others in the booted host."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is missing: tests/units/setup installs it")
    units = sorted((tree / "etc/systemd/system").glob("*.service"))
    assert units
    for name in ("sysinit.target", "basic.target", "shutdown.target", "network.target"):
        (tree / "etc/systemd/system" / name).write_text("[Unit]\n")
    environment = {**os.environ, "SYSTEMD_UNIT_PATH": f"{tree}/etc/systemd/system:"}
    texts = {unit: unit.read_text() for unit in units}
    for unit, text in texts.items():  # it looks for the programs below its own root
        unit.write_text(text.replace("=/usr/local/bin/", f"={tree}/usr/local/bin/"))
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], env=environment, capture_output=True, text=True, check=False
    )
    for unit, text in texts.items():
        unit.write_text(text)
    assert (result.returncode, [line for line in result.stderr.splitlines() if str(tree) in line]) == (0, [])


def test_systemd_reads_the_calendar_of_updates(tree: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is missing: tests/units/setup installs it")
    text = (tree / "etc/systemd/system/podman-auto-update.timer.d/50-podhost.conf").read_text()
    (calendar,) = re.findall(r"^OnCalendar=(.+)$", text, re.MULTILINE)
    result = subprocess.run(["systemd-analyze", "calendar", calendar], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.covered("tests/e2e: the booted host runs the generator of its own podman")
def test_quadlet_accepts_the_units(tree: Path) -> None:
    if not QUADLET.exists():
        pytest.skip(f"{QUADLET} is missing: it comes with podman 4.4 or newer")
    environment = {**os.environ, "QUADLET_UNIT_DIRS": str(tree / "etc/containers/systemd")}
    result = subprocess.run([QUADLET, "-dryrun"], env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    made = set(re.findall(r"^---(.*)---$", result.stdout, re.MULTILINE))
    assert {"matrix-pod.service", "matrix-postgres.service", "matrix-postgres-image.service"} <= made


@pytest.mark.covered("tests/e2e: the booted host runs nginx with this configuration")
@pytest.mark.parametrize("name", ["nginx.conf", "nginx-http.conf"])
def test_nginx_accepts_its_configuration(name: str, tree: Path, tmp_path: Path) -> None:
    program = shutil.which("nginx")
    if not program:
        pytest.skip("nginx is missing")
    version = subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stderr
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < (1, 25):
        pytest.skip(f"{version.strip()} is too old for 'http2 on'")
    key = tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout", key, "-out", key],
        check=True,
        capture_output=True,
    )
    text = (tree / "var/srv/containers/matrix/config" / name).read_text()
    text = re.sub(r"/run/certificates/\S+\.pem", str(key), text).replace("/tmp/", f"{tmp_path}/")
    shutil.copy("/etc/nginx/mime.types", tmp_path)
    (tmp_path / name).write_text(text)
    result = subprocess.run([program, "-t", "-c", tmp_path / name], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
