"""What all models of people's files have in common, and how their errors find their line."""

from __future__ import annotations

import types
import typing
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from podhost.document import Mapping, Node, Scalar, Sequence, key_mark, locate
from podhost.problems import Report, did_you_mean
from podhost.spec import types as kinds

Kind = TypeVar("Kind", bound="Model")


class Model(BaseModel):
    """A part of a file: its fields are known, and it never changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def _boolean(value: object) -> object:
    return kinds.boolean(value) if isinstance(value, str) else value


def _integer(value: object) -> object:
    return kinds.integer(value) if isinstance(value, str) else value


def absent(value: object) -> object:
    """Nothing, where a mapping is expected, is an empty one."""
    return {} if value is None else value


Boolean = Annotated[bool, BeforeValidator(_boolean)]
Integer = Annotated[int, BeforeValidator(_integer)]
AllDefaults = BeforeValidator(absent)
"""A mapping that may be left empty: `webroot:` alone is a volume with all its defaults."""


def validate(model: type[Kind], node: Node, report: Report) -> Kind | None:
    """Make a model of a node; every error is reported at the value it is about.

    If the rest is still a model without what is wrong, that is the result, so that later stages can say what they find in it.
    """
    data = texts(node)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        errors = error.errors(include_url=False)
    for each in errors:
        follows = each["type"] == "too_short" and any(other["loc"][:-1] == each["loc"] for other in errors)
        if not follows:  # a list is too short when its one item is wrong
            _report(model, node, each, report)  # type: ignore[arg-type]
        _leave_out(data, each["loc"])
    try:
        return model.model_validate(data)
    except ValidationError:
        return None


def _leave_out(data: Any, path: tuple[int | str, ...]) -> None:
    """Remove what stands at a path; for an item, its whole list, so that the others keep their places."""
    for step, following in zip(path, [*path[1:], None], strict=False):
        if not isinstance(data, dict) or step not in data:
            return
        if not isinstance(data[step], dict) or following is None or following == "[key]":
            del data[step]
            return
        data = data[step]


def texts(node: Node) -> Any:
    """The data of a node with every scalar as the text that was written: the field it is for knows how to read it."""
    match node:
        case Scalar():
            return None if node.value is None else node.text
        case Sequence():
            return [texts(item) for item in node.items]
        case Mapping():
            return {key: texts(item) for key, item in node.pairs.items()}


_NOUNS: dict[type, str] = {dict: "a mapping of keys to values", list: "a list", str: "a single value"}
_NAMES = {
    r"^[a-z][a-z0-9_-]{0,62}$": "a name begins with a letter and holds a-z, 0-9, '-' and '_'",
    r"^[A-Za-z][A-Za-z0-9-]*$": "a key begins with a letter and holds letters, digits and '-'",
    r"^[A-Za-z_][A-Za-z0-9_]*$": "a variable begins with a letter and holds letters, digits and '_'",
}
_EXPECTED = {
    "string_type": "a single value",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "list_type": "a list",
    "tuple_type": "a list",
}


def _report(model: type[Model], root: Node, error: dict[str, Any], report: Report) -> None:
    path = tuple(step for step in error["loc"] if step != "[key]")
    mark, node = locate(root, path)
    if error["loc"] and error["loc"][-1] in ("[key]", path[-1] if error["type"] == "extra_forbidden" else None):
        mark = key_mark(root, path)
    match error["type"]:
        case "extra_forbidden":
            name = str(path[-1])
            report.error(f"unknown key '{name}'", mark, did_you_mean(name, _fields(model, path[:-1])))
        case "missing":
            report.error(f"'{path[-1]}' is missing", mark, _describe(model, path))
        case "value_error":
            arguments = error["ctx"]["error"].args
            report.error(arguments[0], mark, arguments[1] if len(arguments) > 1 else "")
        case "string_pattern_mismatch":
            report.error(f"'{error['input']}' is not a name", mark, _NAMES.get(error["ctx"]["pattern"], ""))
        case "too_short":
            report.error(f"'{path[-1] if path else ''}' is empty", mark, _describe(model, path))
        case "greater_than_equal":
            report.error(f"{error['input']} is too small", mark, f"at least {error['ctx']['ge']}")
        case "literal_error":
            values = error["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
            report.error(
                f"'{error['input']}' is not one of the values known here",
                mark,
                did_you_mean(str(error["input"]), values),
            )
        case kind if kind in _EXPECTED:
            found = "nothing" if error["input"] is None else _NOUNS.get(type(error["input"]), "something else")
            report.error(f"{_EXPECTED[kind]} is expected here, not {found}", node.mark, _describe(model, path))
        case _:
            report.error(error["msg"], mark, _describe(model, path))


def _field(model: Any, path: tuple[str | int, ...]) -> tuple[Any, str]:
    """Follow a path through the annotations of a model: the annotation at its end, and its description."""
    annotation, description = model, ""
    for step in path:
        if isinstance(annotation, type) and issubclass(annotation, Model):
            field = annotation.model_fields.get(str(step))
            if field is None:
                return None, ""
            annotation, description = field.annotation, field.description or ""
        else:
            annotation = (typing.get_args(annotation) or (None,))[-1]
        annotation = _bare(annotation)
    return annotation, description


def _bare(annotation: Any) -> Any:
    """An annotation without `Annotated`, `| None` and the `...` of tuples."""
    while True:
        origin = typing.get_origin(annotation)
        arguments = typing.get_args(annotation)
        if origin is Annotated:
            annotation = arguments[0]
        elif origin in (types.UnionType, typing.Union):
            annotation = next(each for each in arguments if each is not type(None))
        elif origin is tuple:
            return list[arguments[0]]  # type: ignore[valid-type]
        else:
            return annotation


def _fields(model: type[Model], path: tuple[str | int, ...]) -> list[str]:
    annotation, _ = _field(model, path)
    return list(annotation.model_fields) if isinstance(annotation, type) and issubclass(annotation, Model) else []


def _describe(model: type[Model], path: tuple[str | int, ...]) -> str:
    return _field(model, path)[1]
