"""Jinja, as stacks use it: names have to exist, and free text has to be quoted for the file it lands in.

A parameter of type string or email is `Text`. Printing one in a template file without a quoting filter is an error, so no value can break out of its place.
Text stays Text through Jinja's own filters; only the quoting filters below turn it into something that may be printed.
"""

from __future__ import annotations

import functools
import json
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jinja2
from jinja2 import meta, nodes
from jinja2.compiler import CodeGenerator
from jinja2.sandbox import ImmutableSandboxedEnvironment

from podhost.problems import Mark, Report, Source, did_you_mean
from podhost.quadlet.unitfile import escape, quote
from podhost.spec.types import Text


class Templates:
    """Templates of stack files and of files; each is compiled once."""

    def __init__(self) -> None:
        self._inline = _Environment(_any)
        self._file = _Environment(_quoted)
        self._compiled: dict[tuple[str, bool], jinja2.Template] = {}

    def text(self, text: str, mark: Mark, values: Mapping[str, object], report: Report) -> str:
        """Fill in a value of a stack file; what is wrong goes to the report, and the result is then empty."""
        if "{{" not in text and "{%" not in text and "{#" not in text:
            return text
        return self._render(self._inline, text, values, report, lambda _line, _word: mark)

    def file(self, source: Source, values: Mapping[str, object], report: Report) -> str:
        """Fill in a template file; what is wrong goes to the report, and the result is then empty."""
        return self._render(self._file, source.text, values, report, functools.partial(_find, source))

    def _render(
        self,
        environment: jinja2.Environment,
        text: str,
        values: Mapping[str, object],
        report: Report,
        place: Callable[[int, str], Mark],
    ) -> str:
        try:
            key = (text, environment is self._file)
            template = self._compiled.get(key)
            if template is None:
                template = self._compiled[key] = environment.from_string(text)
            return template.render(values)
        except jinja2.TemplateSyntaxError as error:
            report.error(f"a template that Jinja cannot read: {error.message}", place(error.lineno, ""))
        except jinja2.UndefinedError as error:
            missing = _missing_names(environment, text, values)
            for name, line in missing:
                report.error(f"there is no '{name}' to fill in", place(line, name), did_you_mean(name, values))
            if not missing:
                message = str(error.message)
                word = re.search(r"'([^']*)'$", message)
                report.error(
                    f"a template names something that is not there: {message}",
                    place(_line_of(error), word[1] if word else ""),
                )
        except _Unquoted as error:
            report.error(
                "free text stands unquoted in a template",
                place(_line_of(error), ""),
                f"pass it through a filter: {', '.join(sorted(QUOTING))}",
            )
        except Exception as error:  # a template is a program: it may fail in any way
            report.error(f"a template fails: {error}", place(_line_of(error), ""))
        return ""


class _Unquoted(Exception):
    pass


def _any(value: object) -> object:
    return value


def _quoted(value: object) -> object:
    if isinstance(value, Text):
        raise _Unquoted
    return value


def _json(value: object) -> str:
    """JSON, which is also YAML; the quotes are part of it. `<` is escaped, so that it may stand in HTML."""
    return json.dumps(value).replace("<", "\\u003c")


def _systemd(value: object) -> str:
    """One word of a systemd setting; systemd.syntax(7)."""
    return quote(escape(str(value)))


def _shell(value: object) -> str:
    """One word of a POSIX shell."""
    return "'" + str(value).replace("'", "'\\''") + "'"


def _nginx(value: object) -> str:
    """One parameter of an nginx directive. nginx has no escape for '$', so that is refused."""
    if "$" in str(value):
        raise ValueError("'$' begins a variable in nginx and cannot be quoted: the value may not hold it")
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


QUOTING: dict[str, Callable[[object], str]] = {
    "json": _json,
    "yaml": _json,
    "systemd": _systemd,
    "shell": _shell,
    "nginx": _nginx,
}


class _Environment(ImmutableSandboxedEnvironment):
    """A sandbox (a stack may come from anywhere) in which what is made of Text is Text."""

    intercepted_binops = frozenset({"+", "%", "*"})

    def __init__(self, finalize: Callable[[object], object]) -> None:
        super().__init__(
            undefined=jinja2.StrictUndefined,
            finalize=finalize,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,
        )
        self.code_generator_class = _Generator
        self.filters = {name: _keeps_text(each) for name, each in self.filters.items()} | QUOTING
        self.globals = {"range": self.globals["range"]}

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        return _keep(super().call_binop(context, operator, left, right), left, right)

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - Jinja's signature
        owner = getattr(__obj, "__self__", None)
        return _keep(super().call(__context, __obj, *args, **kwargs), owner, *args, *kwargs.values())

    def getitem(self, obj: Any, argument: Any) -> Any:
        return _keep(super().getitem(obj, argument), obj)

    def join(self, *parts: object) -> str:
        """What `~` does."""
        joined: str = _keep("".join(map(str, parts)), *parts)
        return joined


class _Generator(CodeGenerator):
    """Code in which `~` calls `_Environment.join`."""

    def visit_Concat(self, node: nodes.Concat, frame: Any) -> None:  # noqa: N802 - Jinja's name
        self.write("environment.join(")
        for each in node.nodes:
            self.visit(each, frame)
            self.write(", ")
        self.write(")")


def _keep(result: Any, *origins: object) -> Any:
    """Make a result Text when one of the things it was made of is."""
    return Text(result) if type(result) is str and any(map(_has_text, origins)) else result


def _has_text(value: object) -> bool:
    return isinstance(value, Text) or (isinstance(value, list | tuple) and any(map(_has_text, value)))


def _keeps_text(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def filtered(*arguments: Any, **options: Any) -> Any:
        result = function(*arguments, **options)
        if isinstance(result, Iterator):
            result = list(result)
        return _keep(result, *arguments, *options.values())

    return filtered


def _missing_names(environment: jinja2.Environment, text: str, values: Mapping[str, object]) -> list[tuple[str, int]]:
    """The names a template reads that nobody gives, with their lines, each name once."""
    tree = environment.parse(text)
    undeclared = meta.find_undeclared_variables(tree) - set(values) - set(environment.globals)
    lines: dict[str, int] = {}
    for node in tree.find_all(nodes.Name):
        if node.name in undeclared:
            lines.setdefault(node.name, node.lineno)
    return sorted(lines.items(), key=lambda item: (item[1], item[0]))


def _line_of(error: BaseException) -> int:
    """The template's line that an error comes from: Jinja puts it into the traceback."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    return (frames[-1].lineno or 1) if frames else 1


def _find(source: Source, line: int, word: str) -> Mark:
    """Mark a word in a line of a source, or the line's text where there is no such word."""
    text = source.lines[line - 1] if line <= len(source.lines) else ""
    column = text.find(word) if word else -1
    if column >= 0:
        return Mark(source, line, column + 1, len(word))
    return Mark(source, line, len(text) - len(text.lstrip()) + 1, max(1, len(text.strip())))
