"""The simplest part of Jinja, filled in as Jinja does it and without it.

Compiling a template takes Jinja milliseconds, and importing Jinja as long as everything else; most texts need no more than this:
`{{ name }}`, a quoting filter behind it, texts joined with `+`, `a if condition else b`, and blocks of `if`, whose conditions are a name,
its opposite, or a comparison for equality. Of a branch that is not taken only its blocks are looked at.
Whatever else a template holds, or does wrong, is Jinja's: then `fill` gives None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from podhost.templates.quoting import QUOTING, Opaque

Values = Mapping[str, object]
Expression = Callable[[Values], Any]


class _Beyond(Exception):
    """This is for Jinja."""


class _Print(NamedTuple):
    expression: Expression | None


class _If(NamedTuple):
    condition: Expression | None
    then: list[Any]
    otherwise: list[Any]


def fill(text: str, values: Values) -> str | None:
    """Fill in a template; None where that takes Jinja."""
    if "{" not in text:
        return text
    nodes = _parse(text)
    if nodes is None:
        return None
    pieces: list[str] = []
    try:
        _run(nodes, values, pieces)
    except _Beyond:
        return None
    return "".join(pieces)


def _run(nodes: list[Any], values: Values, pieces: list[str]) -> None:
    for node in nodes:
        if isinstance(node, str):
            pieces.append(node)
        elif isinstance(node, _If):
            if node.condition is None:
                raise _Beyond
            _run(node.then if _truth(node.condition(values)) else node.otherwise, values, pieces)
        else:
            if node is None or node.expression is None:
                raise _Beyond
            value = node.expression(values)
            if not isinstance(value, str) and type(value) not in (int, bool):
                raise _Beyond
            pieces.append(str(value))


# -- blocks

_TAG = re.compile(r"\{\{(.*?)\}\}|\{%(.*?)%\}\n?", re.DOTALL)


@lru_cache(1024)
def _parse(text: str) -> list[Any] | None:
    """Take a template apart; None for one with comments, whitespace control, or blocks that do not close."""
    if (
        "{#" in text
        or "\r" in text
        or "{%-" in text
        or "{%+" in text
        or "-%}" in text
        or "{{-" in text
        or "-}}" in text
    ):
        return None
    root: list[Any] = []
    # The lists that are being filled; each with the word that closes it, and the `if` that it belongs to.
    stack: list[tuple[list[Any], str, _If | None]] = [(root, "", None)]
    place, line_starts = 0, True
    for tag in _TAG.finditer(text):
        data = text[place : tag.start()]
        place = tag.end()
        into, closing, owner = stack[-1]
        if tag[1] is not None:
            into += [data, _Print(_expression(tag[1]))]
            line_starts = False
            continue
        into.append(_before_block(data, line_starts))
        line_starts = tag[0].endswith("\n")
        word, _, rest = tag[2].strip().partition(" ")
        if word == "if":
            block = _If(_expression(rest, condition=True), [], [])
            into.append(block)
            stack.append((block.then, "endif", block))
        elif word == "else" and owner is not None:
            if into is owner.otherwise:
                return None
            stack[-1] = (owner.otherwise, closing, owner)
        elif word == "else" and closing == "endfor":
            pass
        elif word == closing and word:
            stack.pop()
        elif word == "for":
            into.append(None)
            stack.append(([], "endfor", None))
        elif word == "set":
            into.append(None)
            if "=" not in rest:
                stack.append(([], "endset", None))
        else:
            return None
    root.append(text[place:])
    rest_of_it = text[place:]
    return root if len(stack) == 1 and "{{" not in rest_of_it and "{%" not in rest_of_it else None


def _before_block(data: str, line_starts: bool) -> str:
    """Drop the blanks between the start of a line and a block, as lstrip_blocks has it."""
    start = data.rfind("\n") + 1
    return data[:start] if (start or line_starts) and data[start:].isspace() else data


# -- expressions

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'[^'\\]*'|\"[^\"\\]*\")|(?P<number>0|[1-9][0-9]*)|(?P<name>[A-Za-z_]\w*)|(?P<sign>==|!=|[+~|().]))"
)
_WORDS = frozenset(
    {"if", "else", "not", "and", "or", "in", "is", "true", "false", "none", "True", "False", "None", "loop", "self"}
)


def _expression(text: str, condition: bool = False) -> Expression | None:
    """Read an expression, or the condition of a block; None for one that is more than simple."""
    tokens: list[tuple[str, str]] = []
    place, end = 0, len(text.rstrip())
    while place < end:
        match = _TOKEN.match(text, place)
        if not match:
            return None
        tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
        place = match.end()
    reader = _Reader(tokens)
    try:
        found = reader.opposite() if condition else reader.ternary()
    except _Beyond:
        return None
    return found if not reader.tokens else None


class _Reader:
    """Reads tokens from the front; what binds least comes first (https://jinja.palletsprojects.com/en/stable/templates/#expressions)."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens = tokens

    def take(self, *wanted: str) -> str:
        """Take the next token if it is one of these, and give it; '' if it is not."""
        if self.tokens and self.tokens[0][0] != "text" and self.tokens[0][1] in wanted:
            return self.tokens.pop(0)[1]
        return ""

    def ternary(self) -> Expression:
        then = self.opposite()
        if not self.take("if"):
            return then
        condition = self.opposite()
        if not self.take("else"):
            raise _Beyond
        otherwise = self.ternary()
        return lambda values: then(values) if _truth(condition(values)) else otherwise(values)

    def opposite(self) -> Expression:
        if not self.take("not"):
            return self.comparison()
        inner = self.opposite()
        return lambda values: not _truth(inner(values))

    def comparison(self) -> Expression:
        left = self.joined()
        sign = self.take("==", "!=")
        if not sign:
            return left
        right = self.joined()
        if self.take("==", "!="):
            raise _Beyond
        return lambda values: _equal(left(values), right(values)) == (sign == "==")

    def joined(self) -> Expression:
        left = self.concatenated()
        while self.take("+"):
            left = _join(left, self.concatenated())
        return left

    def concatenated(self) -> Expression:
        left = self.filtered()
        while self.take("~"):
            left = _concatenate(left, self.filtered())
        return left

    def filtered(self) -> Expression:
        inner = self.primary()
        while self.take("|"):
            inner = _filter(inner, self.name())
        return inner

    def name(self) -> str:
        if not self.tokens or self.tokens[0][0] != "name" or self.tokens[0][1] in _WORDS:
            raise _Beyond
        return self.tokens.pop(0)[1]

    def primary(self) -> Expression:
        if not self.tokens:
            raise _Beyond
        kind, text = self.tokens[0]
        if kind == "text":
            self.tokens.pop(0)
            return lambda _: text[1:-1]
        if kind == "number":
            self.tokens.pop(0)
            return lambda _: int(text)
        if self.take("("):
            inner = self.ternary()
            if not self.take(")"):
                raise _Beyond
        else:
            path = [self.name()]
            while self.take("."):
                path.append(self.name())
            steps = tuple(path)
            inner = lambda values: _look_up(steps, values)  # noqa: E731 (one of several)
        if self.tokens and self.tokens[0] in (("sign", "("), ("sign", ".")):
            raise _Beyond
        return inner


def _look_up(steps: tuple[str, ...], values: Values) -> object:
    value: object = values
    for step in steps:
        if isinstance(value, Mapping):
            if step not in value or (value is not values and hasattr(value, step)):
                raise _Beyond
            value = value[step]
        elif hasattr(value, "_fields") and (
            step in value._fields or isinstance(getattr(type(value), step, None), property)
        ):
            value = getattr(value, step)
        else:
            raise _Beyond
    return value


def _truth(value: object) -> bool:
    if value is None or isinstance(value, str | int | tuple | Opaque):
        return bool(value)
    raise _Beyond


def _equal(left: object, right: object) -> bool:
    if not all(isinstance(each, str | int | Opaque) for each in (left, right)):
        raise _Beyond
    return left == right


def _join(left: Expression, right: Expression) -> Expression:
    def join(values: Values) -> object:
        one, other = left(values), right(values)
        if isinstance(one, str | Opaque) and isinstance(other, str | Opaque):
            return one + other
        if type(one) is int and type(other) is int:
            return one + other
        raise _Beyond

    return join


def _concatenate(left: Expression, right: Expression) -> Expression:
    def concatenate(values: Values) -> str:
        both = left(values), right(values)
        if not all(isinstance(each, str | int) for each in both):
            raise _Beyond
        return f"{both[0]}{both[1]}"

    return concatenate


def _filter(inner: Expression, name: str) -> Expression:
    if name not in QUOTING:
        raise _Beyond
    quoting = QUOTING[name]

    def apply(values: Values) -> str:
        value = inner(values)
        try:
            return quoting(value)
        except _Beyond:
            raise
        except Exception:  # whatever it is, Jinja says it
            raise _Beyond from None

    return apply
