"""Filling in the texts of a stack: what the parts of a service are made of, each text with its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar

from podhost import plan
from podhost.document import key_mark, locate
from podhost.library import StackFolder
from podhost.problems import Mark, Report, did_you_mean
from podhost.quadlet.encode import encode
from podhost.templates import Templates

Result = TypeVar("Result")
Path = tuple[str | int, ...]


class Filler:
    """The texts of one stack, by their paths in its file, filled in with `values`.

    `places` tells where the host file gives those values that it does give. What is wrong goes to the report.
    """

    def __init__(
        self,
        folder: StackFolder,
        values: Mapping[str, Any],
        places: Mapping[str, Mark],
        templates: Templates,
        report: Report,
    ) -> None:
        self.folder = folder
        self.stack = folder.spec
        self.values = dict(values)
        self.numbers: Mapping[str, int] = {}
        self.templates = templates
        self.report = report
        self.places = plan.Places(folder.node, places)

    def mark(self, path: Path) -> Mark:
        """Tell where something stands."""
        return locate(self.folder.node, path)[0]

    def values_at(self, path: Path) -> Mapping[str, Any]:
        """What may be filled in at a place: one of several like containers knows its number."""
        number = self.numbers.get(str(path[1])) if path[0] == "containers" else None
        return self.values if number is None else {**self.values, "number": number}

    def text(self, path: Path, text: str) -> str:
        """Fill in a text."""
        if "{" not in text:
            return text
        return self.templates.text(text, self.mark(path), self.values_at(path), self.report)

    def texts(self, path: Path, each: Iterable[str]) -> tuple[str, ...]:
        """Fill in the texts of a list."""
        return tuple(self.text((*path, index), text) for index, text in enumerate(each))

    def items(self, path: Path, each: Iterable[str]) -> Iterator[tuple[Path, str]]:
        """The items of a list with their paths; one that a template leaves empty is left out."""
        for index, text in enumerate(each):
            where = (*path, index)
            if "{" not in text or self.text(where, text):
                yield where, text

    def keys(self, path: Path, keys: Mapping[str, tuple[str, ...]]) -> tuple[plan.Key, ...]:
        """Fill in the keys of a section; a value that a template leaves empty is left out."""
        found = []
        for key, values in keys.items():
            texts = tuple(self.text(where, text) for where, text in self.items((*path, key), values))
            if texts:
                found.append(plan.Key(key, texts, key_mark(self.folder.node, (*path, key))))
        return tuple(found)

    def systemd(self, path: Path, sections: Mapping[Any, Mapping[str, tuple[str, ...]]]) -> plan.Sections:
        """Fill in the systemd sections of the part at a path."""
        return {section: self.keys((*path, "systemd", section), keys) for section, keys in sections.items()}

    def encodable(self, path: Path, key: str, text: str) -> str:
        """Fill in a text that becomes a value of a Quadlet key, and report it when the key cannot hold it."""

        return self.parse(path, text, partial(written, key), "")

    def maybe(self, path: Path, text: str, parser: Callable[[str], Result]) -> Result | None:
        """Fill in a text and parse it; a failure is reported at its place, and the result is then None."""
        problems = Report()
        filled = self.templates.text(text, self.mark(path), self.values_at(path), problems) if "{" in text else text
        if not problems.failed:
            try:
                return parser(filled)
            except ValueError as error:
                problems.error(str(error.args[0]), self.blame(path, text), *map(str, error.args[1:]))
        self.report.extend(problems)
        return None

    def blame(self, path: Path, text: str) -> Mark:
        """Where to mend a text that came out wrong: in the host file, if a value of it was filled in."""
        return self.places.blame(self.mark(path), text)

    def parse(self, path: Path, text: str, parser: Callable[[str], Result], fallback: Result) -> Result:
        """The same, with something to go on with after a failure."""
        result = self.maybe(path, text, parser)
        return fallback if result is None else result

    def named(self, path: Path, name: str | None, known: Mapping[str, Any], kind: str, rule: str = "") -> str | None:
        """Give the unit of something the stack defines, or report that it does not."""
        if name is None:
            return None
        if name not in known:
            self.report.error(f"the stack has no {kind} '{name}'", self.mark(path), did_you_mean(name, known), rule)
        return self.unit(name)

    def unit(self, name: str) -> str:
        """The name that systemd and podman use: the stack's, or the stack's and its own."""
        return name if name == self.stack.stack else f"{self.stack.stack}-{name}"


def written(key: str, value: str) -> str:
    """Give a value that becomes one of a Quadlet key; raise `ValueError` when the key cannot hold it."""
    try:
        encode(key, value)
    except ValueError as error:
        raise ValueError(error.args[0], *(error.args[1:] or [""]), "quadlet/unwritable") from None
    return value
