"""The models of people's files as JSON Schema (2020-12), for editors that complete and check while somebody types.

The schemas describe YAML as an editor reads it, where `listens: [5432]` holds a number and podhost takes its text.
So a text may be a number or a boolean there, and a mapping that has defaults for all it holds may be left empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from podhost.spec import model
from podhost.spec.host import Host
from podhost.spec.stack import Parameter, Stack, one_or_many

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TEXT = ["string", "number", "boolean"]


class _Generator(GenerateJsonSchema):
    """Writes what the validators of podhost's models take, and leaves out the titles, which repeat the names."""

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        found = super().str_schema(schema)
        return found if "pattern" in found else {**found, "type": _TEXT}

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        inner = super().function_before_schema(schema)
        function = schema["function"]["function"]
        if function is model.absent:
            return {"anyOf": [inner, {"type": "null"}]}
        if function is one_or_many:
            return {"anyOf": [inner, {"type": _TEXT}]}
        return inner

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        found = super().dict_schema(schema)
        return {**found, "additionalProperties": False} if "patternProperties" in found else found

    def field_title_should_be_set(self, schema: Any) -> bool:
        del schema
        return False


def _schema(kind: type[model.Model], title: str) -> dict[str, Any]:
    found = kind.model_json_schema(schema_generator=_Generator)
    for part in (found, *found.get("$defs", {}).values()):
        part.pop("title", None)
    return {"$schema": DIALECT, "title": title, **found}


def stack_schema() -> dict[str, Any]:
    """The schema of a stack.yaml."""
    return _schema(Stack, "A stack of podhost")


def host_schema(stacks: Mapping[str, Stack]) -> dict[str, Any]:
    """The schema of a host file: it knows the stacks given, and each one's parameters."""
    found = _schema(Host, "A host file of podhost")
    services = found["properties"]["stacks"]
    services["properties"] = {name: _parameters(stack) for name, stack in stacks.items()}
    services["additionalProperties"] = False
    return found


def _parameters(stack: Stack) -> dict[str, Any]:
    needed = [name for name, each in stack.parameters.items() if each.default is None]
    found: dict[str, Any] = {
        "description": stack.summary,
        "type": "object" if needed else ["object", "null"],
        "properties": {name: _parameter(each) for name, each in stack.parameters.items()},
        "additionalProperties": False,
    }
    return {**found, "required": needed} if needed else found


_TYPES: dict[str, dict[str, Any]] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer"},
    "port": {"type": "integer", "minimum": 1, "maximum": 65535},
    "hostname": {"type": "string", "format": "hostname"},
    "email": {"type": "string", "format": "email"},
    "path": {"type": "string", "pattern": "^/"},
    "duration": {"type": "string", "pattern": "^[0-9]+[smhd]$"},
    "size": {"type": ["string", "integer"], "pattern": "^[0-9]+[KMGT]?$"},
}


def _parameter(each: Parameter) -> dict[str, Any]:
    found: dict[str, Any] = {"description": each.summary}
    if each.type == "enum":
        found["enum"] = list(each.values)
    elif each.type == "list":
        items = _TYPES.get(each.items, {"type": _TEXT})
        found["anyOf"] = [{"type": "array", "items": items}, {"type": "string"}]
    else:
        found |= _TYPES.get(each.type, {"type": _TEXT})
    for name, limit in (("minimum", each.minimum), ("maximum", each.maximum)):
        if limit is not None:
            found[name] = limit
    if each.example is not None:
        found["examples"] = [each.example]
    default = each.default
    plain = isinstance(default, list | int | bool) or (isinstance(default, str) and "{{" not in default)
    if plain:
        found["default"] = default
    return found
