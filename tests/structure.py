"""A host as its readers see it: every file of it, taken apart into named leaves.

Two hosts that differ in a parameter alone have the same leaves, and the parameter's text in some of them:
were there more, or fewer, or others, the text would have broken out of its place.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from podhost.build import Built
from podhost.document import plain as data_of
from podhost.document import read
from podhost.problems import Report, Source
from podhost.quadlet.encode import LISTS, WORDS
from podhost.quadlet.keys import SYSTEMD_SECTIONS
from podhost.quadlet.unitfile import Entry, parse
from tests import nginx, systemd
from tests.support import contents

UNIT_SUFFIXES = (".container", ".pod", ".volume", ".network", ".image", ".service", ".timer", ".conf")
COMMANDS = ("ExecStart", "ExecStartPre", "ExecStartPost", "ExecStop", "ExecCondition", "ExecReload")


def leaves(built: Built) -> dict[str, str]:
    """Every value of a host by its path: those of the Ignition config itself, and those in its files."""
    config = json.loads(json.dumps(built.config))
    for file in config.get("storage", {}).get("files", ()):
        file.pop("contents", None)  # they come apart below
    for unit in config.get("systemd", {}).get("units", ()):
        unit.pop("contents", None)
        for each in unit.get("dropins", ()):
            each.pop("contents", None)
    found = dict(_data("ignition", config))
    for path, text in contents(built).items():
        found |= {f"{path} {where}": value for where, value in _file(path, text)}
    return found


def _file(path: str, text: str) -> Iterator[tuple[str, str]]:
    if path.endswith(".json"):
        yield from _data("", json.loads(text))
    elif path.endswith((".yaml", ".bu")):
        node = read(Source(path, text), report := Report())
        assert node is not None, report.problems
        yield from _data("", data_of(node))
    elif path.endswith(".toml"):
        yield from _data("", tomllib.loads(text))
    elif "/config/nginx" in path:
        yield from _data("", nginx.parse(text))
    elif path.endswith(".secrets"):
        for name, *pieces in (line.split("\t") for line in text.splitlines()):
            whole = "".join(each.removeprefix("text:") if each.startswith("text:") else f"({each})" for each in pieces)
            if name == "mail_login":  # in Exim's quotes '\' keeps what follows
                login = re.fullmatch(r'user="((?:[^"\\]|\\["\\])*)" password=(.*)', whole)
                assert login, whole
                yield f"{name} user", re.sub(r"\\(.)", r"\1", login[1])
                yield f"{name} password", login[2]
            else:
                yield name, whole
    elif path.endswith(UNIT_SUFFIXES) and "[" in text:
        yield from _unit(path, text)
    else:
        yield from ((str(number), line) for number, line in enumerate(text.split("\n")))


def _data(path: str, value: Any) -> Iterator[tuple[str, str]]:
    match value:
        case dict():
            yield path, "{}"
            for key, item in value.items():
                yield from _data(f"{path}.{key}", item)
        case list():
            yield path, "[]"
            for index, item in enumerate(value):
                yield from _data(f"{path}.{index}", item)
        case str():
            yield path, value
        case _:
            yield path, repr(value)


def _unit(path: str, text: str) -> Iterator[tuple[str, str]]:
    report = Report()
    unit = parse(Source(path, text), report)
    assert not report.problems
    for index, entry in enumerate(unit.entries):
        for number, value in enumerate(_values(path, entry)):
            yield f"{index} [{entry.section}] {entry.key} {number}", value


def _values(path: str, entry: Entry) -> list[str]:
    """The words of a key where it has words, or its whole value."""
    quadlet = entry.section not in SYSTEMD_SECTIONS and "/containers/" in path
    if entry.key == "HealthCmd" and quadlet:
        return [str(each) for each in json.loads(systemd.undouble(entry.value, dollars=True))]
    if quadlet and entry.key in WORDS | LISTS:
        return systemd.words(entry.value, dollars=True, escapes=entry.key in WORDS)
    if entry.key in COMMANDS:
        return systemd.words(entry.value, dollars=True)
    return [systemd.undouble(entry.value, dollars=quadlet)]
