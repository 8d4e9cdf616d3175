"""What a YAML scalar means to a field of a known type, as Go's YAML parser reads it.

The field's type decides: `enabled: yes` is a boolean, `password_hash: yes` a string, and a mode may be `0644`, `0o644` or `420`.
"""

from __future__ import annotations

import base64
import binascii
import re

from podhost.document import Scalar

_TAG = "tag:yaml.org,2002:"
_NULLS = frozenset(["", "~", "null", "Null", "NULL"])
_TRUE = frozenset(["true", "True", "TRUE"])
_FALSE = frozenset(["false", "False", "FALSE"])
_OLD_TRUE = frozenset(["y", "Y", "yes", "Yes", "YES", "on", "On", "ON"])
_OLD_FALSE = frozenset(["n", "N", "no", "No", "NO", "off", "Off", "OFF"])
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?", re.ASCII)
_NUMBER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_MAX_DIGITS = 80
_BIGGEST = 2**63


class BadScalar(ValueError):
    """The text is no value of the type; the exception's text says what it is."""


def is_null(scalar: Scalar) -> bool:
    """Whether this stands for 'not set': nothing at all, `~` or `null`, without quotes."""
    return scalar.text in _NULLS and scalar.plain and scalar.tag in (None, "!", _TAG + "null")


def string(scalar: Scalar) -> str:
    """Read a string: what is written, even if it looks like a number."""
    if scalar.tag == _TAG + "binary":
        try:
            return base64.b64decode(scalar.text.replace("\n", ""), validate=True).decode()
        except (ValueError, binascii.Error, UnicodeDecodeError):
            raise BadScalar("base64 of no UTF-8 text") from None
    return scalar.text


def boolean(scalar: Scalar) -> bool:
    """Read a boolean: true, false, and the yes, no, on and off of YAML 1.1, these even in quotes."""
    if scalar.plain and scalar.text in _TRUE:
        return True
    if scalar.plain and scalar.text in _FALSE:
        return False
    if scalar.text in _OLD_TRUE:
        return True
    if scalar.text in _OLD_FALSE:
        return False
    raise BadScalar(_kind(scalar))


def integer(scalar: Scalar) -> int:
    """Read an integer: decimal, octal (0644, 0o644), hexadecimal or binary; a fraction is cut off."""
    text = scalar.text.replace("_", "")
    if not scalar.plain or not text or text[0] not in "+-.0123456789" or len(text) > _MAX_DIGITS:
        raise BadScalar(_kind(scalar))
    if match := _NUMBER.fullmatch(text):
        sign, hexadecimal, binary, octal, decimal = match.groups()
        for digits, base in ((hexadecimal, 16), (binary, 2), (octal, 8), (decimal, 10)):
            if digits is not None:
                number = int(sign + digits, base)
                break
    elif (
        _FLOAT.fullmatch(text)
        and (scalar.text[0] != "." or "_" not in scalar.text)
        and not _DATE.fullmatch(scalar.text)
    ):
        value = float(text)
        if value > _BIGGEST:
            raise BadScalar("too large a number")
        number = int(max(value, -_BIGGEST))
    else:
        raise BadScalar(_kind(scalar))
    if not -_BIGGEST <= number < _BIGGEST:
        raise BadScalar("too large a number")
    return number


def _kind(scalar: Scalar) -> str:
    """Say what a scalar is that is not what it should be."""
    if scalar.plain and (scalar.text in _TRUE or scalar.text in _FALSE):
        return "a boolean"
    if scalar.plain and _FLOAT.fullmatch(scalar.text):
        return "a number"
    return "a string"
