"""Every mistake gets its message: a file in hosts/ or stacks/ for each, which begins with what is expected of it.

    # args: --podman 5.3                          arguments beside the file, where it needs any
    # error: 7:11: 'matrix.fcos,fr' is not a host name
    # hint: labels hold letters, digits and '-', with dots between them; did you mean 'matrix.fcos.fr'?
    # error: files/x.conf:3:4: …                  a problem in another file

A file in hosts/ is a host file for the stacks of the repository.
A file in stacks/ is the stack.yaml of a stack called example, with stacks/files/ as its templates, on a host that gives `domain`.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.support import Podhost, files_below, make_library

HERE = Path(__file__).parent
HOST = "stacks:\n  example:\n    domain: example.org\n"
HOSTS, STACKS = (sorted((HERE / folder).glob("*.yaml")) for folder in ("hosts", "stacks"))
_PROBLEM = r"(?:(?P<file>[^\s:]+):(?P<place>\d+:\d+): )?(?:error|warning): (?P<message>.*)"


def expectation(path: Path) -> tuple[list[str], list[str]]:
    """The arguments and the problems that the head of a file names."""
    arguments: list[str] = []
    expected: list[str] = []
    for line in path.read_text("utf-8").splitlines():
        word, _, rest = line.removeprefix("# ").partition(": ")
        if word == "args":
            arguments = rest.split()
        elif word in ("error", "hint") and line.startswith("# "):
            expected.append(f"{word}: {rest}")
        else:
            break
    assert expected, f"{path} does not begin with what is expected of it"
    return arguments, expected


def told(stderr: str, folder: Path, main: str) -> list[str]:
    """The problems of a report and their hints, in the form of the files' heads."""
    found = []
    for line in stderr.splitlines():
        if match := re.fullmatch(_PROBLEM, line.replace(f"{folder}/", "")):
            place = f"{match['place']}: " if match["place"] else ""
            file = f"{match['file']}:" if match["file"] and match["file"] != main else ""
            found.append(f"error: {file}{place}{match['message']}")
        elif line.startswith("  hint: "):
            found.append(line.strip())
        elif re.fullmatch(r" +\d* \| .*", line):
            continue
        elif found:
            found[-1] += "\n" + line
    return found


@pytest.mark.parametrize("path", HOSTS, ids=lambda path: path.stem)
def test_a_mistake_in_a_host_file(path: Path, podhost: Podhost, tmp_path: Path) -> None:
    arguments, expected = expectation(path)
    shutil.copy(path, tmp_path / "host.yaml")
    result = podhost("render", "host.yaml", "-o", "out.ign", *arguments)
    assert told(result.stderr, tmp_path, "host.yaml") == expected
    assert result.stdout == ""
    assert result.status == 1
    assert files_below(tmp_path) == {"host.yaml"}


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.stem)
def test_a_mistake_in_a_stack(path: Path, podhost: Podhost, tmp_path: Path) -> None:
    arguments, expected = expectation(path)
    folder = tmp_path / "library/stacks/example"
    make_library(tmp_path / "library", path.read_text("utf-8"))
    shutil.copytree(HERE / "stacks/files", folder / "files", dirs_exist_ok=True)
    (tmp_path / "host.yaml").write_text(HOST)
    podhost.use(tmp_path / "library")
    before = files_below(tmp_path)
    result = podhost("render", "host.yaml", "-o", "out.ign", *arguments)
    assert told(result.stderr, folder, "stack.yaml") == expected
    assert result.stdout == ""
    assert result.status == 1
    assert files_below(tmp_path) == before


def test_the_files_are_there() -> None:
    assert HOSTS
    assert STACKS
