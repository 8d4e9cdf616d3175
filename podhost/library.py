"""Where stacks, their parts, shared units and Butane snippets are found, and how they are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from podhost.compose import Part, compose
from podhost.document import Mapping as MappingNode
from podhost.document import Node, Scalar, load, locate, read_text
from podhost.problems import Mark, Report, Source, did_you_mean
from podhost.spec.model import validate
from podhost.spec.stack import KINDS, Stack


class StackFolder(NamedTuple):
    """A stack with its parts in it: the model, the nodes it was read from, and its template files by name.

    `also` tells, for a node that did not come from one place alone, what it took the place of, or what was put into it.
    """

    path: Path
    spec: Stack
    node: Node
    files: dict[str, Source]
    also: Mapping[Node, tuple[str, Mark]] = {}

    @property
    def demo(self) -> Path:
        """The host file of the stack's demo host."""
        return self.path / "demo.yaml"


class Library:
    """The stacks, units and snippets that podhost knows. Each is read once.

    `paths` are folders of more stacks, a folder each; what is found there goes before what podhost brings.
    The parts of a stack are looked for in the folder `parts` beside its folder of stacks, and then among podhost's own.
    """

    def __init__(self, root: Path | None = None, paths: Iterable[Path] = ()) -> None:
        self.root = root or _data_root()
        self.paths = (*paths, self.root / "stacks")
        self._stacks: dict[str, StackFolder] = {}
        self._services: dict[str, StackFolder] = {}
        self._parts: dict[Path, Part | None] = {}
        self._beside: dict[Path, Library] = {}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of all stacks, sorted."""
        return tuple(sorted(self.folders))

    @cached_property
    def folders(self) -> dict[str, Path]:
        """The folder of each stack."""
        return {file.parent.name: file.parent for path in reversed(self.paths) for file in path.glob("*/stack.yaml")}

    def beside(self, folder: Path) -> Library:
        """Give the library of a host file in this folder: with the stacks in its folder `stacks`, where there is one."""
        if folder not in self._beside:
            path = folder / "stacks"
            found = path.is_dir() and path.absolute() != self.paths[-1].absolute()
            self._beside[folder] = Library(self.root, (*self.paths[:-1], path)) if found else self
        return self._beside[folder]

    def stack(self, name: str) -> StackFolder:
        """Read a stack; raise `InvalidInput` when its files have errors. The name has to be one of `names`."""
        if name not in self._stacks:
            self._stacks[name] = self._read(self.folders[name])
        return self._stacks[name]

    def service(self, name: str) -> StackFolder:
        """Read a service that podhost adds to hosts by itself: backup, certificates or edge; raise `InvalidInput` when its files have errors."""
        if name not in self._services:
            self._services[name] = self._read(self.root / "units" / name)
        return self._services[name]

    @cached_property
    def units(self) -> dict[str, Source]:
        """The shared units and their scripts, by file name."""
        return _sources(self.root / "units")

    @cached_property
    def snippets(self) -> dict[str, Source]:
        """The shared Butane snippets, by file name."""
        return _sources(self.root / "butane")

    @cached_property
    def skeleton(self) -> dict[str, Source]:
        """What a new stack begins with, by file name; where it says `<name>`, the stack's name belongs."""
        return _sources(self.root / "skeleton")

    def _read(self, path: Path) -> StackFolder:
        report = Report()
        folder = self._read_stack(path, report)
        report.raise_if_failed()
        assert folder
        return folder

    def _read_stack(self, path: Path, report: Report) -> StackFolder | None:
        node = load(path / "stack.yaml", report)
        if not node:
            return None
        files = _sources(path / "files")
        also: Mapping[Node, tuple[str, Mark]] = {}
        if isinstance(node, MappingNode) and "parts" in node.pairs:
            places = (path.parent.parent / "parts", self.root / "parts")
            node, files, also = compose(node, files, lambda name, mark: self._part(name, places, mark, report), report)
        spec = validate(Stack, node, report)
        if spec:
            _check(path, spec, node, report)
        return StackFolder(path, spec, node, files, also) if spec else None

    def _part(self, name: str, places: Iterable[Path], mark: Mark, report: Report) -> Part | None:
        """Read a part from the first of the places that has it."""
        known = {file.parent.name: file.parent for place in reversed((*places,)) for file in place.glob("*/part.yaml")}
        path = known.get(name)
        if path is None:
            report.error(f"there is no part '{name}'", mark, did_you_mean(name, known))
            return None
        if path not in self._parts:
            node = load(path / "part.yaml", report)
            if node is not None and not isinstance(node, MappingNode):
                report.error("a part is a mapping", node.mark)
                node = None
            if node:
                _check_part(path, node, report)
            self._parts[path] = Part(node, _sources(path / "files")) if node else None
        return self._parts[path]


def _data_root() -> Path:
    """The data inside an installed package; in a checkout it is at the top of the repository."""
    package = Path(__file__).parent
    installed = package / "data"
    return installed if installed.is_dir() else package.parent


def _check(path: Path, spec: Stack, node: Node, report: Report) -> None:
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


def _check_part(path: Path, node: MappingNode, report: Report) -> None:
    """What a part brings is checked in the stacks that use it; here, that there is nothing else."""
    known = ("part", "summary", "options", *KINDS)
    for key in node.pairs.keys() - set(known):
        report.error(f"unknown key '{key}'", node.key_marks[key], did_you_mean(key, known))
    name, mark = node.pairs.get("part"), node.key_marks.get("part", node.mark)
    if not isinstance(name, Scalar) or name.text != path.name:
        report.error(f"the part in the folder '{path.name}' does not say so", mark, f"write part: {path.name}")


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
