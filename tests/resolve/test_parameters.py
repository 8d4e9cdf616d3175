"""How a parameter gets its value: from the host file, or from a default that may be made of others."""

from __future__ import annotations

from pathlib import Path

import pytest

from podhost.document import read
from podhost.problems import Mark, Report, Source
from podhost.resolve.parameters import parameters
from podhost.spec.types import Text
from podhost.templates import Templates
from tests.support import make_library

STACK = """\
stack: example
summary: x
parameters:
  domain: {type: hostname, summary: x}
  host: {type: hostname, summary: x, default: "www.{{ domain }}"}
  text: {type: string, summary: x, default: "at {{ host }}"}
  number: {type: integer, summary: x, default: 7, minimum: 1, maximum: 10}
  flag: {type: boolean, summary: x, default: false}
  size: {type: size, summary: x, default: 10M}
  time: {type: duration, summary: x, default: 90s}
  kind: {type: enum, values: [red, green], summary: x, default: red}
  ports: {type: list, items: port, summary: x, default: [80, 443]}
  names: {type: list, items: string, summary: x, default: []}
containers:
  web: {image: "docker.io/library/nginx:1.30"}
"""


def resolve(folder: Path, given: str) -> tuple[dict[str, object], list[str]]:
    library = make_library(folder / "library", STACK)
    report = Report()
    node = read(Source("host", f"domain: example.org\n{given}"), report)
    assert node
    values, _ = parameters(library.stack("example"), node, Mark(Source("host", ""), 1, 1), Templates(), report)
    return values, [f"{each.mark}: {each.message} ({each.hint})" for each in report.problems]


def test_defaults(tmp_path: Path) -> None:
    values, problems = resolve(tmp_path, "")
    assert problems == []
    assert values == {
        "domain": "example.org",
        "host": "www.example.org",
        "text": "at www.example.org",
        "number": 7,
        "flag": False,
        "size": "10M",
        "time": "90s",
        "kind": "red",
        "ports": (80, 443),
        "names": (),
    }
    assert isinstance(values["text"], Text)


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        ("host: a.org", "text", "at a.org"),
        ("number: 10", "number", 10),
        ("number: 1", "number", 1),
        ("flag: true", "flag", True),
        ("flag: 'true'", "flag", True),
        ("text: 5", "text", "5"),
        ("text: 05", "text", "05"),
        ("text: no", "text", "no"),
        ("text: 1.50", "text", "1.50"),
        ("text: '{{ domain }}'", "text", "{{ domain }}"),  # a host file is no template
        ("kind: green", "kind", "green"),
        ("ports: [1, '2']", "ports", (1, 2)),
        ("ports: []", "ports", ()),
        ("ports: 1, 2", "ports", (1, 2)),  # as --set gives it
        ("names: ['a, b']", "names", ("a, b",)),
        ("text: ''", "text", ""),
    ],
)
def test_values_of_the_host_file(tmp_path: Path, given: str, name: str, value: object) -> None:
    values, problems = resolve(tmp_path, given)
    assert problems == []
    assert values[name] == value
    assert type(values[name]) in (type(value), Text)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("number: 11", "host:2:9: 11 is out of range (at least 1 and at most 10)"),
        ("number: 0", "host:2:9: 0 is out of range (at least 1 and at most 10)"),
        ("ports: [1, x, 3, 0]", "host:2:12: 'x' is not a port (a port is a number from 1 to 65535)"),
        ("kind: gren", "host:2:7: 'gren' is not one of the values (did you mean 'green'?)"),
        ("kind: 3", "host:2:7: '3' is not one of the values (known: green, red)"),
        (
            "colour: 3",
            "host:2:1: the stack 'example' has no parameter 'colour' (known: domain, flag, host, kind, names, number, ports, size, text, time)",
        ),
    ],
)
def test_mistakes(tmp_path: Path, given: str, expected: str) -> None:
    assert resolve(tmp_path, given)[1][0] == expected


def test_a_wrong_value_is_reported_once(tmp_path: Path) -> None:
    """What is made of it is not wrong as well."""
    _, problems = resolve(tmp_path, "host: a_b\nnumber: x")
    assert [problem.split(" (")[0] for problem in problems] == [
        "host:2:7: 'a_b' is not a host name",
        "host:3:9: 'x' is not a whole number",
    ]
