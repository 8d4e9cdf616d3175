"""The types of parameters: how each reads the text that a person wrote.

A parser takes the text and gives the value, or raises `ValueError` with what is wrong; a hint, where there is one, is its second argument.
Values print in templates as they were written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple


class Text(str):
    """Text of which nothing is known: a template has to pass it through a quoting filter before it may stand in a file."""

    __slots__ = ()


class Size(str):
    """A number of bytes as people write it: `50M`. K, M, G and T are powers of 1024."""

    __slots__ = ()

    @property
    def bytes(self) -> int:
        """The size in bytes."""
        match = re.fullmatch(_SIZE, self)
        assert match
        return int(match[1]) << (10 * " KMGT".index(match[2] or " "))


class Duration(str):
    """A time span as people write it: `90s`, `5m`, `2h`, `7d`."""

    __slots__ = ()

    @property
    def seconds(self) -> int:
        """The length in seconds."""
        return int(self[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[self[-1]]


_SIZE = r"(0|[1-9][0-9]{0,8})([KMGT])?"
_DURATION = r"(0|[1-9][0-9]{0,5})[smhd]"
_INTEGER = r"-?[0-9]{1,18}"
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_PATH = r"(/[A-Za-z0-9._@:+=,-]+)+/?|/"
_LOCAL_PART = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_CONTROL = r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]"


def string(text: str) -> Text:
    """One line of any text."""
    if bad := re.search(_CONTROL, text):
        what = "a line break" if bad[0] in "\r\n\u2028\u2029\x85" else f"a control character, U+{ord(bad[0]):04X}"
        raise ValueError(f"the text holds {what}", "write it in one line")
    return Text(text)


def integer(text: str) -> int:
    """A whole number."""
    if not re.fullmatch(_INTEGER, text):
        raise ValueError(f"'{text}' is not a whole number", "write digits alone, as in 42")
    return int(text)


def boolean(text: str) -> bool:
    """`true` or `false`."""
    if text.lower() not in ("true", "false"):
        meant = {"yes": "true", "on": "true", "1": "true", "no": "false", "off": "false", "0": "false"}.get(
            text.lower()
        )
        raise ValueError(f"'{text}' is neither true nor false", f"write {meant}" if meant else "write true or false")
    return text.lower() == "true"


def hostname(text: str) -> str:
    """A DNS host name: RFC 1123, section 2.1."""
    labels = text.split(".")
    if text and len(text) <= 253 and all(re.fullmatch(_LABEL, label) for label in labels) and not labels[-1].isdigit():
        return text
    raise ValueError(f"'{text}' is not a host name", _hostname_hint(text))


def _hostname_hint(text: str) -> str:
    guess = re.sub(
        r"[,;_/]", lambda match: {"_": "-"}.get(match[0], "."), re.sub(r"^[a-z]+://", "", text.strip().lower())
    )
    guess = guess.strip(".-")
    if not guess.isascii():
        try:
            guess = guess.encode("idna").decode("ascii")
        except UnicodeError:
            guess = ""
    rule = "labels hold letters, digits and '-', with dots between them"
    if (
        guess
        and guess != text
        and all(re.fullmatch(_LABEL, label) for label in guess.split("."))
        and not guess.split(".")[-1].isdigit()
    ):
        return f"{rule}; did you mean '{guess}'?"
    return rule


def address(text: str) -> str:
    """An IPv4 or IPv6 address."""
    import ipaddress  # few stacks name an address

    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError(f"'{text}' is not an IP address", "write it as in 192.0.2.1 or 2001:db8::1") from None


def email(text: str) -> Text:
    """An e-mail address: the `local@domain` of RFC 5321, without quoted local parts."""
    local, at, domain = text.rpartition("@")
    if not at or len(local) > 64 or not re.fullmatch(_LOCAL_PART, local):
        raise ValueError(f"'{text}' is not an e-mail address", "write it as in admin@example.org")
    try:
        hostname(domain)
    except ValueError as error:
        raise ValueError(f"'{text}' is not an e-mail address: {error.args[0]}", *error.args[1:]) from None
    return Text(text)


def port(text: str) -> int:
    """A TCP or UDP port number."""
    if not re.fullmatch(_INTEGER, text) or not 1 <= int(text) <= 65535:
        raise ValueError(f"'{text}' is not a port", "a port is a number from 1 to 65535")
    return int(text)


def duration(text: str) -> Duration:
    """A time span: a number and one of s, m, h, d."""
    if not re.fullmatch(_DURATION, text):
        raise ValueError(f"'{text}' is not a duration", "write a number and a unit, s, m, h or d, as in 90s")
    return Duration(text)


def size(text: str) -> Size:
    """A number of bytes, with K, M, G or T."""
    if not re.fullmatch(_SIZE, text):
        raise ValueError(
            f"'{text}' is not a size", "write a number of bytes with K, M, G or T, and no zeros in front, as in 50M"
        )
    return Size(text)


def path(text: str) -> str:
    """An absolute path without spaces or other characters that mean something to a shell, systemd or podman."""
    if not re.fullmatch(_PATH, text) or len(text) > 4095 or ".." in text.split("/"):
        raise ValueError(
            f"'{text}' is not an absolute path", "begin with '/', without '..', of letters, digits and . _ @ + = , : -"
        )
    return text


class Type(NamedTuple):
    """A type of parameter by name: its parser, and what to say of it in a list."""

    parse: Callable[[str], object]
    summary: str


SCALARS: dict[str, Type] = {
    "string": Type(string, "one line of text"),
    "integer": Type(integer, "a whole number"),
    "boolean": Type(boolean, "true or false"),
    "hostname": Type(hostname, "a host name"),
    "address": Type(address, "an IP address"),
    "email": Type(email, "an e-mail address"),
    "port": Type(port, "a port number"),
    "duration": Type(duration, "a time span, as in 90s, 5m, 2h, 7d"),
    "size": Type(size, "a number of bytes, as in 50M"),
    "path": Type(path, "an absolute path"),
}
NAMES = (*SCALARS, "enum", "list")
