"""The lowest spec of a config."""

from __future__ import annotations

from typing import Any

import pytest

from podhost import ignition
from podhost.ignition import TooOldSpec, at_spec, lowest_spec
from podhost.ignition.schema import SPEC_OF_VERSION, STRUCTS, Field, ignition_fields


def file(**more: Any) -> dict[str, Any]:
    return {"storage": {"files": [{"path": "/a", **more}]}}


def contents(**more: Any) -> dict[str, Any]:
    return file(contents=more)


@pytest.mark.parametrize(
    ("spec", "content"),
    [
        ("3.0.0", {}),
        ("3.0.0", file(mode=0o644)),
        ("3.0.0", contents(source="https://x", compression="gzip", verification={"hash": "sha512-00"})),
        ("3.1.0", contents(source="https://x", verification={"hash": "sha256-00"})),
        ("3.1.0", contents(source="https://x", httpHeaders=[{"name": "A", "value": "b"}])),
        ("3.1.0", {"ignition": {"config": {"replace": {"source": "data:,x", "compression": "gzip"}}}}),
        ("3.2.0", contents(source="gs://b/o")),
        ("3.2.0", {"storage": {"luks": [{"name": "a", "device": "/dev/a"}]}}),
        ("3.3.0", {"storage": {"filesystems": [{"device": "/dev/a", "format": "none"}]}}),
        ("3.3.0", {"kernelArguments": {"shouldExist": ["a"]}}),
        ("3.3.0", {"storage": {"luks": [{"name": "a", "clevis": {"tpm2": True, "custom": {"needsNetwork": True}}}]}}),
        ("3.4.0", contents(source="arn:aws:s3:::b/o")),
        ("3.4.0", {"storage": {"luks": [{"name": "a", "discard": False}]}}),
        ("3.5.0", {"storage": {"luks": [{"name": "a", "cex": {"enabled": True}}]}}),
        ("3.6.0", file(mode=0o4755)),
        ("3.6.0", {"storage": {"luks": [{"name": "a", "clevis": {"custom": {"pin": "pkcs11", "config": "x"}}}]}}),
    ],
)
def test_a_config_needs_the_spec_that_has_all_of_it(spec: str, content: dict[str, Any]) -> None:
    assert lowest_spec(content) == spec
    assert at_spec(content)["ignition"]["version"] == spec


SAMPLES = {"string": "x", "int": 1, "bool": True, "Device": "/dev/a"}


def paths(struct: str, least: int = 0) -> list[tuple[dict[str, Any], int, str]]:
    """For each field, at any depth: a config part with it alone, and the spec of the newest field on the way to it."""
    found = []
    for field in ignition_fields(struct):
        spec = max(least, SPEC_OF_VERSION[field.since])
        sample = "tpm2" if field.name == "pin" else SAMPLES.get(field.type)
        inner = [(sample, spec, "")] if not field.struct else paths(field.type, spec)
        for value, needed, name in inner:
            found.append(({field.name: [value] if field.many else value}, needed, f"{field.name}.{name}".rstrip(".")))
    return found


@pytest.mark.parametrize(("config", "spec"), [pytest.param(c, s, id=n) for c, s, n in paths("Config")])
def test_every_field_needs_the_spec_that_brought_it(config: dict[str, Any], spec: int) -> None:
    assert lowest_spec(config) == f"3.{spec}.0"


def test_another_spec_may_be_newer_and_not_older() -> None:
    config = {"kernelArguments": {"shouldExist": ["a"]}}
    assert at_spec(config, "3.6.0") == {**config, "ignition": {"version": "3.6.0"}}
    with pytest.raises(TooOldSpec, match=r"Ignition 3\.2\.0 is too old for this config: kernelArguments needs 3\.3\.0"):
        at_spec(config, "3.2.0")
    assert config == {"kernelArguments": {"shouldExist": ["a"]}}


@pytest.mark.parametrize("spec", ["3.7.0", "3.4", "2.3.0", "", "3.4.0 "])
def test_what_is_no_spec_is_refused(spec: str) -> None:
    with pytest.raises(ValueError, match="is no Ignition spec"):
        at_spec({}, spec)


def test_a_wrapped_config_holds_the_whole() -> None:
    text = '{"ignition":{"version":"3.0.0"}}' * 100
    wrapped = ignition.wrap(text)
    replace = wrapped["ignition"]["config"]["replace"]
    assert ignition.dataurl.contents(replace["source"], replace["compression"]).decode() == text
    assert len(ignition.dumps(wrapped)) < len(text) / 4


def test_the_schema_is_sound() -> None:
    for struct, fields in STRUCTS.items():
        names = [field.butane for field in fields]
        assert len(set(names)) == len(names), struct
        for field in fields:
            assert isinstance(field, Field)
            assert field.struct == (field.type in STRUCTS), (struct, field)
