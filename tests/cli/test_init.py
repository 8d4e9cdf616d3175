from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from podhost.document import plain, read
from podhost.problems import Report, Source
from podhost.spec.host import Host
from tests.support import Podhost, files_below, make_library


def uncommented(text: str) -> str:
    """The host file with every default that it shows as a comment made real."""
    lines = []
    for line in text.splitlines():
        bare = line.lstrip()
        indent = line[: len(line) - len(bare)]
        key, colon, _ = bare.removeprefix("# ").partition(":")
        shown = bare.startswith("# ") and colon and key.strip().replace("_", "").isalnum() and key.strip().islower()
        lines.append(indent + bare.removeprefix("# ") if shown else line)
    return "\n".join(lines)


def test_the_host_file_renders_as_it_is(podhost: Podhost, tmp_path: Path) -> None:
    result = podhost("init", "matrix")
    assert (result.status, result.stderr) == (0, "")
    (tmp_path / "host.yaml").write_text(result.stdout)
    rendered = podhost("render", "host.yaml")
    assert rendered.status == 0, rendered.stderr
    assert json.loads(rendered.stdout)["ignition"]
    assert "error" not in rendered.stderr


def test_what_it_shows_as_defaults_are_the_defaults(podhost: Podhost, tmp_path: Path) -> None:
    """The stack's parameters, uncommented, render the same host."""
    text = podhost("init", "matrix").stdout
    head, _, stacks = text.partition("\nstacks:\n")
    (tmp_path / "host.yaml").write_text(text)
    (tmp_path / "full.yaml").write_text(f"{head}\nstacks:\n{uncommented(stacks)}\n")
    names = {line.split()[0] for line in podhost("stacks", "matrix").stdout.splitlines() if line[:3].strip()}
    assert set(yaml.safe_load((tmp_path / "full.yaml").read_text())["stacks"]["matrix"]) == names - {"matrix:"}
    assert podhost("render", "full.yaml").stdout == podhost("render", "host.yaml").stdout


def test_every_key_of_a_host_is_explained(podhost: Podhost) -> None:
    text = podhost("init", "matrix").stdout
    flat = " ".join(line.lstrip("# ") for line in text.splitlines())
    for name, field in Host.model_fields.items():
        assert f"\n{name}:" in text or f"\n# {name}:" in text
        assert field.description
        assert field.description in flat


def test_what_has_to_be_given_is_not_a_comment(podhost: Podhost) -> None:
    parameters = yaml.safe_load(podhost("init", "matrix").stdout)["stacks"]["matrix"]
    assert parameters == {"domain": "example.org", "email": "admin@example.org"}


def test_a_stack_of_every_type(podhost: Podhost, tmp_path: Path) -> None:
    """Whatever a stack's defaults are, the file that init writes is YAML, and renders."""
    stack = """\
stack: example
summary: Example
parameters:
  domain: {type: hostname, summary: Where, example: example.org}
  text: {type: string, summary: "Text: with # and 'quotes'", default: "a # b: {{ domain }} \\"x\\" \\\\"}
  odd: {type: string, summary: "no", default: "no"}
  number: {type: integer, summary: A number, default: -5}
  flag: {type: boolean, summary: A flag, default: true}
  port: {type: port, summary: A port, default: 8080}
  time: {type: duration, summary: A time, default: 90s}
  size: {type: size, summary: A size, default: 10M}
  path: {type: path, summary: A path, default: /srv/x}
  kind: {type: enum, values: [a, "true", "1"], summary: A kind, default: "true"}
  ports: {type: list, items: port, summary: Ports, default: [80, 443]}
  names: {type: list, items: string, summary: Names, default: ["a: b", "#"]}
  none: {type: list, items: string, summary: None, default: []}
  needed: {type: string, summary: Needed}
  neededs: {type: list, items: string, summary: Needed}
containers:
  web:
    image: docker.io/library/nginx:1.30
    environment: {TEXT: "{{ text }}", NAMES: "{{ names | join('/') }}", FLAG: "{{ flag }}", KIND: "{{ kind }}", NUMBER: "{{ number }}"}
"""
    make_library(tmp_path / "library", stack)
    podhost.use(tmp_path / "library")
    result = podhost("init", "example")
    assert (result.status, result.stderr) == (0, "")
    text = result.stdout
    head, _, stacks = text.partition("\nstacks:\n")
    full = f"{head}\nstacks:\n{uncommented(stacks)}\n"
    node = read(Source("full", full), Report())
    assert node
    values = plain(node)["stacks"]["example"]
    assert set(values) == {
        *("domain", "text", "odd", "number", "flag", "port", "time", "size", "path", "kind", "ports", "names", "none"),
        *("needed", "neededs"),
    }
    assert values["text"] == 'a # b: example.org "x" \\'
    assert values["odd"] == "no"
    assert values["ports"] == [80, 443]
    assert values["names"] == ["a: b", "#"]
    assert values["flag"] is True
    (tmp_path / "host.yaml").write_text(full)
    rendered = podhost("render", "host.yaml", "--set", "example.needed=x", "--set", "example.neededs=[x]")
    assert rendered.status == 0, rendered.stderr


def test_it_writes_a_file_once(podhost: Podhost, tmp_path: Path) -> None:
    assert podhost("init", "matrix", "-o", "host.yaml").status == 0
    (tmp_path / "host.yaml").write_text("mine")
    result = podhost("init", "matrix", "-o", "host.yaml")
    assert (result.status, result.stdout) == (1, "")
    assert result.stderr == "error: 'host.yaml' is there already\n  hint: --force replaces it\n"
    assert (tmp_path / "host.yaml").read_text() == "mine"
    assert podhost("init", "matrix", "-o", "host.yaml", "--force").status == 0
    assert (tmp_path / "host.yaml").read_text() == podhost("init", "matrix").stdout
    assert files_below(tmp_path) == {"host.yaml"}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["matrx"], "error: there is no stack 'matrx'\n  hint: did you mean 'matrix'?\n"),
        (
            ["matrix", "nextcloud"],
            "error: there is no stack 'nextcloud'\n  hint: known: matrix, miniflux, radicale, site\n",
        ),
    ],
)
def test_stacks_that_are_not_there(podhost: Podhost, names: list[str], expected: str) -> None:
    result = podhost("init", *names)
    assert (result.status, result.stdout, result.stderr) == (1, "", expected)


def test_a_stack_named_twice_is_there_once(podhost: Podhost) -> None:
    assert podhost("init", "matrix", "matrix").stdout == podhost("init", "matrix").stdout
