"""`data:` URLs (RFC 2397) as Ignition reads them and Butane writes them."""

from __future__ import annotations

import binascii
import re
import zlib
from collections.abc import Iterator
from functools import lru_cache

UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()"
"""The characters that stand for themselves (RFC 2396, 2.3)."""

_ESCAPES = tuple(chr(code) if code in UNRESERVED else f"%{code:02X}" for code in range(256))

_TOKEN = r"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]"
_QUOTED = r'"(?:[\x00-\x21\x23-\x5b\x5d-\x7f]|\\[\x00-\x7f])*"'
_HEAD = re.compile(
    rf"data:(?:(?:(?:text|image|audio|video|application|message|multipart){_TOKEN}*|[xX]-{_TOKEN}*)/{_TOKEN}*)?"
    rf"(?:;{_TOKEN}+=(?:{_TOKEN}+|{_QUOTED}))*(;base64)?,"
)
_PLAIN = re.compile(r"(?:[!$&'()*+,\-./0-9:;=?@A-Z_a-z~]++|%[0-9A-Fa-f]{2})*+")
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")


class BadDataURL(ValueError):
    """Not a `data:` URL that Ignition would take; the text says why."""


def escape(data: bytes) -> str:
    """Percent-encode all but the unreserved characters."""
    return data.decode("latin-1").translate(_ESCAPES)


_CHUNK = 3 << 18  # large contents go through in pieces, so that few copies of them are in memory at once


def _chunks(data: bytes) -> Iterator[bytes]:
    return (data[start : start + _CHUNK] for start in range(0, len(data), _CHUNK))


def based(data: bytes) -> str:
    """Give the `data:` URL of some bytes in base64."""
    pieces = (binascii.b2a_base64(chunk, newline=False).decode("ascii") for chunk in _chunks(data))
    return "".join(["data:;base64,", *pieces])


def gzipped(data: bytes, most: int | None = None) -> bytes | None:
    """Compress as well as gzip can, with no time and no name in it, so that equal data give equal bytes.

    Gives None as soon as it is clear that this would take more than `most` bytes.
    """
    # a small window is set up faster, and reaches as far as a large one: 262 bytes less than its size
    window = min(15, max(9, (len(data) + 262).bit_length()))
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + window)
    pieces, size = [], 0
    for chunk in _chunks(data):
        pieces.append(packer.compress(chunk))
        size += len(pieces[-1])
        if most is not None and size > most:
            return None
    pieces.append(packer.flush())
    return b"".join(pieces)


def encode(data: bytes, *, compress: bool = True) -> tuple[str, str]:
    """Give the shortest `data:` URL of some bytes, and its compression: `gzip` or the empty string.

    The three forms are percent-encoded, base64, and base64 of gzip.
    The choice is Butane's: the earlier one unless a later one is shorter, and the word `gzip` counts.
    """
    return _encode_small(data, compress) if len(data) <= _SMALL else _encode(data, compress)


def _encode(data: bytes, compress: bool) -> tuple[str, str]:
    length = len(data)
    plain = 1 + length + 2 * sum(len(chunk.translate(None, UNRESERVED)) for chunk in _chunks(data))
    length_based = 8 + (length + 2) // 3 * 4
    best = min(plain, length_based)
    if compress and (packed := _packed(data, best)) is not None:
        return based(packed), "gzip"
    if length_based < plain:
        return based(data), ""
    return "data:," + escape(data), ""


_SMALL = 1 << 13  # hosts share most of their small files
_encode_small = lru_cache(1024)(_encode)

_EXACT = 1 << 18  # up to here the size is reckoned exactly where it matters; beyond, it would take too long
GZIP_BYTES = 18  # header and trailer (RFC 1952)
_TAIL = 5  # what Butane's compressor writes after the last block


def _packed(data: bytes, best: int) -> bytes | None:
    """Compress the data if Butane would: if its gzip makes a shorter URL than one of `best` characters after the scheme."""
    most = (best - 13) // 4 * 3  # the largest gzip that wins: 8 + its base64 + len("gzip") < best
    if most < GZIP_BYTES + _TAIL:
        return None
    doubt = 16 + len(data) // 16
    packed = gzipped(data, most + doubt)
    if packed is None:
        return None
    size = len(packed) + _TAIL
    hopeless = len(data) > _EXACT or (len(packed) > len(data) > _EXACT >> 3)
    if abs(size - most) <= doubt and not hopeless:
        from podhost.ignition.gzipsize import deflate_size  # seldom needed

        size = deflate_size(data) + GZIP_BYTES
    return packed if size <= most else None


def mistake(url: str) -> str:
    """Say why Ignition would refuse a `data:` URL; empty if it would not."""
    head = _HEAD.match(url)
    if not head:
        return "it does not begin like 'data:,' or 'data:;base64,'"
    if not head[1]:
        return (
            ""
            if _PLAIN.fullmatch(url, head.end())
            else "it holds a character that has to be percent-encoded, or a broken '%'"
        )
    start = head.end()
    if "\n" in url:
        url, start = url[start:].replace("\n", ""), 0
    good = (len(url) - start) % 4 == 0 and _BASE64.fullmatch(url, start)
    return "" if good else "its base64 is broken"


def decode(url: str) -> bytes:
    """Give the bytes of a `data:` URL, still compressed if they are; raise `BadDataURL` for what Ignition refuses."""
    if why := mistake(url):
        raise BadDataURL(why)
    head = _HEAD.match(url)
    assert head
    if head[1]:
        return binascii.a2b_base64(url[head.end() :])
    data = url[head.end() :].encode("ascii")
    return _PERCENT.sub(lambda match: bytes([int(match[1], 16)]), data) if b"%" in data else data


def contents(source: str, compression: str | None) -> bytes:
    """Give what a resource with this `data:` URL holds once it is decompressed."""
    data = decode(source)
    return zlib.decompress(data, 47) if compression == "gzip" else data
