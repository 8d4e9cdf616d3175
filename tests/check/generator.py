"""podman's own Quadlet generators, and what they make of a stack that podhost has built as if it had no rules.

`tests/check/setup` builds them into `tests/.cache/bin`.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest

from podhost.build import Builder
from podhost.document import read
from podhost.library import Library, StackFolder
from podhost.problems import Problem, Report, Source
from podhost.quadlet.convert import FOLDER
from podhost.quadlet.keys import Release
from podhost.spec.model import validate
from podhost.spec.stack import Stack
from tests.support import REPOSITORY

BIN = REPOSITORY / "tests/.cache/bin"
GENERATORS: dict[Release, Path] = {(5, 4): BIN / "quadlet-5.4.2", (5, 8): BIN / "quadlet-5.8.0"}
# The rules that say: the generator drops this unit.
DROPPING = frozenset({"quadlet/dropped", "quadlet/key-too-new", "quadlet/unknown-key"})


def missing() -> str:
    """Say which generators are not there; empty if all are."""
    absent = [path.name for path in GENERATORS.values() if not os.access(path, os.X_OK)]
    return f"not installed: {', '.join(absent)}; run tests/check/setup" if absent else ""


class Outcome(NamedTuple):
    """What became of a stack: what podhost says, its Quadlet files by name, and those of which the generator made services."""

    problems: list[Problem]
    units: dict[str, str]
    converted: set[str]
    log: str

    @property
    def dropped(self) -> set[str]:
        """The files that the generator made nothing of."""
        return self.units.keys() - self.converted


class OneStack(Library):
    """A library of one stack, from its text."""

    def __init__(self, text: str) -> None:
        super().__init__(REPOSITORY)
        report = Report()
        node = read(Source("stack.yaml", text), report)
        assert node, report.problems
        spec = validate(Stack, node, report)
        assert spec, report.problems
        self._stacks["example"] = StackFolder(REPOSITORY, spec, node, {})

    @property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("example",)


def outcome(text: str, podman: Release, host: str = "stacks:\n  example:\n") -> Outcome:
    """Build a stack without rules, and give its files to the generator of a podman release."""
    said: list[Problem] = []
    add = Report.add

    def listen(report: Report, problem: Problem) -> None:
        said.append(problem)
        if not problem.rule:
            add(report, problem)

    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(Report, "add", listen)
        (Path(folder) / "host.yaml").write_text(host)
        builder, report = Builder(OneStack(text)), Report()
        file = builder.read(f"{folder}/host.yaml", report)
        assert file, report.problems
        built = builder.build(file, report, podman)
        assert built, report.problems
        units = {
            each.path.removeprefix(f"{FOLDER}/"): each.content
            for each in built.files.files
            if each.path.startswith(FOLDER)
        }
        converted, log = convert(units, podman)
    return Outcome(said, units, converted, log)


def convert(units: dict[str, str], podman: Release) -> tuple[set[str], str]:
    """Give the names of those files that the generator makes services of, and what it says."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in units.items():
            (Path(folder) / name).write_text(content)
        done = subprocess.run(
            [GENERATORS[podman], "-dryrun"],
            env={"QUADLET_UNIT_DIRS": folder, "PATH": "/usr/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        log = "\n".join(line for line in done.stderr.splitlines() if "Loading source" not in line)
        return set(re.findall(rf"^SourcePath={folder}/(.*)$", done.stdout, re.MULTILINE)), log
