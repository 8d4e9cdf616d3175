"""YAML to values that know the line and column they came from.

The parser is libyaml's, the values are those of YAML 1.2's core schema (https://yaml.org/spec/1.2.2/#103-core-schema): `no` and `22:30` are strings.
Leading zeros make a number octal, as in YAML 1.1 and in Go's parser, because people write file modes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as Pairs
from collections.abc import Sequence as Items
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import yaml

from podhost.problems import Mark, Report, Source

MAX_BYTES = 4 * 1024 * 1024  # far above any real host file; far below what would make the machine swap
MAX_DEPTH = 64
MAX_NODES = 500_000  # counted as if every alias were written out

Value = str | int | float | bool | None


@dataclass(slots=True, eq=False)
class Scalar:
    """A single value: its text as written, and whether it stood there without quotes."""

    text: str
    plain: bool
    tag: str | None
    mark: Mark

    @property
    def value(self) -> Value:
        """The text as the core schema reads it; a quoted text is always a string."""
        return _resolve(self.text) if self.plain else self.text


@dataclass(slots=True, eq=False)
class Sequence:
    """A list of nodes."""

    items: list[Node]
    mark: Mark
    weight: int = 1


@dataclass(slots=True, eq=False)
class Mapping:
    """Nodes by key; `key_marks` tells where each key stands."""

    pairs: dict[str, Node]
    key_marks: dict[str, Mark]
    mark: Mark
    weight: int = 1


Node = Scalar | Sequence | Mapping


def load(path: Path, report: Report, mark: Mark | None = None, secret: bool = False) -> Node | None:
    """Read a YAML file; what keeps it from being read goes to the report, and the result is then None.

    `mark` is where the file is named, for when it cannot be opened; of a `secret` file no line is ever shown.
    """
    text = read_text(path, report, mark=mark)
    return None if text is None else read(Source(str(path), text, secret), report)


def read_text(path: Path, report: Report, limit: int = MAX_BYTES, mark: Mark | None = None) -> str | None:
    """Read a text file of at most `limit` bytes; report what is wrong with it, and then give None."""
    name = str(path)
    data = read_bytes(path, report, limit, mark)
    if data is None:
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        good = data[: error.start].decode("utf-8", "replace")
        mark = Mark(Source(name, good), good.count("\n") + 1, len(good) - good.rfind("\n"))
        report.error("this is not UTF-8 text", mark, "save the file as UTF-8")
    return None


def read_bytes(path: Path, report: Report, limit: int, mark: Mark | None = None) -> bytes | None:
    """Read a file of at most `limit` bytes; report what is wrong with it, and then give None."""
    try:
        if path.is_dir():
            report.error(f"'{path}' is a folder, not a file", mark)
            return None
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError:
        report.error(f"there is no file '{path}'", mark)
    except (OSError, ValueError) as error:
        report.error(f"'{path}' cannot be read: {getattr(error, 'strerror', None) or error}", mark)
    else:
        if len(data) <= limit:
            return data
        report.error(f"'{path}' is larger than {_bytes(limit)}", mark, hint="is this the right file?")
    return None


def _bytes(number: int) -> str:
    return f"{number >> 20} MiB" if number >= 1 << 20 else f"{number >> 10} KiB"


def read(source: Source, report: Report) -> Node | None:
    """Parse the text of a source into its one document; report what is wrong, and then give None."""
    builder = _Builder(source, report)
    try:
        return builder.document()
    except _Stop:
        return None


def node_of(value: object, mark: Mark) -> Node:
    """Make a node of plain data; every part of it stands at the one mark given."""
    if isinstance(value, Pairs):
        return Mapping({key: node_of(item, mark) for key, item in value.items()}, dict.fromkeys(value, mark), mark)
    if isinstance(value, Items) and not isinstance(value, str):
        return Sequence([node_of(item, mark) for item in value], mark)
    if isinstance(value, str):
        return Scalar(value, False, None, mark)
    if value is None or isinstance(value, bool):
        return Scalar({None: "null", True: "true", False: "false"}[value], True, None, mark)
    text = repr(value)
    return Scalar(f".{text}" if text in ("inf", "nan") else text.replace("-inf", "-.inf"), True, None, mark)


def plain(node: Node) -> Any:
    """The data of a node without its marks: dict, list, str, int, float, bool and None."""
    match node:
        case Scalar():
            return node.value
        case Sequence():
            return [plain(item) for item in node.items]
        case Mapping():
            return {key: plain(item) for key, item in node.pairs.items()}


def locate(node: Node, path: Items[str | int]) -> tuple[Mark, Node]:
    """Find the deepest node that exists on a path of keys and indexes.

    The mark is that of the node, except where the last key found leads to a mapping, a sequence or to nothing: then it is the key's.
    """
    mark = node.mark
    for step in path:
        if isinstance(node, Mapping) and (key := str(step)) in node.pairs:
            mark = node.key_marks[key]
            node = node.pairs[key]
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
            mark = node.mark
        else:
            break
    return (node.mark if isinstance(node, Scalar) and (node.text or not node.plain) else mark), node


def key_mark(node: Node, path: Items[str | int]) -> Mark:
    """Tell where the last key of a path stands; where there is no such key, what `locate` says."""
    _, holder = locate(node, path[:-1])
    if isinstance(holder, Mapping) and (mark := holder.key_marks.get(str(path[-1]))):
        return mark
    return locate(node, path)[0]


# -- scalars

_INTEGER = r"[-+]?(?:0|[1-9][0-9]*)$"
_OCTAL = r"([-+]?)0o?([0-7]+)$"
_HEXADECIMAL = r"([-+]?)0x([0-9a-fA-F]+)$"
_FLOAT = r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$"
_WORDS: dict[str, Value] = {
    **dict.fromkeys(["", "~", "null", "Null", "NULL"], None),
    **dict.fromkeys(["true", "True", "TRUE"], True),
    **dict.fromkeys(["false", "False", "FALSE"], False),
    **dict.fromkeys([".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"], float("inf")),
    **dict.fromkeys(["-.inf", "-.Inf", "-.INF"], float("-inf")),
    **dict.fromkeys([".nan", ".NaN", ".NAN"], float("nan")),
}
_MAX_DIGITS = 300  # more digits than that are no number that anybody meant


def _resolve(text: str) -> Value:
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789" or len(text) > _MAX_DIGITS:
        return text
    if re.match(_INTEGER, text):
        return int(text)
    if match := re.match(_OCTAL, text):
        return int(match[1] + match[2], 8)
    if match := re.match(_HEXADECIMAL, text):
        return int(match[1] + match[2], 16)
    return float(text) if re.match(_FLOAT, text) else text


# -- parsing


class _Stop(Exception):
    """The document cannot be read further; the report says why."""


# What YAML calls printable, https://yaml.org/spec/1.2.2/#51-character-set
_UNPRINTABLE = "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_MERGE = "<<"


@dataclass(slots=True)
class _Open:
    """A collection whose end is still to come."""

    node: Sequence | Mapping
    anchor: str | None
    key: Scalar | None = None
    merges: list[tuple[Node, Mark]] = field(default_factory=list)


class _Builder:
    def __init__(self, source: Source, report: Report) -> None:
        self.source = source
        self.report = report
        self.open: list[_Open] = []
        self.anchors: dict[str, Node] = {}
        self.root: Node | None = None

    def stop(self, message: str, mark: Mark, hint: str = "") -> NoReturn:
        self.report.error(message, mark, hint)
        raise _Stop

    def mark(self, event: Any) -> Mark:
        """Mark what an event stands for; of what spans lines, its beginning."""
        start, end = event.start_mark, event.end_mark
        length = end.column - start.column if end.line == start.line else 1
        return Mark(self.source, start.line + 1, start.column + 1, max(1, length))

    def document(self) -> Node:
        if bad := re.search(_UNPRINTABLE, self.source.text):
            before = self.source.text[: bad.start()]
            mark = Mark(self.source, before.count("\n") + 1, len(before) - before.rfind("\n"))
            self.stop(
                f"a character that YAML does not allow: U+{ord(bad[0]):04X}",
                mark,
                "remove it, or write it as an escape in a quoted string",
            )
        try:
            documents = 0
            for event in yaml.parse(self.source.text, Loader=_LOADER):
                if isinstance(event, yaml.DocumentStartEvent):
                    documents += 1
                    if documents > 1:
                        self.stop(
                            "a second document begins here",
                            self.mark(event),
                            "a file holds one document: remove the '---' between them",
                        )
                else:
                    self.take(event)
        except yaml.MarkedYAMLError as error:
            where = error.problem_mark or error.context_mark
            if "quoted scalar" in (error.context or "") and error.context_mark:
                where = error.context_mark  # the quote that is never closed, and not the end of the file
            place = Mark(self.source, where.line + 1, where.column + 1) if where else Mark(self.source, 1, 1)
            # libyaml reads ahead, and newer ones have a limit of their own.
            if "nesting depth" in (error.problem or ""):
                self.stop(f"more than {MAX_DEPTH} levels of nesting", place)
            self.stop(f"this is not YAML: {error.problem or error.context}", place, _syntax_hint(error.problem or ""))
        if self.root is None:
            self.stop("the file is empty", Mark(self.source, 1, 1))
        return self.root

    def take(self, event: Any) -> None:
        match event:
            case yaml.ScalarEvent():
                if event.tag and event.tag != "!":
                    self.check_tag(event)
                mark = self.mark(event)
                quoted = event.style is not None and event.style != ""
                self.add(
                    Scalar(event.value, not quoted and event.tag in (None, *_RESOLVED), event.tag, mark), event.anchor
                )
            case yaml.SequenceStartEvent():
                self.begin(Sequence([], self.mark(event)), event)
            case yaml.MappingStartEvent():
                self.begin(Mapping({}, {}, self.mark(event)), event)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                done = self.open.pop()
                if done.merges and isinstance(done.node, Mapping):
                    self.merge(done.node, done.merges)
                self.add(done.node, done.anchor)
            case yaml.AliasEvent():
                mark = self.mark(event)
                if any(each.anchor == event.anchor for each in self.open):
                    self.stop(f"'*{event.anchor}' is inside what it names", mark, "write the value out")
                if event.anchor not in self.anchors:
                    self.stop(f"there is no '&{event.anchor}' before this", mark)
                self.add(_placed(self.anchors[event.anchor], mark), None)

    def check_tag(self, event: Any) -> None:
        if event.tag.removeprefix(_TAG) not in _TAGS:
            self.stop(
                f"an unknown tag '{event.tag}'",
                self.mark(event),
                "remove the tag; if the value begins with '!', put it in quotes",
            )

    def begin(self, node: Sequence | Mapping, event: Any) -> None:
        if event.tag and event.tag != "!":
            self.check_tag(event)
        if len(self.open) == MAX_DEPTH:
            self.stop(f"more than {MAX_DEPTH} levels of nesting", node.mark)
        if self.open and isinstance(self.open[-1].node, Mapping) and self.open[-1].key is None:
            self.stop(
                "a key has to be a single value", node.mark, 'if this is a template, put it in quotes: "{{ name }}"'
            )
        self.open.append(_Open(node, event.anchor))

    def add(self, node: Node, anchor: str | None) -> None:
        """Put a finished node where it belongs."""
        if anchor is not None:
            self.anchors[anchor] = node
        if not self.open:
            self.root = node
            return
        parent = self.open[-1]
        parent.node.weight += 1 if isinstance(node, Scalar) else node.weight
        if parent.node.weight > MAX_NODES:
            self.stop(f"more than {MAX_NODES:,} values, aliases written out", node.mark, "do without the aliases")
        if isinstance(parent.node, Sequence):
            parent.node.items.append(node)
        elif parent.key is None:
            if not isinstance(node, Scalar):
                self.stop("a key has to be a single value", node.mark)
            parent.key = node
        else:
            self.add_pair(parent, parent.node, parent.key, node)
            parent.key = None

    def add_pair(self, parent: _Open, mapping: Mapping, key: Scalar, node: Node) -> None:
        if key.text == _MERGE and key.plain:
            parent.merges.append((node, key.mark))
        elif key.text in mapping.pairs:
            first = mapping.key_marks[key.text]
            self.report.error(
                f"'{key.text}' is here a second time",
                key.mark,
                f"it is in line {first.line} already: keep one of the two",
            )
        else:
            mapping.pairs[key.text] = node
            mapping.key_marks[key.text] = key.mark

    def merge(self, into: Mapping, merges: list[tuple[Node, Mark]]) -> None:
        """Fill a mapping from those its `<<` names; what it has itself stays (https://yaml.org/type/merge.html)."""
        for value, mark in merges:
            for source in value.items if isinstance(value, Sequence) else [value]:
                if not isinstance(source, Mapping):
                    self.stop("'<<' takes a mapping, or a list of mappings", mark)
                for key, node in source.pairs.items():
                    if key not in into.pairs:
                        into.pairs[key], into.key_marks[key] = node, source.key_marks[key]


_TAGS = frozenset({"str", "int", "float", "bool", "null", "seq", "map", "binary", "merge"})
_RESOLVED = frozenset(_TAG + name for name in ("int", "float", "bool", "null"))


def _placed(node: Node, mark: Mark) -> Node:
    """The node an alias stands for, at the place of the alias."""
    match node:
        case Scalar():
            return Scalar(node.text, node.plain, node.tag, mark)
        case Sequence():
            return Sequence(node.items, mark, node.weight)
        case Mapping():
            return Mapping(node.pairs, node.key_marks, mark, node.weight)


def _syntax_hint(problem: str) -> str:
    hints = {
        "mapping values are not allowed": "is a line indented wrongly, or does an unquoted value hold ': '?",
        "found character that cannot start any token": "indent with spaces, and quote values that begin with @, ` or %",
        "did not find expected key": "quote values that begin with *, &, [, { or a quote; is the indentation right?",
        "did not find expected ',' or": "a '[' or '{' begins a list or mapping: quote the value if it is text",
        "unexpected end of stream": "a quote is opened and never closed",
    }
    return next((hint for beginning, hint in hints.items() if beginning in problem), "")
