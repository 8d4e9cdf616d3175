"""Systemd unit files as Ignition sees them: which sections hold an option, and what it refuses.

Ignition reads a unit with a parser of its own, stricter than systemd's (github.com/coreos/go-systemd, `unit`).
What that parser refuses keeps a host from booting, so it is refused here in the same cases.
"""

from __future__ import annotations

import re

MAX_LINE = 2048
"""The longest line, in bytes, before the parser may refuse it."""

_BUFFER = 4096  # the parser looks for long lines in what its reader has buffered, and no further
_SPACES = b" \t\n\v\f\r\x85\xa0"
_LONG = f"a line is longer than {MAX_LINE} bytes"


class BadUnit(ValueError):
    """Ignition would refuse this unit; the text says why."""


def sections(text: str) -> set[str]:
    """Give the names of the sections that hold at least one option; raise `BadUnit` for what Ignition refuses."""
    if (found := _plain(text)) is not None:
        return found
    data = text.encode("utf-8", "surrogatepass")
    return _parse(data, long_lines=max(map(len, re.split(rb"[\r\n]", data))) >= MAX_LINE)


_ODD = re.compile(r"[^\n\x20-\x7e]|\\\n|\\\Z|[^\n]{" + str(MAX_LINE) + "}")


def _plain(text: str) -> set[str] | None:
    """Do the work of the parser for ordinary units: line by line, and None for anything that is out of the ordinary."""
    if _ODD.search(text):
        return None
    found: set[str] = set()
    section = ""
    for line in text.split("\n"):
        if line.startswith("["):
            if not line.endswith("]") or "]" in line[:-1]:
                return None
            section = line
        elif line and not line.startswith(("#", ";")):
            if "=" not in line or line.startswith(("=", " ")) or not section:
                return None
            found.add(section[1:-1])
    return found


def _parse(data: bytes, *, long_lines: bool) -> set[str]:
    found: set[str] = set()
    reader = _Reader(data)
    section: str | None = None
    while True:
        if long_lines:
            reader.refuse_long_line()
        char = reader.char()
        if not char:
            return found
        if char == b"[":
            section = _section(reader, long_lines)
        elif char in (b"#", b";"):
            _skip_comment(reader, long_lines)
        elif section is not None and not char.decode("utf-8", "replace").isspace():
            reader.unread(char)
            _option(reader, long_lines)
            found.add(section)


def _section(reader: _Reader, long_lines: bool) -> str:
    if long_lines:
        reader.refuse_long_line()
    name = reader.until(b"]")
    if not name.endswith(b"]"):
        raise BadUnit("a section header has no ']'")
    if long_lines:
        reader.refuse_long_line()
    if rest := reader.line().decode("utf-8", "replace").strip():
        raise BadUnit(f"there is text after a section header: '{rest}'")
    return name[:-1].decode("utf-8", "replace")


def _skip_comment(reader: _Reader, long_lines: bool) -> None:
    if long_lines:
        reader.refuse_long_line()
    while reader.line().removesuffix(b" ").endswith(b"\\"):
        pass


def _option(reader: _Reader, long_lines: bool) -> None:
    if long_lines:
        reader.refuse_long_line()
    name = b""
    while (char := reader.char()) != b"=":
        if not char or char in b"\r\n":
            raise BadUnit(f"the line '{name.decode('utf-8', 'replace')}' has no '='")
        name += char
    while True:
        if long_lines:
            reader.refuse_long_line()
        line = reader.line()
        if not (line.strip(_SPACES) and line.endswith(b"\\")):
            return


class _Reader:
    """Bytes read through a buffer of 4096, as the parser reads them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.filled = 0

    def fill(self) -> None:
        self.filled = min(len(self.data), self.at + _BUFFER)

    def refuse_long_line(self) -> None:
        start = self.at
        if self.filled - start >= MAX_LINE and not re.search(rb"[\r\n]", self.data[start : start + MAX_LINE]):
            raise BadUnit(_LONG)

    def char(self) -> bytes:
        """Give the next character in its UTF-8 bytes; nothing at the end."""
        data, at = self.data, self.at
        size = 1
        if at < len(data) and data[at] >= 0x80:
            size = 2 if data[at] < 0xE0 else 3 if data[at] < 0xF0 else 4
        if self.filled - at < size:
            self.fill()
        self.at = min(len(data), at + size)
        return data[at : self.at]

    def unread(self, char: bytes) -> None:
        self.at -= len(char)

    def until(self, end: bytes) -> bytes:
        """Give the bytes up to the first `end`, that included; all that is left where there is none."""
        data, start = self.data, self.at
        stop = data.find(end, start)
        stop = len(data) if stop < 0 else stop + 1
        while self.filled < stop:
            if self.filled - self.at >= _BUFFER:
                self.at = self.filled
            self.fill()
        self.at = stop
        return data[start:stop]

    def line(self) -> bytes:
        return self.until(b"\n").removesuffix(b"\r").removesuffix(b"\n")


def escape_path(path: str) -> str:
    """Escape a path for a unit's name, as `systemd-escape --path` does (systemd.unit(5), 'String escaping')."""
    parts = [part.encode("utf-8", "surrogatepass") for part in path.split("/") if part]
    escaped = "-".join("".join(map(_escape_byte, part)) for part in parts)
    return ("\\x2e" + escaped[1:] if escaped.startswith(".") else escaped) or "-"


def _escape_byte(byte: int) -> str:
    return chr(byte) if byte in _ALLOWED else f"\\x{byte:x}"


_ALLOWED = frozenset(b":_.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
