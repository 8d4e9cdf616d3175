from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podhost.problems import Report, Source
from podhost.quadlet.unitfile import UnitFile, escape, parse, quote
from tests.support import problems
from tests.systemd import words


def read(text: str) -> tuple[UnitFile, list[str]]:
    report = Report()
    unit = parse(Source("x.container", text), report)
    return unit, problems(report)


def test_sections_and_keys_keep_their_order() -> None:
    unit = UnitFile()
    unit.add("Unit", "Description", "Example")
    unit.add("Container", "Volume", "a:/a", "b:/b")
    unit.add("Unit", "After", "x.service")
    unit.add("Service", "Restart")
    expected = "[Unit]\nDescription=Example\nAfter=x.service\n\n[Container]\nVolume=a:/a\nVolume=b:/b\n"
    assert str(unit) == expected
    assert unit.get("Container", "Volume") == ["a:/a", "b:/b"]
    assert unit.get("Container", "After") == []
    assert str(UnitFile()) == ""


def test_reading_drops_comments_and_joins_lines() -> None:
    unit, found = read(
        "# comment\n[Container]\n; another\nExec=one \\\n# inside\n  two \\\n  three\n\n Image = x \r\nLabel=\n[Install]\nWantedBy=a\\"
    )
    assert found == []
    assert [(each.section, each.key, each.value.split()) for each in unit.entries] == [
        ("Container", "Exec", ["one", "two", "three"]),
        ("Container", "Image", ["x"]),
        ("Container", "Label", []),
        ("Install", "WantedBy", ["a\\"]),
    ]
    assert [str(each.mark) for each in unit.entries] == [f"x.container:{line}:1" for line in (4, 9, 10, 12)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Image=x", "x.container:1:1: 'Image' stands before any section"),
        ("[Container]\nImage", "x.container:2:1: 'Image' is neither a section nor Key=value"),
        ("[Container]\n=x", "x.container:2:1: '=x' is neither a section nor Key=value"),
        ("[Container\nImage=x", "x.container:1:1: '[Container' is not a section"),
    ],
)
def test_what_is_no_unit_file_is_said(text: str, expected: str) -> None:
    assert read(text)[1] == [expected]


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    read(text)


NAME = st.from_regex(r"\A[A-Z][A-Za-z]{0,8}\Z")
LINE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])).map(
    lambda text: text.strip().rstrip("\\").strip()
)


@given(st.lists(st.tuples(NAME, NAME, LINE), max_size=8))
def test_what_was_written_is_read_back(entries: list[tuple[str, str, str]]) -> None:
    unit = UnitFile()
    for section, key, value in entries:
        unit.add(section, key, value)
    again, found = read(str(unit))
    assert found == []
    assert str(again) == str(unit)
    assert sorted((each.section, each.key, each.value) for each in again.entries) == sorted(entries)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain-1.2/x:y@z", "plain-1.2/x:y@z"),
        ("two words", '"two words"'),
        ("", '""'),
        ('say "hi"', '"say \\"hi\\""'),
        ("back\\slash", '"back\\\\slash"'),
        ("semi;colon", '"semi;colon"'),
        ("#", '"#"'),
        ("é", '"é"'),
        ("a\u00a0b", '"a\u00a0b"'),
        ("'", '"\'"'),
    ],
)
def test_words_are_quoted_where_something_would_split_them(text: str, expected: str) -> None:
    assert quote(text) == expected


def test_specifiers_are_escaped() -> None:
    assert escape("50% of %h") == "50%% of %%h"


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\tb", "\x00", "\x7f"])
def test_what_no_unit_file_can_hold_is_refused(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        escape(text)
    assert caught.value.args == (
        "a unit file cannot hold line breaks or control characters",
        "write the value in one line",
    )


ANY_WORD = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])) | st.text(st.sampled_from("ab \"'\\%$;#=n"))


@given(st.lists(ANY_WORD, max_size=5))
def test_systemd_reads_the_words_that_were_quoted(values: list[str]) -> None:
    assert words(" ".join(quote(escape(value)) for value in values)) == values
