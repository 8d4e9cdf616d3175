from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from podhost import document
from podhost.document import Mapping, Node, Scalar, Sequence, locate, node_of, plain, read
from podhost.problems import Mark, Report, Source
from tests.support import problems


def load(text: str) -> Node:
    report = Report()
    node = read(Source("f", text), report)
    assert problems(report) == []
    assert node is not None
    return node


def data(text: str) -> Any:
    return plain(load(text))


def errors(text: str) -> list[str]:
    report = Report()
    read(Source("f", text), report)
    assert report.failed
    return problems(report)


def hints(text: str) -> list[str]:
    report = Report()
    read(Source("f", text), report)
    return [each.hint for each in report.problems]


# -- scalars


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("no", "no"), ("yes", "yes"), ("on", "on"), ("22:30", "22:30"), ("1_000", "1_000"), ("0b1", "0b1")),
        *(("true", True), ("TRUE", True), ("False", False), ("tRUE", "tRUE")),
        *(("~", None), ("null", None), ("nUll", "nUll")),
        *(("0", 0), ("-12", -12), ("+3", 3), ("0644", 0o644), ("0o644", 0o644), ("0x1F", 31), ("08", 8.0)),
        *(("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0), ("1.", 1.0), (".inf", math.inf), ("-.Inf", -math.inf)),
        *((".", "."), ("1.2.3", "1.2.3"), ("5432/tcp", "5432/tcp"), ("9" * 400, "9" * 400)),
        *(("2026-11-23", "2026-11-23"), ("<<", "<<"), ("=", "="), ("a#b", "a#b")),
    ],
)
def test_plain_scalars_are_those_of_the_core_schema(text: str, value: object) -> None:
    assert data(f"key: {text}\n") == {"key": value}


@pytest.mark.parametrize("text", ['"true"', "'0644'", "!!str 12", '"~"', "! 12", "|-\n  null"])
def test_what_is_quoted_or_tagged_is_a_string(text: str) -> None:
    value = data(f"key: {text}\n")["key"]
    assert isinstance(value, str)


def test_tags_of_the_core_schema_resolve() -> None:
    assert data("[!!int 7, !!bool true, !!null ~, !!float 1.5]") == [7, True, None, 1.5]


@given(st.integers(-(10**18), 10**18) | st.floats(allow_nan=False) | st.booleans() | st.none() | st.text())
def test_a_value_made_into_a_node_is_the_value(value: Any) -> None:
    """`node_of` and `plain` are inverse, so a default of a stack means what the stack's author wrote."""
    mark = Mark(Source("f", ""), 1, 1)
    assert plain(node_of({"key": [value]}, mark)) == {"key": [value]}


# -- marks


def test_every_value_knows_its_place() -> None:
    text = "stacks:\n  matrix:\n    domain: fcos.fr\n    ports: [80, '443']\n"
    node = load(text)
    for path, expected in {
        ("stacks",): (1, 1, 6),
        ("stacks", "matrix"): (2, 3, 6),
        ("stacks", "matrix", "domain"): (3, 13, 7),
        ("stacks", "matrix", "ports"): (4, 5, 5),
        ("stacks", "matrix", "ports", 0): (4, 13, 2),
        ("stacks", "matrix", "ports", 1): (4, 17, 5),
        ("stacks", "matrix", "ports", 9): (4, 5, 5),  # the deepest that exists
        ("stacks", "absent", "domain"): (1, 1, 6),
    }.items():
        mark, _ = locate(node, path)
        assert (mark.line, mark.column, mark.length) == expected, path


def test_columns_count_characters_behind_wide_ones() -> None:
    node = load('"Zoë 日本 😀": {x: value}\n')
    mark, _ = locate(node, ("Zoë 日本 😀", "x"))
    assert (mark.line, mark.column) == (1, 17)


def test_a_value_over_several_lines_is_marked_where_it_begins() -> None:
    node = load("a: |\n  one\n  two\nb: 'x\n  y'\n")
    assert str(locate(node, ("a",))[0]) == "f:1:4"
    assert str(locate(node, ("b",))[0]) == "f:4:4"


def test_an_alias_stands_where_it_is_used() -> None:
    node = load("a: &x [1, 2]\nb: *x\n")
    assert isinstance(node, Mapping)
    assert plain(node) == {"a": [1, 2], "b": [1, 2]}
    assert str(node.pairs["b"].mark) == "f:2:4"


def test_merge_keys_fill_in_what_is_missing() -> None:
    text = "base: &b {x: 1, y: 2}\nmore: &m {y: 3, z: 4}\nboth: {<<: [*b, *m], x: 0}\none:\n  <<: *m\n"
    assert data(text)["both"] == {"x": 0, "y": 2, "z": 4}
    assert data(text)["one"] == {"y": 3, "z": 4}
    assert data('"<<": 1') == {"<<": 1}


# -- mistakes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "f:1:1: the file is empty"),
        ("# nothing\n\n", "f:1:1: the file is empty"),
        ("a: 1\na: 2\n", "f:2:1: 'a' is here a second time"),
        ("a: {b: 1, b: 2}", "f:1:11: 'b' is here a second time"),
        ("a: 1\n---\nb: 2\n", "f:2:1: a second document begins here"),
        ("a: *x", "f:1:4: there is no '&x' before this"),
        ("a: &x [*x]", "f:1:8: '*x' is inside what it names"),
        ("a: !vault x", "f:1:4: an unknown tag '!vault'"),
        ("a: !!python/object:os.system x", "f:1:4: an unknown tag 'tag:yaml.org,2002:python/object:os.system'"),
        ("[a]: 1", "f:1:1: a key has to be a single value"),
        ("{a: 1}: 1", "f:1:1: a key has to be a single value"),
        ("port: {{ port }}", "f:1:8: a key has to be a single value"),
        ("a: &x [1]\n*x : 2", "f:2:1: a key has to be a single value"),
        ("<<: 3", "f:1:1: '<<' takes a mapping, or a list of mappings"),
        ("<<: [3]", "f:1:1: '<<' takes a mapping, or a list of mappings"),
        ("a: b: c", "f:1:5: this is not YAML: mapping values are not allowed in this context"),
        ("a:\n\tb: 1", "f:2:1: this is not YAML: found character that cannot start any token"),
        ("a: 'x", "f:1:4: this is not YAML: found unexpected end of stream"),
        ("a: [1, 2\nb: 3", "f:2:2: this is not YAML: did not find expected ',' or ']'"),
        ("a: @x", "f:1:4: this is not YAML: found character that cannot start any token"),
        ("a: 50%\nb: %x", "f:2:4: this is not YAML: found character that cannot start any token"),
        ("a: \x07", "f:1:4: a character that YAML does not allow: U+0007"),
        ("a: 1\nb: x\x00", "f:2:5: a character that YAML does not allow: U+0000"),
        ('a: "\\q"', "f:1:4: this is not YAML: found unknown escape character"),
        ("[" * 65 + "]" * 65, "f:1:65: more than 64 levels of nesting"),
    ],
)
def test_a_mistake_has_its_place(text: str, expected: str) -> None:
    assert errors(text) == [expected]


def test_mistakes_are_reported_together() -> None:
    assert errors("a: 1\na: 2\nb: {c: 1, c: 2}\n") == [
        "f:2:1: 'a' is here a second time",
        "f:3:11: 'c' is here a second time",
    ]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("port: {{ port }}", 'if this is a template, put it in quotes: "{{ name }}"'),
        ("a: 1\na: 2", "it is in line 1 already: keep one of the two"),
        ("a:\n\tb: 1", "indent with spaces, and quote values that begin with @, ` or %"),
        ("a: b: c", "is a line indented wrongly, or does an unquoted value hold ': '?"),
        ("a: 'x", "a quote is opened and never closed"),
        ("a: !x", "remove the tag; if the value begins with '!', put it in quotes"),
    ],
)
def test_a_mistake_has_its_cure(text: str, hint: str) -> None:
    assert hints(text) == [hint]


def test_aliases_that_explode_are_stopped_before_they_do() -> None:
    """The 'billion laughs': nine levels of nine aliases each."""
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    assert errors("\n".join(lines)) == ["f:6:45: more than 500,000 values, aliases written out"]


def test_merged_aliases_that_explode_are_stopped() -> None:
    lines = ["a0: &a0 {" + ", ".join(f"k{i}: [{'1, ' * 50}]" for i in range(50)) + "}"]
    lines += [
        f"a{i}: &a{i} {{<<: *a{i - 1}, " + ", ".join(f"k{i}{j}: *a{i - 1}" for j in range(9)) + "}" for i in range(1, 9)
    ]
    assert errors("\n".join(lines))[0].endswith("more than 500,000 values, aliases written out")


# -- files


def read_file(path: Path) -> tuple[Node | None, list[str]]:
    report = Report()
    node = document.load(path, report)
    return node, problems(report)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    node, found = read_file(path)
    assert node is not None
    assert (plain(node), found) == ({"a": 1, "b": 2}, [])
    assert document.read_text(path, Report()) == "a: 1\r\nb: 2\r\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a: caf\xe9\n", "{path}:1:7: this is not UTF-8 text"),
        (b"a: 1\nb: \xff", "{path}:2:4: this is not UTF-8 text"),
        ("a: 1".encode("utf-16"), "{path}:1:1: this is not UTF-8 text"),
        (bytes(range(128, 256)), "{path}:1:1: this is not UTF-8 text"),
    ],
)
def test_other_encodings_are_refused_at_their_first_byte(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "f"
    path.write_bytes(content)
    assert read_file(path) == (None, [expected.format(path=path)])


def test_a_file_of_50_megabytes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "f"
    with path.open("wb") as file:
        file.truncate(50 * 2**20)
    assert read_file(path) == (None, [f"'{path}' is larger than 4 MiB"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("absent", "there is no file '{path}'"),
        ("", "'{path}' is a folder, not a file"),
        ("loop", "'{path}' cannot be read: Too many levels of symbolic links"),
        ("plain/x", "'{path}' cannot be read: Not a directory"),
        ("n" * 300, "'{path}' cannot be read: File name too long"),
        ("a\0b", "'{path}' cannot be read: embedded null byte"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str, expected: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "plain").write_text("")
    path = tmp_path / name
    assert read_file(path) == (None, [expected.format(path=path)])


def test_a_failing_disk_is_said() -> None:
    assert read_file(Path("/proc/self/mem")) == (None, ["'/proc/self/mem' cannot be read: Input/output error"])


# -- anything at all

PIECES = st.sampled_from(
    [
        *(
            "a",
            "b: ",
            ": ",
            "- ",
            "\n",
            "  ",
            "\t",
            "[",
            "]",
            "{",
            "}",
            ",",
            "&x ",
            "*x",
            "<<: ",
            "!!str ",
            "!t ",
            "'",
            '"',
        ),
        *(
            "|",
            ">",
            "#",
            "%",
            "@",
            "`",
            "? ",
            "---\n",
            "...\n",
            "\x00",
            "\x85",
            "\u2028",
            "\ufeff",
            "é",
            "😀",
            "\\",
            "0x",
            "~",
        ),
    ]
)
ANY_TEXT = st.text() | st.lists(PIECES).map("".join)


@given(ANY_TEXT)
@example("\ufeff")
@example("? [a]\n: b")
@example("a: &x\n  b: *x")
@example("&x *x")
def test_the_reader_takes_any_text(text: str) -> None:
    report = Report()
    node = read(Source("f", text), report)
    assert (node is None) <= report.failed
    for each in report.problems:
        assert str(each)
        assert each.mark
        assert (
            each.mark.line
            <= text.count("\n")
            + text.count("\r")
            + text.count("\x85")
            + text.count("\u2028")
            + text.count("\u2029")
            + 2
        )
    if node is not None:
        plain(node)


@given(st.binary(max_size=200))
def test_the_reader_takes_any_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes"
    path.write_bytes(content)
    node, found = read_file(path)
    assert (node is None) <= bool(found)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_what_pyyaml_writes_is_read_back(value: Any) -> None:
    """YAML 1.1's writer quotes all that YAML 1.2's core schema resolves."""
    text = yaml.safe_dump(value)
    report = Report()
    node = read(Source("f", text), report)
    assert problems(report) == []
    assert node is not None
    assert plain(node) == value


def test_nodes_are_what_they_look_like() -> None:
    node = load("[a, {b: c}]")
    assert isinstance(node, Sequence)
    first, second = node.items
    assert isinstance(first, Scalar)
    assert isinstance(second, Mapping)
    assert list(second.pairs) == list(second.key_marks) == ["b"]
