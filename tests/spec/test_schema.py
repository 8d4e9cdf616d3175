"""The published JSON Schemas: those of the models, taken by every file of the repository, and stricter than nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from podhost.document import load, plain, read
from podhost.library import Library
from podhost.problems import Report, Source
from podhost.spec.schema import DIALECT
from tests.support import REPOSITORY, Podhost

SCHEMAS = REPOSITORY / "schemas"
FILES = {
    "stack": sorted([*REPOSITORY.glob("stacks/*/stack.yaml"), *REPOSITORY.glob("units/*/stack.yaml")]),
    "host": sorted(REPOSITORY.glob("stacks/*/demo.yaml")),
}
ALL = [(kind, path) for kind, paths in FILES.items() for path in paths]
VALIDATORS: dict[str, Any] = {}


def validator(kind: str) -> Any:
    if kind not in VALIDATORS:
        VALIDATORS[kind] = jsonschema.Draft202012Validator(json.loads((SCHEMAS / f"{kind}.json").read_text("utf-8")))
    return VALIDATORS[kind]


def mistakes(kind: str, text: str) -> list[str]:
    """The places of what a schema has against a file."""
    report = Report()
    node = read(Source("x.yaml", text), report)
    assert node, report.problems
    return sorted(".".join(map(str, each.absolute_path)) for each in validator(kind).iter_errors(plain(node)))


@pytest.mark.parametrize("kind", FILES)
def test_the_published_schema_is_what_podhost_prints(
    kind: str, podhost: Podhost, request: pytest.FixtureRequest
) -> None:
    result = podhost("schema", kind)
    assert (result.status, result.stderr) == (0, "")
    path = SCHEMAS / f"{kind}.json"
    if request.config.getoption("--update-golden"):
        path.write_text(result.stdout)
    assert path.read_text("utf-8") == result.stdout
    jsonschema.Draft202012Validator.check_schema(json.loads(result.stdout))
    assert json.loads(result.stdout)["$schema"] == DIALECT


@pytest.mark.parametrize(("kind", "path"), ALL, ids=lambda value: getattr(value, "stem", value))
def test_every_file_of_the_repository_is_taken(kind: str, path: Path) -> None:
    report = Report()
    node = load(path, report)
    assert node, report.problems
    assert [str(each.message) for each in validator(kind).iter_errors(plain(node))] == []


@pytest.mark.parametrize(("kind", "path"), ALL, ids=lambda value: getattr(value, "stem", value))
def test_every_file_of_the_repository_names_its_schema(kind: str, path: Path) -> None:
    first = path.read_text("utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema=../../schemas/{kind}.json"
    assert (path.parent / first.split("=")[1]).resolve() == SCHEMAS / f"{kind}.json"


def test_a_new_host_file_names_the_schema_and_is_taken(podhost: Podhost) -> None:
    text = podhost("init", "matrix").stdout
    assert text.splitlines()[0] == f"# yaml-language-server: $schema={SCHEMAS}/host.json"
    assert mistakes("host", text) == []


def test_wrong_cases_of_stacks_are_taken(podhost: Podhost) -> None:
    """What rules find is no matter of form."""
    for path in sorted((REPOSITORY / "tests/errors/check").glob("*/*.yaml")):
        text = path.read_text("utf-8")
        if "\nstacks:" not in text and not text.startswith(("stacks:", "silence:\n  host")):
            assert mistakes("stack", text) == [], path


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("stacks: {matrix: {domain: example.org, email: a@example.org}}\nswapp: 2G", ""),
        ("stacks: {matrix: {domain: example.org, email: a@example.org, open_registration: maybe}}", "stacks.matrix.open_registration"),
        ("stacks: {matrix: {domain: example.org}}", "stacks.matrix"),
        ("stacks: {matrx: {}}", "stacks"),
        ("stacks: {}", "stacks"),
        ("stacks: {matrix: {domain: example.org, email: a@example.org}}\nupdates: {window: {days: [Someday]}}", "updates"),
    ],
)  # fmt: skip
def test_mistakes_in_a_host_file(text: str, place: str) -> None:
    assert mistakes("host", text) == [place]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ("contaners: {}", ""),
        ("pods: {Main: }", "pods"),
        ("volumes: {data: {lasting: perhaps}}", "volumes.data"),
        ("parameters: {x: {type: hostnam, summary: x}}", "parameters.x.type"),
    ],
)
def test_mistakes_in_a_stack(change: str, place: str) -> None:
    good = "stack: x\nsummary: x\ncontainers: {web: {image: 'docker.io/example/web:1', listens: [8080], restart: no}}\n"
    assert mistakes("stack", good) == []
    assert mistakes("stack", good + change) == [place]


def test_every_key_is_described() -> None:
    """It is what an editor shows."""
    for kind in FILES:
        data = json.loads((SCHEMAS / f"{kind}.json").read_text("utf-8"))
        for part in (data, *data["$defs"].values()):
            for name, each in part["properties"].items():
                assert each.get("description"), name
    assert Library().stack("matrix").spec.parameters["domain"].summary in (SCHEMAS / "host.json").read_text("utf-8")
