"""How systemd and Quadlet read the values of unit files: the other side of what podhost writes."""

from __future__ import annotations

_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "s": " "}
_DIGITS = {"x": 2, "u": 4, "U": 8}
_SPACE = " \t\n\r"


def words(line: str, dollars: bool = False, escapes: bool = True) -> list[str]:
    """Split and unquote a line as systemd.syntax(7), "Quoting", says; then undo '%%', and '$$' where it is a command line.

    Raises ValueError for a lone specifier or variable, which would become something else, and for an open quote.
    """
    found, at = [], 0
    while at < len(line):
        if line[at] in _SPACE:
            at += 1
            continue
        word, quoted = "", ""
        while at < len(line) and (quoted or line[at] not in _SPACE):
            char = line[at]
            at += 1
            if char == "\\" and escapes:
                text, at = _escape(line, at)
                word += text
            elif quoted:
                quoted, word = ("", word) if char == quoted else (quoted, word + char)
            elif char in "'\"":
                quoted = char
            else:
                word += char
        if quoted:
            raise ValueError(f"an open quote in {line!r}")
        found.append(undouble(word, dollars))
    return found


def _escape(line: str, at: int) -> tuple[str, int]:
    char, at = line[at], at + 1
    if char in _DIGITS:
        return chr(int(line[at : at + _DIGITS[char]], 16)), at + _DIGITS[char]
    return _ESCAPES.get(char, char), at


def undouble(text: str, dollars: bool) -> str:
    """Undo '%%' (systemd.unit(5), "Specifiers") and '$$' (systemd.service(5), "Command lines")."""
    for char in "%$" if dollars else "%":
        if char in text.replace(char * 2, ""):
            raise ValueError(f"a lone '{char}' in {text!r}")
        text = text.replace(char * 2, char)
    return text
