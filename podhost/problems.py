"""Where things stand in a file, and what is wrong with them.

Nothing in the package raises for the first mistake it meets.
A stage adds every problem it finds to a `Report` and stops at its end, so that a user mends a file once and not once a line.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple


class Source:
    """A file as people know it: the name they used for it and its whole text. One with `secret` is never shown."""

    __slots__ = ("_lines", "name", "secret", "text")

    def __init__(self, name: str, text: str, secret: bool = False) -> None:
        self.name = name
        self.text = text
        self.secret = secret
        self._lines: list[str] | None = None

    @property
    def lines(self) -> list[str]:
        """The lines of the text, split as YAML splits them, without their ends."""
        if self._lines is None:
            self._lines = self._split()
        return self._lines

    def _split(self) -> list[str]:
        return self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


class Mark(NamedTuple):
    """A place in a source: line and column count from 1, `length` is in characters."""

    source: Source
    line: int
    column: int
    length: int = 1

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"


class Severity(Enum):
    """How bad a problem is: an error stops the run, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


class Problem(NamedTuple):
    """One thing that is wrong: what it is, where, how to mend it, and the rule of `podhost check` that says so."""

    severity: Severity
    message: str
    mark: Mark | None = None
    hint: str = ""
    rule: str = ""

    def __str__(self) -> str:
        """The problem with the line it is about, in the form that compilers use."""
        place = f"{self.mark}: " if self.mark else ""
        text = f"{place}{self.severity.value}: {printable(self.message, line=True)}"
        if self.rule:
            text += f" [{self.rule}]"
        if self.mark:
            text += _excerpt(self.mark)
        if self.hint:
            text += f"\n  hint: {printable(self.hint, line=True)}"
        return text


class InvalidInput(Exception):
    """The input has errors; `report` has all of them."""

    def __init__(self, report: Report) -> None:
        super().__init__("\n".join(str(problem) for problem in report.problems))
        self.report = report


class Report:
    """The problems of one run, each once."""

    def __init__(self, problems: Iterable[Problem] = ()) -> None:
        self._problems = dict.fromkeys(problems)

    def add(self, problem: Problem) -> None:
        """Add a problem."""
        self._problems[problem] = None

    def error(self, message: str, mark: Mark | None = None, hint: str = "", rule: str = "") -> None:
        """Add an error."""
        self.add(Problem(Severity.ERROR, message, mark, hint, rule))

    def warning(self, message: str, mark: Mark | None = None, hint: str = "") -> None:
        """Add a warning."""
        self.add(Problem(Severity.WARNING, message, mark, hint))

    def extend(self, other: Report) -> None:
        """Add all problems of another report."""
        self._problems.update(other._problems)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All problems by file, line and column; those without a place come last."""

        def place(problem: Problem) -> tuple[bool, str, int, int]:
            mark = problem.mark
            return (False, mark.source.name, mark.line, mark.column) if mark else (True, "", 0, 0)

        return tuple(sorted(self._problems, key=place))

    @property
    def failed(self) -> bool:
        """Whether there is an error among the problems."""
        return any(problem.severity is Severity.ERROR for problem in self._problems)

    def raise_if_failed(self) -> None:
        """End a stage: raise `InvalidInput` when there is an error."""
        if self.failed:
            raise InvalidInput(self)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Give "did you mean 'x'?" for the nearest known word, or, where none is near, the list of them."""
    import difflib  # only a mistake needs it

    words = sorted(known)
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"known: {', '.join(words)}" if 0 < len(words) <= 30 else ""


def printable(text: str, line: bool = False) -> str:
    """Replace what a terminal would obey instead of show: control characters other than tab and newline.

    With `line` the result is one line, with line breaks shown as backslash and n.
    """
    if line:
        text = text.replace("\n", "\\n")
    if text.isprintable():
        return text
    return "".join("\N{REPLACEMENT CHARACTER}" if _obeyed(char) else char for char in text)


def _obeyed(char: str) -> bool:
    import unicodedata  # only odd text needs it

    return char not in "\t\n" and unicodedata.category(char) in ("Cc", "Cf", "Cs")


WIDTH = 100  # characters of a line that an excerpt shows


def _excerpt(mark: Mark) -> str:
    """Show the line of a mark and underline the marked part, as far as it is on that line."""
    if mark.source.secret:
        return ""
    lines = mark.source.lines
    if not 1 <= mark.line <= len(lines):
        return ""
    line = printable(lines[mark.line - 1])
    if not line.strip():
        return ""
    start = max(0, mark.column - 1 - WIDTH // 2) if len(line) > WIDTH else 0
    shown = line[start : start + WIDTH].replace("\t", " ")
    indent = mark.column - 1 - start
    length = max(1, min(mark.length, len(shown) - indent))
    return f"\n{mark.line:>5} | {shown}\n{'':>5} | {' ' * indent}^{'~' * (length - 1)}"
