"""What `encode` writes, read as Quadlet and then systemd read it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podhost.quadlet.encode import LISTS, WORDS, encode, encode_health, encode_words
from tests.systemd import undouble, words

LINE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])) | st.text(st.sampled_from("ab \"'\\%$;#=n{&"))
AWKWARD = [
    *("two words", " x ", '"', "'", "\\", "a\\n", "%h %n %%", "$HOME ${HOME} $$", "$(id)", "#", ";", "{{ }}", "a=b"),
    *("Zoë 😀", "a\u00a0b", "*?[a]", "~", "&|<>", "-a", "@a", "!a", "+a", ":a", "a,b"),
]


@pytest.mark.parametrize("value", AWKWARD)
@pytest.mark.parametrize("key", ["Environment", "Exec", "Label", "PodmanArgs", "Secret"])
def test_a_word_is_read_back(key: str, value: str) -> None:
    assert words(encode(key, value), dollars=True) == [value]


@given(st.sampled_from(sorted(WORDS)), LINE.filter(bool))
def test_any_word_is_read_back(key: str, value: str) -> None:
    assert words(encode(key, value), dollars=True) == [value]


@given(st.sampled_from(sorted(LISTS)), LINE)
def test_any_item_of_a_list_is_read_back_or_refused(key: str, value: str) -> None:
    """Quadlet takes the quotes off these, and leaves backslashes (`LookupAllStrv`)."""
    try:
        line = encode(key, value)
    except ValueError:
        assert not value or "\\" in value or '"' in value
        return
    assert words(line, dollars=True, escapes=False) == [value]


@given(LINE)
def test_a_whole_line_is_read_back_or_refused(value: str) -> None:
    """Quadlet strips spaces and quotes at its ends, and a backslash at the end of a line continues it."""
    try:
        line = encode("ContainerName", value)
    except ValueError:
        assert value != value.strip() or value.endswith("\\") or value[0] in "\"'"
        return
    assert undouble(line.strip(), dollars=True) == value


@pytest.mark.parametrize(
    ("key", "value", "message", "hint"),
    [
        (
            "Environment",
            "A=1\n2",
            "a unit file cannot hold line breaks or control characters",
            "write the value in one line",
        ),
        ("Exec", "", "an empty word gets lost in Exec=", "leave it out, or give the program another way to say it"),
    ],
)
def test_what_a_key_cannot_hold_is_said(key: str, value: str, message: str, hint: str) -> None:
    with pytest.raises(ValueError) as caught:
        encode(key, value)
    assert caught.value.args == (message, hint)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("AddDevice", "a\\b", "AddDevice= cannot hold a backslash or a double quote"),
        *(
            (
                "Volume",
                value,
                "Volume= cannot hold a value that begins with a quote or a space, or ends with a space or a backslash",
            )
            for value in (" a", "a ", "a\\", '"a', "'a'", "\u00a0")
        ),
    ],
)
def test_what_a_key_cannot_hold_is_named(key: str, value: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        encode(key, value)
    assert caught.value.args[0] == message


def test_words_share_a_line() -> None:
    assert encode_words("Exec", ["postgres", "-c", "a b", "100%"]) == 'postgres -c "a b" 100%%'


@given(st.lists(LINE, min_size=1, max_size=4))
def test_a_health_command_is_read_back(command: list[str]) -> None:
    assert json.loads(undouble(encode_health(command), dollars=True)) == command
