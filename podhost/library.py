"""Where stacks, shared units and Butane snippets are found, and how they are read."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from podhost.document import Node, load, locate, read_text
from podhost.problems import Report, Source, did_you_mean
from podhost.spec.model import validate
from podhost.spec.stack import Stack


class StackFolder(NamedTuple):
    """A stack as it stands in its folder: the model, the nodes it was read from, and its template files by name."""

    path: Path
    spec: Stack
    node: Node
    files: dict[str, Source]

    @property
    def demo(self) -> Path:
        """The host file of the stack's demo host."""
        return self.path / "demo.yaml"


class Library:
    """The stacks, units and snippets that podhost knows. Each is read once."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or _data_root()
        self._stacks: dict[str, StackFolder] = {}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of all stacks, sorted."""
        return tuple(sorted(path.parent.name for path in (self.root / "stacks").glob("*/stack.yaml")))

    def stack(self, name: str) -> StackFolder:
        """Read a stack; raise `InvalidInput` when its files have errors. The name has to be one of `names`."""
        if name not in self._stacks:
            self._stacks[name] = _must_read(self.root / "stacks" / name)
        return self._stacks[name]

    @cached_property
    def certificates(self) -> StackFolder:
        """The service that orders and renews a host's certificates; raise `InvalidInput` when its files have errors."""
        return _must_read(self.root / "units" / "certificates")

    @cached_property
    def edge(self) -> StackFolder:
        """The service that has ports 80 and 443 where several stacks share them; raise `InvalidInput` when its files have errors."""
        return _must_read(self.root / "units" / "edge")

    @cached_property
    def units(self) -> dict[str, Source]:
        """The shared units and their scripts, by file name."""
        return _sources(self.root / "units")

    @cached_property
    def snippets(self) -> dict[str, Source]:
        """The shared Butane snippets, by file name."""
        return _sources(self.root / "butane")


def _data_root() -> Path:
    """The data inside an installed package; in a checkout it is at the top of the repository."""
    package = Path(__file__).parent
    installed = package / "data"
    return installed if installed.is_dir() else package.parent


def _must_read(path: Path) -> StackFolder:
    report = Report()
    folder = _read_stack(path, report)
    report.raise_if_failed()
    assert folder
    return folder


def _read_stack(path: Path, report: Report) -> StackFolder | None:
    node = load(path / "stack.yaml", report)
    spec = validate(Stack, node, report) if node else None
    if not spec or not node:
        return None
    if spec.stack != path.name:
        report.error(
            f"the stack is called '{spec.stack}', and its folder '{path.name}'",
            locate(node, ("stack",))[0],
            "give both the same name",
        )
    for name, parameter in spec.parameters.items():
        if parameter.type == "enum" and not parameter.values:
            report.error(
                "an enum without values", locate(node, ("parameters", name))[0], "list them: values: [one, two]"
            )
    return StackFolder(path, spec, node, _sources(path / "files"))


def _sources(folder: Path) -> dict[str, Source]:
    report = Report()
    found = {}
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        text = read_text(path, report)
        if text is not None:
            found[path.relative_to(folder).as_posix()] = Source(str(path), text)
    report.raise_if_failed()
    return found


def unknown(kind: str, name: str, known: tuple[str, ...]) -> tuple[str, str]:
    """Say that a name is none of those known, as a message and its hint."""
    return f"there is no {kind} '{name}'", did_you_mean(name, known)
