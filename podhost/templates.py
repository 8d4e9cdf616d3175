"""Jinja, as stacks use it: names have to exist, and free text has to be quoted for the file it lands in.

A parameter of type string or email is `Text`.
In a template file it is an opaque thing that nothing can print, whatever the template does with it, until a quoting filter takes it apart.
So no value can break out of its place.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from podhost.problems import Mark, Report, Source, did_you_mean
from podhost.quadlet.unitfile import escape, quote
from podhost.spec.types import Text


class Templates:
    """Templates of stack files and of files; each is compiled once."""

    def __init__(self) -> None:
        self._environment = _environment()
        self._compiled: dict[str, jinja2.Template] = {}

    def text(self, text: str, mark: Mark, values: Mapping[str, object], report: Report) -> str:
        """Fill in a value of a stack file; what is wrong goes to the report, and the result is then empty."""
        return self._render(text, values, report, lambda _line, _word: mark)

    def file(self, source: Source, values: Mapping[str, object], report: Report) -> str:
        """Fill in a template file; what is wrong goes to the report, and the result is then empty."""
        opaque = {name: _closed(value) for name, value in values.items()}
        return self._render(source.text, opaque, report, functools.partial(_find, source))

    def _render(
        self, text: str, values: Mapping[str, object], report: Report, place: Callable[[int, str], Mark]
    ) -> str:
        plain = _plain(text, values)
        if plain is not None:
            return plain
        try:
            template = self._compiled.get(text)
            if template is None:
                template = self._compiled[text] = self._environment.from_string(text)
            return template.render(values)
        except jinja2.TemplateSyntaxError as error:
            report.error(
                f"a template that Jinja cannot read: {error.message}",
                place(error.lineno, ""),
                self._syntax_hint(str(error.message)),
            )
        except _Missing as error:
            for name, line in _missing_names(self._environment, text, values) or [(error.name, _line_of(error))]:
                report.error(
                    f"there is no '{name}' to fill in", place(line, name), did_you_mean(name, error.known or values)
                )
        except _Unquoted as error:
            report.error(*self._unquoted(place(_line_of(error), "")))
        except Exception as error:  # a template is a program: it may fail in any way
            if _Opaque.__name__ in str(error):  # Python speaks of a text that something wanted to use
                report.error(*self._unquoted(place(_line_of(error), "")))
                return ""
            report.error(f"a template fails: {error}", place(_line_of(error), ""))
        return ""

    def _unquoted(self, mark: Mark) -> tuple[str, Mark, str]:
        filters = ", ".join(sorted(QUOTING))
        return (
            "free text stands unquoted in a template",
            mark,
            f"join it with + if need be, and pass it through a filter: {filters}",
        )

    def _syntax_hint(self, message: str) -> str:
        unknown = re.fullmatch(r"No (filter|test) named '(.*)'\.", message)
        if not unknown:
            return ""
        known = self._environment.filters if unknown[1] == "filter" else self._environment.tests
        hint = did_you_mean(unknown[2], known)
        return hint if hint.startswith("did you mean") else ""


def _plain(text: str, values: Mapping[str, object]) -> str | None:
    """Fill in a text in which nothing but names stands in braces, each with a quoting filter or without.

    None where that takes Jinja, which also says what is wrong: most texts of a stack are like that, and compiling a template takes a millisecond.
    """
    if "{" not in text:
        return text
    if "{%" in text or "{#" in text:
        return None
    parts = re.split(r"\{\{ *(\w+(?:\.\w+)*)(?: *\| *(\w+))? *\}\}", text)
    if any("{{" in part for part in parts[::3]):
        return None
    filled = []
    for text, name, quoting in zip(parts[::3], [*parts[1::3], ""], [*parts[2::3], None], strict=True):
        filled.append(text)
        if name:
            value = _printed(name, quoting, values)
            if value is None:
                return None
            filled.append(value)
    return "".join(filled)


def _printed(name: str, quoting: str | None, values: Mapping[str, object]) -> str | None:
    value: object = values
    for step in name.split("."):
        if isinstance(value, Mapping):
            value = value.get(step)
        else:
            value = getattr(value, step, None) if isinstance(value, tuple) else None
    if quoting is None:
        return str(value) if isinstance(value, str) or type(value) in (int, bool) else None
    if value is None or quoting not in QUOTING:
        return None
    try:
        return QUOTING[quoting](value)
    except ValueError:
        return None


class _Unquoted(Exception):
    """Something wanted the text of an opaque value."""


class _Opaque:
    """Free text in a template file: it can be compared, joined to other text with `+`, and given to a quoting filter."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise _Unquoted

    __str__ = __repr__ = __format__ = __iter__ = __reversed__ = __getitem__ = __html__ = __mod__ = __rmod__ = (
        __mul__
    ) = __rmul__ = __bytes__ = _refuse

    def __add__(self, other: object) -> _Opaque:
        return _Opaque(self._text + _text_of(other))

    def __radd__(self, other: object) -> _Opaque:
        return _Opaque(_text_of(other) + self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Opaque | str) and self._text == _text_of(other)

    def __hash__(self) -> int:
        return hash(self._text)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __len__(self) -> int:
        return len(self._text)

    def __contains__(self, part: object) -> bool:
        return _text_of(part) in self._text


def _text_of(value: object) -> str:
    return value._text if isinstance(value, _Opaque) else str(value)


def _closed(value: object) -> object:
    """Make what is free text opaque."""
    if isinstance(value, Text):
        return _Opaque(value)
    return tuple(map(_closed, value)) if type(value) is tuple else value


def _opened(value: Any) -> Any:
    """The texts of opaque things, for the quoting filters."""
    match value:
        case _Opaque():
            return value._text
        case dict():
            return {_opened(key): _opened(item) for key, item in value.items()}
        case list() | tuple():
            return [_opened(item) for item in value]
    return value


class _Missing(Exception):
    """A template reads what is not there; `known` is what there is beside it, where that can be told."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(name)
        self.name = name
        self.known = known


class _Undefined(jinja2.StrictUndefined):
    __slots__ = ()

    def _fail_with_undefined_error(self, *_: Any, **__: Any) -> NoReturn:
        holder = self._undefined_obj
        known = tuple(map(str, holder)) if isinstance(holder, Mapping) else getattr(holder, "_fields", ())
        raise _Missing(str(self._undefined_name), known)

    __iter__ = __str__ = __len__ = __eq__ = __ne__ = __bool__ = __hash__ = _fail_with_undefined_error
    __contains__ = __add__ = __radd__ = __call__ = __getitem__ = _fail_with_undefined_error


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


def _environment() -> jinja2.Environment:
    """A sandbox, as a stack may come from anywhere."""
    environment = ImmutableSandboxedEnvironment(
        undefined=_Undefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False
    )
    environment.optimized = False  # folding constants takes longer than it saves
    environment.filters.update(QUOTING)
    environment.globals = {"range": environment.globals["range"]}
    return environment


def _missing_names(environment: jinja2.Environment, text: str, values: Mapping[str, object]) -> list[tuple[str, int]]:
    """The names a template reads that nobody gives, with their lines, each name once."""
    from jinja2 import meta, nodes

    tree = environment.parse(text)
    undeclared = meta.find_undeclared_variables(tree) - set(values) - set(environment.globals)
    lines: dict[str, int] = {}
    for node in tree.find_all(nodes.Name):
        if node.name in undeclared:
            lines.setdefault(node.name, node.lineno)
    return sorted(lines.items(), key=lambda item: (item[1], item[0]))


def _line_of(error: BaseException) -> int:
    """The template's line that an error comes from: Jinja puts it into the traceback."""
    import traceback

    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    return (frames[-1].lineno or 1) if frames else 1


def _find(source: Source, line: int, word: str) -> Mark:
    """Mark a word in a line of a source, or the line's text where there is no such word."""
    text = source.lines[line - 1] if line <= len(source.lines) else ""
    column = text.find(word) if word else -1
    if column >= 0:
        return Mark(source, line, column + 1, len(word))
    return Mark(source, line, len(text) - len(text.lstrip()) + 1, max(1, len(text.strip())))
