"""Jinja, for what is more than its simplest part: it is imported when a template first needs it, and says what is wrong with one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from podhost.problems import Mark, Report, did_you_mean
from podhost.templates.quoting import QUOTING, Opaque, Unquoted


class Engine:
    """Jinja's environment, and the templates that it has compiled."""

    def __init__(self) -> None:
        self._environment = _environment()
        self._compiled: dict[str, jinja2.Template] = {}

    def render(self, text: str, values: Mapping[str, object], report: Report, place: Callable[[int, str], Mark]) -> str:
        """Fill in a template; what is wrong goes to the report, and the result is then empty.

        `place` gives the mark of a word in a line.
        """
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
        except Unquoted as error:
            report.error(*self._unquoted(place(_line_of(error), "")))
        except Exception as error:  # a template is a program: it may fail in any way
            if Opaque.__name__ in str(error):  # Python speaks of a text that something wanted to use
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
