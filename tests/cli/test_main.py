from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import podhost as package
from tests.support import REPOSITORY, Podhost, python

ENTRY = Path(sys.executable).with_name("podhost")


@pytest.mark.parametrize("option", ["--version"])
def test_version(podhost: Podhost, option: str) -> None:
    result = podhost(option)
    assert (result.status, result.stdout, result.stderr) == (0, f"podhost {package.__version__}\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["-h"],
        ["render", "--help"],
        ["init", "-h"],
        ["stacks", "-h"],
        ["transpile", "-h"],
        ["cert", "-h"],
        ["cert", "run", "-h"],
    ],
)
def test_help(podhost: Podhost, arguments: list[str]) -> None:
    result = podhost(*arguments)
    assert (result.status, result.stderr) == (0, "")
    assert result.stdout.startswith(f"Usage: podhost {' '.join(arguments[:-1])}".rstrip())


def test_help_names_every_command(podhost: Podhost) -> None:
    text = podhost("--help").stdout
    for command in ("cert", "init", "render", "stacks", "transpile"):
        assert f"\n  {command} " in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rendr"], "No such command 'rendr'"),
        (["--nosuch"], "No such option"),
        (["render"], "Missing argument"),
        (["render", "matrix", "more"], "Got unexpected extra argument"),
        (["render", "matrix", "--format", "toml"], "'toml' is not one of"),
        (["render", "matrix", "--format", "tree"], "--format tree writes a folder: name it with -o"),
        (["render", "matrix", "--format", "tree", "-o", "-"], "--format tree writes a folder: name it with -o"),
        (["render", "matrix", "--podman", "new"], "'new' is not a podman version"),
        (["render", "matrix", "--set"], "requires an argument"),
        (["init"], "Missing argument"),
        (["stacks", "a", "b"], "Got unexpected extra argument"),
        (["cert", "run"], "Missing option '--config'"),
        (["cert", "issue", "--config", "certs.yaml"], "Missing argument 'NAME...'"),
    ],
)
def test_misuse_is_2_and_says_how(podhost: Podhost, arguments: list[str], message: str) -> None:
    result = podhost(*arguments)
    assert result.status == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert result.stderr.startswith(("Usage: podhost", "Error: "))


def test_a_version_that_is_none_is_no_tuple(podhost: Podhost) -> None:
    result = podhost("render", "matrix", "--podman", "5.x")
    assert result.stderr.splitlines()[-1].startswith(
        "Error: Invalid value for '--podman': '5.x' is not a podman version"
    )
    assert "as in 5.4" in result.stderr


def test_the_module_is_the_command() -> None:
    result = python("-m", "podhost", "--version")
    assert (result.returncode, result.stdout, result.stderr) == (0, f"podhost {package.__version__}\n", "")


def test_the_installed_command_is_the_module() -> None:
    result = subprocess.run([ENTRY, "render", "matrix"], capture_output=True, check=True)
    module = subprocess.run([sys.executable, "-m", "podhost", "render", "matrix"], capture_output=True, check=True)
    assert result.stdout == module.stdout


def test_a_reader_that_goes_away_is_no_mistake() -> None:
    """`podhost render matrix | head -c1` ends without a word of Python's."""
    command = [sys.executable, "-m", "podhost", "render", "matrix", "--pretty"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        errors = process.stderr.read().decode()
        process.wait(30)
    assert "Traceback" not in errors
    assert "BrokenPipe" not in errors
    assert "Exception ignored" not in errors


def test_a_closed_output_is_said() -> None:
    result = subprocess.run(
        ["/bin/sh", "-c", f"'{sys.executable}' -m podhost render matrix >&-"], capture_output=True, text=True
    )
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "error: " in result.stderr


def test_a_closed_input_is_said() -> None:
    command = ["/bin/sh", "-c", f"'{sys.executable}' -m podhost transpile <&-"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr


def test_a_full_disk_is_said() -> None:
    with Path("/dev/full").open("wb") as full:
        result = python("-m", "podhost", "render", "matrix", stdout=full)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "error: standard output cannot be written: No space left on device" in result.stderr


def test_an_interrupt_ends_without_a_traceback(tmp_path: Path) -> None:
    fifo = tmp_path / "host.yaml"
    os.mkfifo(fifo)
    with (
        subprocess.Popen(
            [sys.executable, "-m", "podhost", "render", fifo], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process,
        fifo.open("wb"),
    ):  # it is open on both sides now: podhost is reading
        process.send_signal(2)
        errors = process.communicate(timeout=30)[1].decode()
    assert process.returncode == 1
    assert "Traceback" not in errors


@pytest.mark.parametrize("locale", ["C", "POSIX", "C.UTF-8"])
def test_any_locale_will_do(tmp_path: Path, locale: str) -> None:
    host = tmp_path / "host.yaml"
    host.write_text("stacks:\n  matrix:\n    domain: fcos.fr\n    email: a@fcos.fr\n    brand: Zoë 日本\n", "utf-8")
    result = python("-m", "podhost", "render", host, env={"PATH": os.environ["PATH"], "LC_ALL": locale})
    assert result.returncode == 0, result.stderr
    host.write_text("stacks:\n  matrix:\n    domain: fcös.fr\n    email: a@fcos.fr\n", "utf-8")
    result = python(
        "-m",
        "podhost",
        "render",
        host,
        env={"PATH": os.environ["PATH"], "LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    )
    assert result.returncode == 1
    assert "is not a host name" in result.stderr
    assert "Traceback" not in result.stderr


def test_completion_is_offered() -> None:
    result = python(ENTRY, env={**os.environ, "_PODHOST_COMPLETE": "bash_source"})
    assert result.returncode == 0
    assert "_PODHOST_COMPLETE=bash_complete" in result.stdout


@pytest.mark.parametrize(("words", "expected"), [("podhost re", "render"), ("podhost render --fo", "--format")])
def test_completion_completes(words: str, expected: str) -> None:
    environment = {
        **os.environ,
        "_PODHOST_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    result = python(ENTRY, env=environment)
    assert f"plain,{expected}" in result.stdout.splitlines()


def test_the_wheel_has_everything(tmp_path: Path) -> None:
    """Installed from a wheel, without the repository, podhost renders the same bytes."""
    clone = tmp_path / "clone"
    shutil.copytree(
        REPOSITORY, clone, ignore=shutil.ignore_patterns(".*", "tests", "__pycache__", "*.ign", "node_modules")
    )
    build = python(
        *("-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, clone),
        cwd=tmp_path,
    )
    if "BackendUnavailable" in build.stderr:
        pytest.skip("the build backend, hatchling, is not installed here")
    assert build.returncode == 0, build.stderr
    (wheel,) = tmp_path.glob("podhost-*.whl")
    installed = python("-m", "zipfile", "-e", wheel, tmp_path / "site")
    assert installed.returncode == 0
    result = python(
        "-m", "podhost", "render", "matrix", cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == python("-m", "podhost", "render", "matrix").stdout
    where = python(
        "-c",
        "import podhost; print(podhost.__file__)",
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
    )
    assert where.stdout.startswith(str(tmp_path / "site"))
