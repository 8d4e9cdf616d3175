"""Templates, as stacks use them: names have to exist, and free text has to be quoted for the file it lands in.

A parameter of type string or email is `Text`.
In a template file it is an opaque thing that nothing can print, whatever the template does with it, until a quoting filter takes it apart.
So no value can break out of its place.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from podhost.problems import Mark, Report, Source
from podhost.templates import simple
from podhost.templates.quoting import QUOTING, closed

if TYPE_CHECKING:
    from podhost.templates.jinja import Engine

__all__ = ["QUOTING", "Templates"]


class Templates:
    """Templates of stack files and of files. Jinja is imported, and compiles one, only where that is more than simple."""

    @functools.cached_property
    def engine(self) -> Engine:
        """Jinja itself."""
        from podhost.templates.jinja import Engine  # most hosts need none, and it takes as long as all else

        return Engine()

    def text(self, text: str, mark: Mark, values: Mapping[str, object], report: Report) -> str:
        """Fill in a value of a stack file; what is wrong goes to the report, and the result is then empty."""
        return self._render(text, values, report, lambda _line, _word: mark)

    def file(self, source: Source, values: Mapping[str, object], report: Report) -> str:
        """Fill in a template file; what is wrong goes to the report, and the result is then empty."""
        opaque = {name: closed(value) for name, value in values.items()}
        return self._render(source.text, opaque, report, functools.partial(_find, source))

    def _render(
        self, text: str, values: Mapping[str, object], report: Report, place: Callable[[int, str], Mark]
    ) -> str:
        filled = simple.fill(text, values)
        return self.engine.render(text, values, report, place) if filled is None else filled


def _find(source: Source, line: int, word: str) -> Mark:
    """Mark a word in a line of a source, or the line's text where there is no such word."""
    text = source.lines[line - 1] if line <= len(source.lines) else ""
    column = text.find(word) if word else -1
    if column >= 0:
        return Mark(source, line, column + 1, len(word))
    return Mark(source, line, len(text) - len(text.lstrip()) + 1, max(1, len(text.strip())))
