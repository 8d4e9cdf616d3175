"""The models of people's files: what they describe, and that none of it can change."""

from __future__ import annotations

from collections.abc import Iterator

import pydantic
import pytest

from podhost.document import read
from podhost.problems import Report, Source
from podhost.spec.host import Host
from podhost.spec.model import Model, validate
from podhost.spec.stack import Stack


def subclasses(model: type[Model]) -> Iterator[type[Model]]:
    for each in model.__subclasses__():
        yield each
        yield from subclasses(each)


def models(model: type[Model]) -> Iterator[type[Model]]:
    """A model, and all models of its fields."""
    found = {model}
    schema = model.model_json_schema()
    yield model
    names = {each.__name__: each for each in subclasses(Model)}
    for name in schema.get("$defs", {}):
        if names[name] not in found:
            yield names[name]


ALL = sorted({*models(Host), *models(Stack)}, key=lambda model: model.__name__)


def test_there_are_models_for_every_part() -> None:
    names = {model.__name__ for model in ALL}
    assert names >= {
        "Host",
        "Updates",
        "Window",
        "DataDisk",
        "Stack",
        "Parameter",
        "Secret",
        "Container",
        "Pod",
        "Volume",
    }


@pytest.mark.parametrize("model", ALL, ids=lambda model: model.__name__)
def test_every_field_says_what_it_is(model: type[Model]) -> None:
    """It becomes the description in the JSON Schema, the comment of a new host file, and the hint of a message."""
    assert model.__doc__
    missing = [name for name, field in model.model_fields.items() if not (field.description or "").endswith(".")]
    assert missing == []


@pytest.mark.parametrize("model", ALL, ids=lambda model: model.__name__)
def test_models_are_frozen_and_know_their_fields(model: type[Model]) -> None:
    assert model.model_config["frozen"] is True
    assert model.model_config["extra"] == "forbid"


def test_a_model_does_not_change() -> None:
    report = Report()
    node = read(Source("f", "hostname: a\nstacks: {matrix: }\n"), report)
    assert node
    host = validate(Host, node, report)
    assert host
    with pytest.raises(pydantic.ValidationError):
        host.hostname = "b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hostname: 5\nstacks: {matrix: }", "5"),
        ("hostname: 0x10\nstacks: {matrix: }", "0x10"),
        ("hostname: no\nstacks: {matrix: }", "no"),
        ("hostname: true\nstacks: {matrix: }", "true"),
        ("hostname: 1_0\nstacks: {matrix: }", "1_0"),
        ("hostname: ~\nstacks: {matrix: }", None),
        ("stacks: {matrix: }", None),
    ],
)
def test_texts_are_what_was_written(text: str, expected: str | None) -> None:
    report = Report()
    node = read(Source("f", text), report)
    assert node
    host = validate(Host, node, report)
    assert host
    assert host.hostname == expected


def test_mistakes_are_all_reported_where_they_are() -> None:
    report = Report()
    node = read(
        Source("f", "ssh_keys: 1\nupdates: {window: {days: [Sun, Foo], strat: x}, containers: maybe}\nswop: 1\n"),
        report,
    )
    assert node
    validate(Host, node, report)
    assert [str(each.mark) for each in report.problems] == ["f:1:1", "f:1:11", "f:2:32", "f:2:38", "f:2:61", "f:3:1"]
