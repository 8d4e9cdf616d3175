from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podhost.spec import types as kinds
from podhost.spec.types import NAMES, SCALARS, Text

ACCEPTED: dict[str, dict[str, object]] = {
    "string": {"": "", "a & b # c": "a & b # c", "'\"%{{}}$\\": "'\"%{{}}$\\", "Zoë 😀": "Zoë 😀", " x ": " x "},
    "integer": {"0": 0, "-12": -12, "007": 7, "9" * 18: 10**18 - 1},
    "boolean": {"true": True, "False": False, "TRUE": True},
    "hostname": {
        **{name: name for name in ("fcos.fr", "localhost", "a", "1.example", "xn--bcher-kva.example")},
        **{name: name for name in ("a" * 63 + ".example", ".".join(["a" * 49] * 5) + ".org")},
    },
    "address": {name: name for name in ("192.0.2.1", "0.0.0.0", "2001:db8::1", "::")},
    "email": {name: name for name in ("admin@fcos.fr", "a.b+c@x", "a{b}'|`$%&@example.org")},
    "port": {"1": 1, "443": 443, "65535": 65535},
    "duration": {"90s": "90s", "5m": "5m", "0h": "0h", "7d": "7d"},
    "size": {"1024": "1024", "50M": "50M", "2G": "2G"},
    "path": {name: name for name in ("/", "/a", "/var/lib/x-y_z.d/", "/a@b:c+d=e,f")},
}

REFUSED: list[tuple[str, str, str, str]] = [
    ("string", "a\nb", "the text holds a line break", "write it in one line"),
    ("string", "a\u2028b", "the text holds a line break", "write it in one line"),
    ("string", "a\tb", "the text holds a control character, U+0009", "write it in one line"),
    ("string", "\x1b[0m", "the text holds a control character, U+001B", "write it in one line"),
    ("string", "\ud800", "the text holds a control character, U+D800", "write it in one line"),
    ("integer", "1.5", "'1.5' is not a whole number", "write digits alone, as in 42"),
    ("integer", "0x10", "'0x10' is not a whole number", "write digits alone, as in 42"),
    ("integer", "\uff11", "'\uff11' is not a whole number", "write digits alone, as in 42"),
    ("integer", "9" * 19, f"'{'9' * 19}' is not a whole number", "write digits alone, as in 42"),
    ("integer", "1\n", "'1\n' is not a whole number", "write digits alone, as in 42"),
    ("boolean", "yes", "'yes' is neither true nor false", "write true"),
    ("boolean", "off", "'off' is neither true nor false", "write false"),
    ("boolean", "maybe", "'maybe' is neither true nor false", "write true or false"),
    *(
        (
            "hostname",
            text,
            f"'{text}' is not a host name",
            "labels hold letters, digits and '-', with dots between them" + more,
        )
        for text, more in {
            "matrix.fcos,fr": "; did you mean 'matrix.fcos.fr'?",
            "https://fcos.fr": "; did you mean 'fcos.fr'?",
            "https://fcos.fr/": "; did you mean 'fcos.fr'?",
            "FCOS.fr": "; did you mean 'fcos.fr'?",
            "fcos.fr.": "; did you mean 'fcos.fr'?",
            "my_host.fr": "; did you mean 'my-host.fr'?",
            "bücher.example": "; did you mean 'xn--bcher-kva.example'?",
            "": "",
            "a..b": "",
            "-a.b": "; did you mean 'a.b'?",
            "10.0.0.1": "",
            "a b": "",
            "fcos.fr\n": "; did you mean 'fcos.fr'?",
            "a" * 64: "",
            ".".join(["a" * 49] * 5) + ".orgx": "",
            "{{ domain }}": "",
        }.items()
    ),
    *(
        ("address", text, f"'{text}' is not an IP address", "write it as in 192.0.2.1 or 2001:db8::1")
        for text in ("", "192.0.2", "192.0.2.256", "192.0.2.01", "[::1]", "192.0.2.0/24", "fcos.fr", "192.0.2.1\n")
    ),
    ("email", "admin", "'admin' is not an e-mail address", "write it as in admin@example.org"),
    ("email", "@fcos.fr", "'@fcos.fr' is not an e-mail address", "write it as in admin@example.org"),
    ("email", "a b@fcos.fr", "'a b@fcos.fr' is not an e-mail address", "write it as in admin@example.org"),
    ("email", "a..b@fcos.fr", "'a..b@fcos.fr' is not an e-mail address", "write it as in admin@example.org"),
    ("email", "a\n@fcos.fr", "'a\n@fcos.fr' is not an e-mail address", "write it as in admin@example.org"),
    (
        "email",
        "admin@fcos,fr",
        "'admin@fcos,fr' is not an e-mail address: 'fcos,fr' is not a host name",
        "labels hold letters, digits and '-', with dots between them; did you mean 'fcos.fr'?",
    ),
    *(
        ("port", text, f"'{text}' is not a port", "a port is a number from 1 to 65535")
        for text in ("0", "65536", "-1", "http", "443/tcp", "", "4 4")
    ),
    *(
        ("duration", text, f"'{text}' is not a duration", "write a number and a unit, s, m, h or d, as in 90s")
        for text in ("90", "s", "1w", "1.5h", "-1s", "1h30m", "", "1s\n", "1234567s")
    ),
    *(
        (
            "size",
            text,
            f"'{text}' is not a size",
            "write a number of bytes with K, M, G or T, and no zeros in front, as in 50M",
        )
        for text in ("50MB", "0644", "50m", "M", "1.5G", "", "-1", "5 M", "1234567890", "1M\n")
    ),
    *(
        (
            "path",
            text,
            f"'{text}' is not an absolute path",
            "begin with '/', without '..', of letters, digits and . _ @ + = , : -",
        )
        for text in (
            "",
            "a",
            "./a",
            "/a b",
            "/a/../b",
            "//",
            "/a//b",
            "/a%h",
            "/$x",
            "/a\n",
            '/"',
            "/é",
            "/" + "a" * 4095,
        )
    ),
]


@pytest.mark.parametrize(
    ("kind", "text", "value"), [(kind, text, value) for kind, each in ACCEPTED.items() for text, value in each.items()]
)
def test_accepted(kind: str, text: str, value: object) -> None:
    result = SCALARS[kind].parse(text)
    assert result == value
    assert str(result) == text or kind in ("integer", "boolean")


@pytest.mark.parametrize(("kind", "text", "message", "hint"), REFUSED)
def test_refused(kind: str, text: str, message: str, hint: str) -> None:
    with pytest.raises(ValueError) as caught:
        SCALARS[kind].parse(text)
    assert caught.value.args == (message, hint)


def test_every_type_is_shown_here() -> None:
    assert set(ACCEPTED) == set(SCALARS) == {kind for kind, *_ in REFUSED}
    assert (*SCALARS, "enum", "list") == NAMES


def test_free_text_is_marked_as_such() -> None:
    """Templates have to quote what may hold any character; all other types are harmless by their grammar."""
    marked = {kind for kind, each in ACCEPTED.items() for text in each if isinstance(SCALARS[kind].parse(text), Text)}
    assert marked == {"string", "email"}


@pytest.mark.parametrize(
    ("text", "value"), [("512", 512), ("1K", 1024), ("50M", 52_428_800), ("2G", 2**31), ("1T", 2**40), ("0M", 0)]
)
def test_sizes_in_bytes(text: str, value: int) -> None:
    assert kinds.size(text).bytes == value


@pytest.mark.parametrize(("text", "value"), [("90s", 90), ("5m", 300), ("2h", 7200), ("7d", 604_800)])
def test_durations_in_seconds(text: str, value: int) -> None:
    assert kinds.duration(text).seconds == value


@given(st.sampled_from(sorted(SCALARS)), st.text() | st.from_regex(r"\A[a-z0-9.@/_-]{0,20}\n?\Z"))
def test_any_text_is_taken_or_refused(kind: str, text: str) -> None:
    try:
        SCALARS[kind].parse(text)
    except ValueError as error:
        arguments = error.args
    else:
        arguments = ("taken",)
        assert "\n" not in text
    assert 1 <= len(arguments) <= 2
    assert all(isinstance(each, str) for each in arguments)


@given(st.sampled_from(sorted(set(SCALARS) - {"string", "email"})), st.text() | st.from_regex(r"\A[!-~]{0,12}\Z"))
def test_types_that_need_no_quotes_need_none(kind: str, text: str) -> None:
    """What these types take is one word to a shell, and holds nothing that systemd, nginx, YAML or Jinja would read."""
    try:
        SCALARS[kind].parse(text)
    except ValueError:
        return
    assert shlex.split(text) == [text]
    assert not set(text) & set("%$\\;{}#&*!|><'\"`?[]")
