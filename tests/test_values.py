"""No value can break out of the file it lands in: every parameter of the matrix stack, with any text at all."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from podhost.build import Builder, HostFile
from podhost.document import read
from podhost.problems import Report, Source
from podhost.spec.host import Host
from podhost.spec.model import validate
from podhost.spec.types import SCALARS
from tests.structure import leaves

BUILDER = Builder()
PARAMETERS = BUILDER.library.stack("matrix").spec.parameters
# Every option is on, so that each parameter has its place.
FIXED = {
    "domain": "example.org",
    "email": "admin@example.org",
    "turn": "true",
    "turn_address": "192.0.2.7",
    "workers": "2",
    "mail": "true",
    "mail_host": "smtp.example.org",
    "mail_user": "matrix",
    "metrics": "true",
}
# A harmless value of each parameter, which is nowhere else in the host.
HARMLESS = {
    "domain": "qzqzq.example",
    "matrix_host": "qzqzq.example",
    "chat_host": "qzqzq.example",
    "email": "qzqzq@example.org",
    "brand": "qzqzq",
    "max_upload": "7654M",
    "turn_host": "qzqzq.example",
    "turn_address": "192.0.2.153",
    "turn_first_port": "17531",
    "turn_last_port": "57531",
    "mail_host": "qzqzq.example",
    "mail_user": "qzqzq",
    "mail_port": "7531",
    "mail_from": "qzqzq@example.org",
    "metrics_port": "7531",
    "mail_image": "qzqzq.example/a:1",
    "postgres_image": "qzqzq.example/a:1",
    "synapse_image": "qzqzq.example/a:1",
    "element_image": "qzqzq.example/a:1",
    "nginx_image": "qzqzq.example/a:1",
    "coturn_image": "qzqzq.example/a:1",
    "redis_image": "qzqzq.example/a:1",
}
# The values of those that no text can be part of.
CHOICES = {
    "registration": ("closed", "token", "open"),
    "admin": ("true", "false"),
    "turn": ("true", "false"),
    "workers": tuple("0123456"),
    "mail": ("true", "false"),
    "mail_security": ("starttls", "tls", "none"),
    "metrics": ("true", "false"),
}
SPECIAL = [
    *(
        "",
        " ",
        "a b",
        "two\nlines",
        "tab\there",
        "a&b#c",
        "#",
        "# x",
        "a: b",
        "- a",
        "'",
        '"',
        "'\"",
        "\\",
        "a\\",
        "\\n",
    ),
    *(
        "%",
        "%h",
        "%%",
        "$HOME",
        "${HOME}",
        "$$",
        "$(id)",
        "`id`",
        "{{ domain }}",
        "{% x %}",
        "{# x #}",
        "{{",
        "}}",
        "{",
        "}",
    ),
    *(";", "a;b", "a}b", '";}', "'}, 'x", '", "x": "', "</script>", "no", "null", "~", "0644", "*a", "&a", "!a", "@a"),
    *(
        "[Service]",
        "\n[Service]\nExecStart=/bin/evil",
        "a\\\nb",
        "Zoë",
        "日本",
        "😀",
        "\u2028",
        "\x85",
        "\ufeff",
        "\u202e",
    ),
    *(
        "\x00",
        "\x1b[31m",
        "\x7f",
        "a\r\nb",
        "=",
        "a=b",
        ":",
        "a:b:c",
        ",",
        "|",
        ">",
        "<",
        "*",
        "?",
        "..",
        "/",
        "../..",
        "-v",
    ),
    *(
        "matrix.fcos,fr",
        "EXAMPLE.org",
        "a_b",
        "1.2.3.4",
        "x" * 300,
        "docker.io/library/x:1 --privileged",
        "true",
        "50M",
    ),
    *("a'b@x.org", "a%h@x.org", "a{b}@x.org", "$HOME@x.org", "`id`@x.org", "a#b@x.org", "a&b@x.org", "a|b@x.org"),
]
PIECES = st.lists(
    st.sampled_from([*"ab1 .-_/:@\"'\\%$#&;{}[]()=,|<>*?!~\n\t", "é", "😀", "{{", "}}", "%h"]), max_size=12
)
VALID = st.from_regex(r"\A[a-z]{1,8}(\.[a-z]{2,5}){1,2}\Z") | st.from_regex(
    r"\A[!#$%&'*+/=?^_`{|}~a-z-]{1,9}@[a-z]{1,5}\.org\Z"
)
TEXT = st.sampled_from(SPECIAL) | st.text(st.characters(codec="utf-8")) | PIECES.map("".join) | VALID


def host_file(values: dict[str, str]) -> HostFile:
    """A host with the given parameters, each quoted as YAML needs it, and in a line of its own."""
    lines = "".join(f"    {name}: {_quoted(value)}\n" for name, value in (FIXED | values).items())
    report = Report()
    node = read(Source("host.yaml", f"hostname: box\nsecrets: secrets.yaml\nstacks:\n  matrix:\n{lines}"), report)
    assert node is not None, report.problems
    host = validate(Host, node, report)
    assert host
    return HostFile(host, node, Path(__file__).parent / "golden/hosts")


NOWHERE = Path("/nonexistent")


def _quoted(text: str) -> str:
    """A YAML string; every character that is not plain ASCII as an escape (https://yaml.org/spec/1.2.2/#57-escaped-characters)."""
    escaped = "".join(char if " " <= char <= "~" and char not in '"\\' else f"\\U{ord(char):08X}" for char in text)
    return f'"{escaped}"'


@functools.cache
def harmless(name: str) -> dict[str, str]:
    report = Report()
    built = BUILDER.build(host_file({name: HARMLESS[name]}), report)
    assert built, report.problems
    return leaves(built)


def check(name: str, text: str) -> None:
    """Either a problem in the parameter's line, or a host that has exactly the text wherever it has the harmless value."""
    report = Report()
    file = host_file({name: text})
    built = BUILDER.build(file, report)
    line = 5 + list(FIXED | {name: ""}).index(name)
    if report.failed:
        assert built is None
        places = [each.mark and (each.mark.source.name, each.mark.line) for each in report.problems]
        assert places == [("host.yaml", line)]
        assert str(report.problems[0]).count("\n") <= 3  # the message, the line of the file and its underline, the hint
        return
    assert built
    marker = HARMLESS[name]
    held = str(SCALARS[PARAMETERS[name].type].parse(text)) if text else text  # a port has no zeros in front
    if name == "mail_from":
        held = held.replace("%", "%%")  # Synapse fills in what begins with %
    if not held and PARAMETERS[name].default == "":
        return  # what has no value has no place
    assert leaves(built) == {path: value.replace(marker, held) for path, value in harmless(name).items()}


def examples(function: Any) -> Any:
    for text in SPECIAL:
        function = example(text=text)(function)
    return given(text=TEXT)(function)


FREE = sorted({*PARAMETERS} - {*CHOICES})


@pytest.mark.parametrize("name", FREE)
@examples
def test_any_text_is_refused_or_held_exactly(name: str, text: str) -> None:
    check(name, text)


@pytest.mark.parametrize("name", CHOICES)
@pytest.mark.parametrize("text", SPECIAL)
def test_anything_else_than_their_values_is_refused(name: str, text: str) -> None:
    report = Report()
    built = BUILDER.build(host_file({name: text}), report)
    if text.lower() in CHOICES[name]:
        assert built
    else:
        assert built is None
        check(name, text)


@pytest.mark.parametrize("name", sorted({*CHOICES} - {"mail"}))  # without it the secrets file has one too many
def test_each_of_their_values_makes_a_host_of_its_own(name: str) -> None:
    hosts = []
    for text in CHOICES[name]:
        report = Report()
        built = BUILDER.build(host_file({name: text}), report)
        assert built, report.problems
        hosts.append(leaves(built))
    assert all(hosts.index(each) == index for index, each in enumerate(hosts))


def test_every_parameter_is_tried() -> None:
    """Each harmless value lands somewhere, so that these tests can see it."""
    assert {*HARMLESS, *CHOICES} == set(PARAMETERS)
    for name in FREE:
        assert any(HARMLESS[name] in value for value in harmless(name).values()), name


# Keys of the machine, with a harmless value where free text may be part of one.
MACHINE = {
    "hostname": "qzqzq",
    "time_zone": "Qzqzq/Qzqzq",
    "data_disk.device": "/dev/qzqzq",
    "swap": "7654M",
    "updates.window.start": "07:53",
    "updates.window.length": "753m",
}


def machine(key: str, text: str) -> tuple[dict[str, str] | None, Report]:
    """The leaves of a host with one key of the machine in its first line."""
    report = Report()
    first = ": {".join(key.split(".")) + ": " + _quoted(text) + "}" * key.count(".")
    node = read(Source("host.yaml", f"{first}\nstacks:\n  matrix: {{domain: a.org, email: a@a.org}}\n"), report)
    assert node is not None, report.problems
    host = validate(Host, node, report)
    built = BUILDER.build(HostFile(host, node, NOWHERE), report) if host else None
    return (leaves(built) if built else None), report


@pytest.mark.parametrize("key", MACHINE)
@examples
def test_keys_of_the_machine_hold_a_text_or_refuse_it(key: str, text: str) -> None:
    found, report = machine(key, text)
    if found is None:
        assert [each.mark and (each.mark.source.name, each.mark.line) for each in report.problems] == [("host.yaml", 1)]
    elif key in ("hostname", "time_zone", "data_disk.device"):
        before, _ = machine(key, MACHINE[key])
        assert before
        assert found == {path: value.replace(MACHINE[key], text) for path, value in before.items()}
    else:
        before, _ = machine(key, MACHINE[key])
        assert before
        assert found.keys() == before.keys()
