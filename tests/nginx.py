"""How nginx reads its configuration: words in quotes or without, `;` and blocks (src/core/ngx_conf_file.c, ngx_conf_read_token)."""

from __future__ import annotations

from typing import Any

_ESCAPES = {'"': '"', "'": "'", "\\": "\\", "t": "\t", "r": "\r", "n": "\n"}


def parse(text: str) -> list[Any]:
    """Give the directives of a text: each a list of words, where a block is a list of directives at its end."""
    directives, at = _block(text, 0, inner=False)
    assert at == len(text)
    return directives


def _block(text: str, at: int, inner: bool) -> tuple[list[Any], int]:
    directives: list[Any] = []
    words: list[Any] = []
    while at < len(text):
        char = text[at]
        if char.isascii() and char.isspace():
            at += 1
        elif char == "#":
            at = text.find("\n", at) % (len(text) + 1)
        elif char == ";":
            assert words, "a ';' without a directive"
            directives.append(words)
            words, at = [], at + 1
        elif char == "{":
            assert words, "a block without a name"
            block, at = _block(text, at + 1, inner=True)
            directives.append([*words, block])
            words = []
        elif char == "}":
            assert inner, "a '}' without a block"
            assert not words, "a directive without ';'"
            return directives, at + 1
        else:
            word, at = _word(text, at)
            words.append(word)
    assert not inner, "a block without end"
    assert not words, "a directive without ';'"
    return directives, at


def _word(text: str, at: int) -> tuple[str, int]:
    quote = text[at] if text[at] in "'\"" else ""
    at, word = at + len(quote), ""
    while at < len(text):
        char = text[at]
        if char == "\\" and at + 1 < len(text):
            word += _ESCAPES.get(text[at + 1], "\\" + text[at + 1])
            at += 2
        elif quote and char == quote:
            assert at + 1 == len(text) or text[at + 1] in " \t\r\n;{)", "a word goes on after its quote"
            return word, at + 1
        elif not quote and (char in " \t\r\n;" or (char == "{" and text[at - 1] != "$")):
            return word, at
        else:
            word += char
            at += 1
    assert not quote, "an open quote"
    return word, at
