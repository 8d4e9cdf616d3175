"""Unit files: the one serializer with the one quoting rule, and the parser that reads its results and other people's files.

The syntax is that of systemd.syntax(7); values are quoted as systemd.service(5), "Command lines", unquotes them.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from podhost.problems import Mark, Report, Source

_PLAIN = r"[A-Za-z0-9._/:=@,+%$-]+"
_CONTROL = r"[\x00-\x1f\x7f]"


def escape(text: str) -> str:
    """Double '%', which begins a specifier (systemd.unit(5), "Specifiers"); refuse what no unit file can hold."""
    if re.search(_CONTROL, text):
        raise ValueError("a unit file cannot hold line breaks or control characters", "write the value in one line")
    return text.replace("%", "%%")


def quote(text: str) -> str:
    """Make one word of a text, in quotes unless it is plain ASCII without anything that splits or unquotes."""
    if re.fullmatch(_PLAIN, text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Entry(NamedTuple):
    """A `key=value` of a section, as it stands in the file."""

    section: str
    key: str
    value: str
    mark: Mark | None = None


class UnitFile:
    """The entries of a unit file, in their order. A key may be there several times."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def add(self, section: str, key: str, *values: str) -> None:
        """Add a key once for each value; the values are written as they are, so quote them before."""
        self.entries.extend(Entry(section, key, value) for value in values)

    def get(self, section: str, key: str) -> list[str]:
        """All values of a key, in their order."""
        return [entry.value for entry in self.entries if (entry.section, entry.key) == (section, key)]

    def __str__(self) -> str:
        sections: dict[str, list[str]] = {}
        for entry in self.entries:
            sections.setdefault(entry.section, []).append(f"{entry.key}={entry.value}\n")
        return "\n".join(f"[{name}]\n{''.join(lines)}" for name, lines in sections.items())


def parse(source: Source, report: Report) -> UnitFile:
    """Read a unit file: comments and blank lines are dropped, continued lines joined by a space."""
    unit = UnitFile()
    section, lines, number = "", source.lines, 0
    while number < len(lines):
        line, first = lines[number].strip(), number + 1
        number += 1
        if not line or line[0] in "#;":
            continue
        while line.endswith("\\") and number < len(lines):
            following = lines[number].strip()
            number += 1
            if not following or following[0] not in "#;":
                line = f"{line[:-1]} {following}"
        mark = Mark(source, first, 1, len(lines[first - 1]) or 1)
        if line.startswith("["):
            if not line.endswith("]"):
                report.error(f"'{line}' is not a section", mark, "write it as [Container]")
            section = line.strip("[]")
            continue
        key, equals, value = line.partition("=")
        if not equals or not key.strip():
            report.error(f"'{line}' is neither a section nor Key=value", mark)
        elif not section:
            report.error(
                f"'{key.strip()}' stands before any section", mark, "begin the file with a section, as in [Unit]"
            )
        else:
            unit.entries.append(Entry(section, key.strip(), value.strip(), mark))
    return unit
