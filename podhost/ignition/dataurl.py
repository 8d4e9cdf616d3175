"""`data:` URLs (RFC 2397) as Ignition reads them and Butane writes them."""

from __future__ import annotations

import binascii
import re
import zlib

UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()"
"""The characters that stand for themselves (RFC 2396, 2.3)."""

_ESCAPES = tuple(chr(code) if code in UNRESERVED else f"%{code:02X}" for code in range(256))

_TOKEN = r"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]"
_QUOTED = r'"(?:[\x00-\x21\x23-\x5b\x5d-\x7f]|\\[\x00-\x7f])*"'
_HEAD = re.compile(
    rf"data:(?:(?:(?:text|image|audio|video|application|message|multipart){_TOKEN}*|[xX]-{_TOKEN}*)/{_TOKEN}*)?"
    rf"(?:;{_TOKEN}+=(?:{_TOKEN}+|{_QUOTED}))*(;base64)?,"
)
_PLAIN = re.compile(r"(?:[!$&'()*+,\-./0-9:;=?@A-Z_a-z~]|%[0-9A-Fa-f]{2})*")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")


class BadDataURL(ValueError):
    """Not a `data:` URL that Ignition would take; the text says why."""


def escape(data: bytes) -> str:
    """Percent-encode all but the unreserved characters."""
    return data.decode("latin-1").translate(_ESCAPES)


def based(data: bytes) -> str:
    """Encode as base64."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def gzipped(data: bytes) -> bytes:
    """Compress as well as gzip can, with no time and no name in it, so that equal data give equal bytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


def encode(data: bytes, *, compress: bool = True) -> tuple[str, str]:
    """Give the shortest `data:` URL of some bytes, and its compression: `gzip` or the empty string.

    The three forms are percent-encoded, base64, and base64 of gzip.
    The choice is Butane's: the earlier one unless a later one is shorter, and the word `gzip` counts.
    """
    length = len(data)
    plain = 1 + length + 2 * len(data.translate(None, UNRESERVED))
    length_based = 8 + (length + 2) // 3 * 4
    best = min(plain, length_based)
    if compress and (packed := _packed(data, best)) is not None:
        return "data:;base64," + based(packed), "gzip"
    if length_based < plain:
        return "data:;base64," + based(data), ""
    return "data:," + escape(data), ""


_EXACT = 1 << 18  # up to here the size is reckoned exactly where it matters; beyond, it would take too long
_TAIL = 5  # what Butane's compressor writes after the last block


def _packed(data: bytes, best: int) -> bytes | None:
    """Compress the data if Butane would: if its gzip makes a shorter URL than one of `best` characters after the scheme."""
    packed = gzipped(data)
    most = (best - 13) // 4 * 3  # the largest gzip that wins: 8 + its base64 + len("gzip") < best
    size = len(packed) + _TAIL
    close = abs(size - most) <= 16 + len(data) // 20
    if close and len(packed) < len(data) <= _EXACT:
        from podhost.ignition.gzipsize import gzip_size  # seldom needed

        size = gzip_size(data)
    return packed if size <= most else None


def decode(url: str) -> bytes:
    """Give the bytes of a `data:` URL, still compressed if they are; raise `BadDataURL` for what Ignition refuses."""
    head = _HEAD.match(url)
    if not head:
        raise BadDataURL("it does not begin like 'data:,' or 'data:;base64,'")
    if head[1]:
        text = url[head.end() :].replace("\n", "")
        try:
            return binascii.a2b_base64(text, strict_mode=True) if text else b""
        except ValueError:
            raise BadDataURL("its base64 is broken") from None
    if _PLAIN.fullmatch(url, head.end()) is None:
        raise BadDataURL("it holds a character that has to be percent-encoded, or a broken '%'")
    data = url[head.end() :].encode("ascii")
    return _PERCENT.sub(lambda match: bytes([int(match[1], 16)]), data) if b"%" in data else data


def contents(source: str, compression: str | None) -> bytes:
    """Give what a resource with this `data:` URL holds once it is decompressed."""
    data = decode(source)
    return zlib.decompress(data, 47) if compression == "gzip" else data
