"""No input gives a traceback: whatever stands in files and on the command line, podhost ends with 0, 1 or 2."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import Podhost, Result, files_below, make_library

HOST = """\
hostname: chat.example.org
ssh_keys: []
time_zone: Europe/Paris
updates: {window: {days: [Sun, Mon], start: "02:00", length: 2h}, containers: true}
data_disk: {device: /dev/vdb, filesystem: xfs}
swap: 2G
stacks:
  example:
    domain: example.org
    text: "a b"
    ports: [80, 443]
"""
STACK = """\
stack: example
summary: "{{ text }}"
addresses: ["https://{{ domain }}/"]
parameters:
  domain: {type: hostname, summary: Where}
  text: {type: string, summary: Text, default: "x {{ domain }}"}
  ports: {type: list, items: port, summary: Ports, default: [80]}
secrets:
  password: {content: "a ${token} ${hex:8}"}
parts:
  nginx: {pod: main, certificate: web, servers: x.conf, listens: [8443]}
  second: {part: postgres, pod: main, user: x}
certificates:
  web: {names: ["{{ domain }}"]}
volumes:
  data: {lasting: false, owner: "5:5", mode: "0750"}
networks:
  inner: {internal: true, quadlet: {Label: a=b}}
pods:
  main: {network: inner, publish: ["443:8443"], systemd: {Unit: {After: x.service}}}
containers:
  web:
    image: docker.io/library/nginx:1.30
    pod: main
    user: 101:101
    command: [a, "{{ text }}"]
    environment: {A: "{{ text }}"}
    secrets: [password]
    certificates: [web]
    volumes: ["data:/srv:Z"]
    files: {/etc/x: x.conf}
    health: {command: [a], interval: 5s}
    needs: [other]
    stop: {signal: SIGINT, timeout: 5s}
    quadlet: {ShmSize: 1m}
  other: {image: "docker.io/library/nginx:1.30", pod: main}
units:
  a.timer: {template: a.timer, enabled: true}
"""
FILES = {
    "x.conf": "{{ text | nginx }};\n{% for port in ports %}{{ port }}{% endfor %}\n",
    "a.timer": "[Timer]\nOnCalendar={{ text | systemd }}\n",
}
ODD = [
    "",
    " ",
    "\n",
    "\t",
    "  ",
    ":",
    ": ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "'",
    '"',
    "\\",
    "#",
    "&a ",
    "*a",
    "!",
    "|",
    ">",
    "%",
    "$",
    "${",
    "<<: ",
    "? ",
    "~",
    "0",
    "-1",
    "1e999",
    ".nan",
    "9" * 30,
    "null",
    "true",
    "[]",
    "{}",
    "a: 1",
    "\x00",
    "\x85",
    "😀",
    "---\n",
    "x" * 300,
]


@contextlib.contextmanager
def command_line() -> Iterator[tuple[Podhost, Path]]:
    """The command line in a folder of its own, with a library of one small stack."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        patch.chdir(folder)
        podhost = Podhost(patch)
        make_library(folder / "library", STACK, **FILES)
        podhost.use(folder / "library")
        (folder / "host.yaml").write_text(HOST)
        yield podhost, folder


def check(result: Result) -> None:
    assert result.status in (0, 1, 2)
    assert "Traceback" not in result.stderr
    if result.status:
        assert result.stdout == ""
        assert "rror: " in result.stderr


@st.composite
def broken(draw: st.DrawFn, text: str) -> str:
    """A text with a few pieces of it removed, replaced, doubled or moved."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        other = draw(st.integers(0, len(text)))
        piece = draw(
            st.sampled_from(ODD) | st.just(text[other : other + 12]) | st.text(st.characters(codec="utf-8"), max_size=3)
        )
        text = text[:start] + piece + text[end:]
    return text


def test_the_parts_are_good() -> None:
    with command_line() as (podhost, _):
        result = podhost("render", "host.yaml", "-o", "out.ign")
        assert (result.status, result.stdout) == (0, ""), result.stderr


@given(broken(HOST))
def test_any_host_file(text: str) -> None:
    with command_line() as (podhost, folder):
        (folder / "host.yaml").write_bytes(text.encode())
        before = files_below(folder)
        result = podhost("render", "host.yaml", "-o", "out.ign")
        check(result)
        assert files_below(folder) == before | ({"out.ign"} if result.status == 0 else set())


@given(broken(STACK))
def test_any_stack(text: str) -> None:
    with command_line() as (podhost, folder):
        (folder / "library/stacks/example/stack.yaml").write_bytes(text.encode())
        before = files_below(folder)
        for arguments in (["render", "host.yaml", "-o", "out.ign"], ["stacks", "example"], ["init", "example"]):
            result = podhost(*arguments)
            check(result)
        assert files_below(folder) - {"out.ign"} == before


@given(st.sampled_from(sorted(FILES)).flatmap(lambda name: st.tuples(st.just(name), broken(FILES[name]))))
def test_any_template(template: tuple[str, str]) -> None:
    name, text = template
    with command_line() as (podhost, folder):
        (folder / "library/stacks/example/files" / name).write_bytes(text.encode())
        check(podhost("render", "host.yaml", "-o", "out.ign"))


@given(st.binary(max_size=100), st.binary(max_size=100), st.binary(max_size=100))
def test_any_bytes(host: bytes, secrets: bytes, key: bytes) -> None:
    with command_line() as (podhost, folder):
        (folder / "host.yaml").write_bytes(host)
        (folder / "key.pub").write_bytes(key)
        (folder / "secrets.yaml").write_bytes(secrets)
        (folder / "good.yaml").write_text(HOST + "secrets: secrets.yaml\n")
        check(podhost("render", "host.yaml"))
        check(podhost("render", "good.yaml"))
        check(podhost("render", "good.yaml", "--set", "secrets=", "--ssh-key", "key.pub"))


WORD = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12)
KEYS = st.sampled_from(
    [
        "example",
        "stacks",
        "stacks.example",
        "example.domain",
        "example.text",
        "example.ports",
        "hostname",
        "ssh_keys",
        "updates",
        "updates.window",
        "updates.window.days",
        "data_disk",
        "swap",
        "secrets",
        "butane",
        "example.domain.x",
        ".",
        "a..b",
    ]
)
SETTING = (
    st.builds("{}={}".format, KEYS | WORD, st.sampled_from(ODD).filter(lambda text: "\x00" not in text) | WORD) | WORD
)
ARGUMENTS = st.lists(
    st.sampled_from(
        [
            "render",
            "init",
            "stacks",
            "transpile",
            "example",
            "host.yaml",
            "-o",
            "out",
            "-",
            "--force",
            "--format",
            "tree",
            "butane",
            "ignition",
            "--podman",
            "5.4",
            "--spec",
            "3.4.0",
            "--ssh-key",
            "--pretty",
            "--set",
            "--",
            "-h",
        ]
    )
    | WORD,
    max_size=6,
)


@given(st.lists(SETTING, min_size=1, max_size=3))
def test_any_setting(settings: list[str]) -> None:
    with command_line() as (podhost, folder):
        before = files_below(folder)
        check(podhost("render", "host.yaml", *(f"--set={each}" for each in settings)))
        assert files_below(folder) == before


@given(st.sampled_from(["render", "init", "stacks", "transpile"]), ARGUMENTS)
def test_any_arguments(command: str, arguments: list[str]) -> None:
    with command_line() as (podhost, folder):
        check(podhost(command, *(each for each in arguments if "/" not in each)))
        assert (folder / "host.yaml").read_text() == HOST or "--force" in arguments
