from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podhost.problems import InvalidInput, Mark, Problem, Report, Severity, Source, did_you_mean, printable

SOURCE = Source("host.yaml", "stacks:\n  matrix:\n    domain: matrix.fcos,fr\n")


def error(message: str, mark: Mark | None = None, hint: str = "") -> Problem:
    return Problem(Severity.ERROR, message, mark, hint)


def test_a_problem_is_shown_as_compilers_do() -> None:
    problem = error("'matrix.fcos,fr' is not a host name", Mark(SOURCE, 3, 13, 14), "did you mean 'matrix.fcos.fr'?")
    assert str(problem) == (
        "host.yaml:3:13: error: 'matrix.fcos,fr' is not a host name\n"
        "    3 |     domain: matrix.fcos,fr\n"
        "      |             ^~~~~~~~~~~~~~\n"
        "  hint: did you mean 'matrix.fcos.fr'?"
    )


def test_without_a_place_there_is_only_the_message() -> None:
    assert str(error("there is no file 'x'")) == "error: there is no file 'x'"
    assert str(Problem(Severity.WARNING, "nobody can log in")) == "warning: nobody can log in"


@pytest.mark.parametrize(
    ("line", "column", "length", "underlined"),
    [
        ("key: value", 6, 5, "     ^~~~~"),
        ("key: value", 6, 1, "     ^"),
        ("key: value", 6, 0, "     ^"),
        ("key: value", 6, 500, "     ^~~~~"),  # what spans lines is underlined to the end of the first
        ("\tkey:\tvalue", 2, 3, " ^~~"),  # a tab is as wide as a space, or the underline would be elsewhere
    ],
)
def test_the_underline_stands_below_what_it_marks(line: str, column: int, length: int, underlined: str) -> None:
    shown = str(error("wrong", Mark(Source("f", line), 1, column, length))).split("\n")
    assert shown[1] == f"    1 | {line}".replace("\t", " ")
    assert shown[2] == f"      | {underlined}"


def test_a_long_line_is_shown_around_the_place() -> None:
    line = "a" * 1000 + "WRONG" + "b" * 1000
    shown = str(error("wrong", Mark(Source("f", line), 1, 1001, 5))).split("\n")
    assert len(shown[1]) == len("    1 | ") + 100
    start = shown[2].index("^")
    assert shown[1][start : start + 5] == "WRONG"
    assert shown[2].count("~") == 4


@pytest.mark.parametrize(("line", "text"), [(3, "one\n\nthree"), (1, "")])
def test_a_place_that_the_text_lacks_has_no_excerpt(line: int, text: str) -> None:
    problem = error("wrong", Mark(Source("f", text.split("three")[0]), line, 1))
    assert str(problem) == f"f:{line}:1: error: wrong"


def test_lines_end_as_yaml_ends_them() -> None:
    assert Source("f", "one\r\ntwo\rthree\nfour").lines == ["one", "two", "three", "four"]


def test_what_a_terminal_would_obey_is_not_sent_to_it() -> None:
    assert printable("a\x1b[31mb\x07\u202ec\x9b\x7f\ud800") == "a\ufffd[31mb\ufffd\ufffdc\ufffd\ufffd\ufffd"
    assert printable("Zoë\t→ 日本\n") == "Zoë\t→ 日本\n"
    problem = error("no '\x1b'", Mark(Source("f", "key: \x1b]0;x"), 1, 6), "\x1b")
    assert "\x1b" not in str(problem)


@given(st.text(), st.integers(1, 5), st.integers(1, 300), st.integers(0, 300))
def test_any_text_can_be_shown(text: str, line: int, column: int, length: int) -> None:
    shown = str(error(text, Mark(Source("f", text), line, column, length), text))
    assert printable(shown) == shown


def test_a_report_sorts_by_place_and_says_each_thing_once() -> None:
    other = Source("a.yaml", "x")
    report = Report()
    report.error("no place")
    report.error("third", Mark(SOURCE, 3, 1))
    report.error("second", Mark(SOURCE, 2, 9))
    report.error("first of its line", Mark(SOURCE, 2, 1))
    report.error("second", Mark(SOURCE, 2, 9))
    report.extend(Report([error("other file", Mark(other, 7, 1)), error("no place")]))
    expected = ["other file", "first of its line", "second", "third", "no place"]
    assert [each.message for each in report.problems] == expected


def test_an_error_fails_a_report_and_a_warning_does_not() -> None:
    report = Report()
    report.warning("nobody can log in")
    assert not report.failed
    report.raise_if_failed()
    report.error("wrong", Mark(SOURCE, 1, 1, 7))
    assert report.failed
    with pytest.raises(InvalidInput) as caught:
        report.raise_if_failed()
    assert caught.value.report is report
    assert str(caught.value) == (
        "host.yaml:1:1: error: wrong\n    1 | stacks:\n      | ^~~~~~~\nwarning: nobody can log in"
    )


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("matrx", ["nextcloud", "matrix"], "did you mean 'matrix'?"),
        ("domian", ["domain", "brand", "email"], "did you mean 'domain'?"),
        ("x", ["b", "a"], "known: a, b"),
        ("x", [], ""),
        ("x", map(str, range(31)), ""),
    ],
)
def test_did_you_mean(word: str, known: list[str], expected: str) -> None:
    assert did_you_mean(word, known) == expected
