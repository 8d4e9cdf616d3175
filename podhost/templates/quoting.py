"""Free text, which nothing can print until a quoting filter takes it apart, and those filters."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NoReturn

from podhost.quadlet.unitfile import escape, quote
from podhost.spec.types import Text


class Unquoted(Exception):
    """Something wanted the text of an opaque value."""


class Opaque:
    """Free text in a template file: it can be compared, joined to other text with `+`, changed with `replace`, and given to a quoting filter."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise Unquoted

    __str__ = __repr__ = __format__ = __iter__ = __reversed__ = __getitem__ = __html__ = __mod__ = __rmod__ = (
        __mul__
    ) = __rmul__ = __bytes__ = _refuse

    def __add__(self, other: object) -> Opaque:
        return Opaque(self._text + _text_of(other))

    def __radd__(self, other: object) -> Opaque:
        return Opaque(_text_of(other) + self._text)

    def replace(self, old: str, new: str) -> Opaque:
        """The same text with `new` wherever it has `old`."""
        return Opaque(self._text.replace(old, new))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Opaque | str) and self._text == _text_of(other)

    def __hash__(self) -> int:
        return hash(self._text)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __len__(self) -> int:
        return len(self._text)

    def __contains__(self, part: object) -> bool:
        return _text_of(part) in self._text


def _text_of(value: object) -> str:
    return value._text if isinstance(value, Opaque) else str(value)


def closed(value: object) -> object:
    """Make what is free text opaque."""
    if isinstance(value, Text):
        return Opaque(value)
    return tuple(map(closed, value)) if type(value) is tuple else value


def _opened(value: Any) -> Any:
    """The texts of opaque things, for the quoting filters."""
    match value:
        case Opaque():
            return value._text
        case dict():
            return {_opened(key): _opened(item) for key, item in value.items()}
        case list() | tuple():
            return [_opened(item) for item in value]
    return value


def _json(value: object) -> str:
    """JSON. `<` is escaped, so that it may stand in HTML."""
    return json.dumps(_opened(value)).replace("<", "\\u003c")


def _yaml(value: object) -> str:
    """A YAML flow value: JSON, but for what YAML does not print (https://yaml.org/spec/1.2.2/#51-character-set) or reads otherwise."""
    text = json.dumps(_opened(value), ensure_ascii=False)
    return re.sub(
        "[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]", lambda match: f"\\u{ord(match[0]):04x}", text
    )


def _systemd(value: object) -> str:
    """One word of a systemd setting; systemd.syntax(7)."""
    return quote(escape(str(_opened(value))))


def _shell(value: object) -> str:
    """One word of a POSIX shell."""
    return "'" + str(_opened(value)).replace("'", "'\\''") + "'"


def _nginx(value: object) -> str:
    """One parameter of an nginx directive. nginx has no escape for '$', so that is refused."""
    text = str(_opened(value))
    if "$" in text:
        raise ValueError("'$' begins a variable in nginx and cannot be quoted: the value may not hold it")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


QUOTING: dict[str, Callable[[object], str]] = {
    "json": _json,
    "yaml": _yaml,
    "systemd": _systemd,
    "shell": _shell,
    "nginx": _nginx,
}
