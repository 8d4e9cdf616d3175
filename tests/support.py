"""Helpers of the tests: running the command line, reading what it made, and small stacks to break."""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from podhost import library
from podhost.__main__ import main
from podhost.build import Builder, Built
from podhost.library import Library
from podhost.problems import Mark, Report, Source
from podhost.tree import tree

REPOSITORY = Path(__file__).parent.parent
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl admin@example.org"
MARK = Mark(Source("test", ""), 1, 1)


@dataclass(frozen=True)
class Result:
    """How a run of the command line ended."""

    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Podhost:
    """`podhost ARGUMENTS`, run in this process; an exception that gets out of it fails the test."""

    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *arguments: str | Path, stdin: bytes = b"") -> Result:
        streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="surrogateescape") for _ in range(2)]
        status: object = 0
        with self.monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["podhost", *map(str, arguments)])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
            patch.setattr(sys, "stdout", streams[0])
            patch.setattr(sys, "stderr", streams[1])
            try:
                main()
            except SystemExit as end:
                status = end.code or 0
        texts = []
        for stream in streams:
            stream.flush()
            assert isinstance(stream.buffer, io.BytesIO)
            texts.append(stream.buffer.getvalue().decode("utf-8", "surrogateescape"))
        assert isinstance(status, int)
        return Result(status, *texts)

    def use(self, root: Path) -> None:
        """Take stacks, units and snippets from another folder."""
        self.monkeypatch.setattr(library, "_data_root", lambda: root)


def python(*arguments: str | Path, prefix: tuple[str, ...] = (), **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `python ARGUMENTS` as a process of its own."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    command = [*prefix, sys.executable, *map(str, arguments)]
    return subprocess.run(command, text=True, timeout=60, check=False, **options)


def files_below(folder: Path) -> set[str]:
    """The paths of everything below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def make_library(root: Path, stack: str, **files: str) -> Library:
    """A library of one stack, called example, with the parts, units and snippets of the repository."""
    add_stack(root, "example", stack, **files)
    for shared in ("parts", "units", "butane"):
        (root / shared).symlink_to(REPOSITORY / shared)
    return Library(root)


def add_stack(root: Path, name: str, stack: str, **files: str) -> None:
    """Add one more stack to a library."""
    folder = root / "stacks" / name
    (folder / "files").mkdir(parents=True)
    (folder / "stack.yaml").write_text(stack)
    for file, text in files.items():
        (folder / "files" / file).write_text(text)


def problems(report: Report) -> list[str]:
    """The problems of a report without their excerpts: place, severity and message."""
    return [f"{each.mark}: {each.message}" if each.mark else each.message for each in report.problems]


def build(builder: Builder, target: str | Path, *settings: str, **options: Any) -> Built:
    """Build a host that has no errors."""
    report = Report()
    file = builder.read(str(target), report, settings)
    report.raise_if_failed()
    assert file
    built = builder.build(file, report, **options)
    report.raise_if_failed()
    assert built
    return built


def contents(built: Built) -> dict[str, str]:
    """Every text file of a host by its path, units included."""
    files, _ = tree(built.config, built.plan)
    return {f"/{path}": data.decode() for path, data in files.items()}
