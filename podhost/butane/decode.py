"""A YAML document to typed Butane data: every field of the schema that is set, under its Butane name.

Wrong types are errors and stop the translation; keys that the version does not know are warnings, as in Butane.
"""

from __future__ import annotations

from typing import Any

from podhost.butane import scalars
from podhost.document import Mapping, Node, Scalar, Sequence
from podhost.ignition.schema import SPEC_OF_VERSION, STRUCTS, Field, Struct, butane_fields
from podhost.problems import Mark, Report, did_you_mean

_DROP = object()  # a value that is not set, or is not what it should be


class Decoder:
    """Reads documents of one Butane version; `report` gets the mistakes."""

    def __init__(self, version: int, report: Report) -> None:
        self.version = version
        self.report = report

    def config(self, document: Node) -> Struct:
        """Read a whole config; what is wrong in it is left out."""
        value = self._struct("Config", document, "config")
        if self.report.failed:
            return {}
        self._unused("Config", value, document)
        return dict(value)

    def _struct(self, type_: str, node: Node, name: str) -> Any:
        if not isinstance(node, Mapping):
            return self._wrong(node, name, "a mapping")
        fields = butane_fields(type_, self.version)
        result: Struct = {}
        for key, child in node.pairs.items():
            if (field := fields.get(key)) and (value := self._field(field, child, key)) is not _DROP:
                result[key] = value
        return result

    def _field(self, field: Field, node: Node, name: str) -> Any:
        if not field.many:
            return self._single(field, node, name)
        if not isinstance(node, Sequence):
            return self._wrong(node, name, "a list")
        values = [self._single(field, item, name) for item in node.items]
        return [value for value in values if value is not _DROP]

    def _single(self, field: Field, node: Node, name: str) -> Any:
        if field.struct:
            return self._struct(field.type, node, name)
        if not isinstance(node, Scalar):
            return self._wrong(node, name, _SCALARS[field.type])
        if scalars.is_null(node):
            return _DROP
        try:
            return _READERS[field.type](node)
        except scalars.BadScalar as error:
            self.report.error(f"'{name}' is {_SCALARS[field.type]}, and this is {error}", node.mark, _hint(field, node))
            return _DROP

    def _wrong(self, node: Node, name: str, wanted: str) -> Any:
        """Report a node of the wrong kind, unless it stands for 'not set'."""
        if isinstance(node, Scalar) and scalars.is_null(node):
            return _DROP
        kinds = {Scalar: "a single value", Sequence: "a list", Mapping: "a mapping"}
        self.report.error(f"'{name}' is {wanted}, and this is {kinds[type(node)]}", node.mark)
        return _DROP

    def _unused(self, type_: str, value: Struct, node: Node) -> None:
        """Warn of what a document has and its config has not.

        A list item that is null is dropped before, and what follows it is not at its old index any more.
        Butane overlooks that, and so the warnings are where Butane has them.
        """
        if not isinstance(node, Mapping):
            self.report.warning("there is nothing here", node.mark, "remove it, or write what belongs here")
            return
        fields = butane_fields(type_, self.version)
        for key, child in node.pairs.items():
            if (field := fields.get(key)) is None:
                self.report.warning(*self._unknown(type_, key, node.key_marks[key]))
            elif not field.struct:
                continue
            elif not field.many:
                if key in value or field.pointer < self.version:
                    self._unused(field.type, value.get(key, {}), child)
            elif isinstance(child, Sequence):
                for item, each in zip(value[key], child.items, strict=False):
                    self._unused(field.type, item, each)

    def _unknown(self, type_: str, key: str, mark: Mark) -> tuple[str, Mark, str]:
        later = [field for field in STRUCTS[type_] if field.butane == key and not field.derived]
        if later:
            since = later[0].since
            hint = f"it came with version 1.{since}.0 (Ignition 3.{SPEC_OF_VERSION[since]}.0)"
        else:
            hint = did_you_mean(key, butane_fields(type_, self.version))
        return f"version 1.{self.version}.0 has no '{key}' here, so it is ignored", mark, hint


def _hint(field: Field, scalar: Scalar) -> str:
    if field.type == "int" and not scalar.plain:
        return "write it without quotes"
    if field.type == "bool":
        return "write true or false, without quotes"
    return ""


_READERS = {
    "string": scalars.string,
    "Device": scalars.string,
    "int": scalars.integer,
    "bool": scalars.boolean,
}
_SCALARS = {"string": "a string", "Device": "a string", "int": "an integer", "bool": "a boolean"}


def of_data(data: Any, version: int) -> Struct:
    """Read a config that is plain data, made by a program: the same as `Decoder.config`, without places.

    Raises TypeError for an unknown key and a wrong type, which are mistakes of the program.
    """
    return _plain_struct("Config", data, version)


def _plain_struct(type_: str, data: Any, version: int) -> Struct:
    fields = butane_fields(type_, version)
    result: Struct = {}
    for name, item in data.items():
        if item is None:
            continue
        if (field := fields.get(name)) is None:
            raise TypeError(f"Butane 1.{version}.0 has no '{name}' in {type_}")
        if field.many:
            result[name] = [_plain(field, each, version) for each in item]
        else:
            result[name] = _plain(field, item, version)
    return result


_PYTHON = {"string": str, "Device": str, "int": int, "bool": bool}


def _plain(field: Field, item: Any, version: int) -> Any:
    if field.struct:
        return _plain_struct(field.type, item, version)
    if not isinstance(item, _PYTHON[field.type]):
        raise TypeError(f"'{field.butane}' is {_SCALARS[field.type]}, and this is {item!r}")
    return item
