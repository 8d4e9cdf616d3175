"""`data:` URLs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podhost.ignition.dataurl import BadDataURL, contents, decode, encode


@pytest.mark.parametrize(
    ("data", "url", "compression"),
    [
        (b"", "data:,", ""),
        (b"hello", "data:,hello", ""),
        (b"a b\n", "data:,a%20b%0A", ""),
        (b"a b & c <d>", "data:;base64,YSBiICYgYyA8ZD4=", ""),
        (bytes(3), "data:,%00%00%00", ""),
        (bytes(6), "data:;base64,AAAAAAAA", ""),
    ],
)
def test_the_shortest_form_is_taken(data: bytes, url: str, compression: str) -> None:
    assert encode(data) == (url, compression)


def test_what_compresses_is_compressed() -> None:
    url, compression = encode(b"x" * 1000)
    assert compression == "gzip"
    assert len(url) < 70
    assert contents(url, compression) == b"x" * 1000


def test_what_comes_compressed_is_not_compressed_again() -> None:
    assert encode(b"x" * 1000, compress=False) == ("data:," + "x" * 1000, "")


@given(st.binary(max_size=300), st.booleans())
def test_what_is_encoded_comes_back(data: bytes, compress: bool) -> None:
    url, compression = encode(data, compress=compress)
    assert contents(url, compression) == data


@pytest.mark.parametrize(
    ("url", "data"),
    [
        ("data:,", b""),
        ("data:;base64,", b""),
        ("data:text/plain,a%20b", b"a b"),
        ("data:text/plain;charset=utf-8;base64,aGk=", b"hi"),
        ('data:text/plain;a="b;c",x', b"x"),
        ("data:;base64,aG\nk=", b"hi"),
        ("data:application/x+y,%c3%A9", "é".encode()),
    ],
)
def test_urls_of_others_are_read(url: str, data: bytes) -> None:
    assert decode(url) == data


@pytest.mark.parametrize(
    "url", ["", "data:", "data:hi", "data:,a b", "data:,%", "data:,%zz", "data:,é", "data:;base64,a", "data:;base64,a===", "data:;base64,a*==", "data:;base64 ,aGk=", "data:foo/bar,x", "data:text,x"]
)  # fmt: skip
def test_what_ignition_would_refuse_is_refused(url: str) -> None:
    with pytest.raises(BadDataURL):
        decode(url)
