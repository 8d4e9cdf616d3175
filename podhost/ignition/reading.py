"""Ignition configs that come as JSON from elsewhere."""

from __future__ import annotations

import re
from typing import Any

from podhost.ignition.findings import Finding, Findings, Path
from podhost.ignition.schema import STRUCTS, Field, ignition_fields
from podhost.ignition.validate import validate

_NAMES = {str: "a string", int: "an integer", bool: "a boolean"}
_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?")

_TYPES: dict[str, type] = {"string": str, "Device": str, "int": int, "bool": bool}


def check(config: Any, spec: int, place: Path, findings: Findings) -> None:
    """Check the JSON of a config, inline at the resource `place`, against spec 3.`spec`.0.

    A config of another version is not looked into, which is a warning.
    """
    inner = Findings(spec)
    typed = _struct("Config", config, (), inner)
    if not inner.failed:
        version = typed.get("ignition", {}).get("version", "")
        if not _VERSION.fullmatch(version):
            inner.error(("ignition", "version"), f"'{version}' is not a version", f"write 3.{spec}.0")
        elif version != f"3.{spec}.0":
            findings.warning(
                place, f"the inner config is of version '{version}', so it is not checked", f"3.{spec}.0 would be"
            )
            return
        else:
            validate(typed, inner)
    place = (*place, "inline")
    for finding in inner.list:
        findings.list.append(
            Finding(
                finding.severity,
                place,
                f"the inner config, at {_dotted(finding.path)}: {finding.message}",
                finding.hint,
            )
        )


def _dotted(path: Path) -> str:
    return "$" + "".join(f".{step}" for step in path)


def _struct(type_: str, value: Any, path: Path, findings: Findings) -> dict[str, Any]:
    if not isinstance(value, dict):
        findings.error(path, "this should be an object")
        return {}
    fields = {field.name: field for field in ignition_fields(type_)}
    result = {field.name: field.zero for field in fields.values() if field.always >= 0}
    for name, item in value.items():
        if name not in fields:
            findings.warning((*path, name), f"there is no '{name}' here, so it is ignored")
        elif item is not None:
            result[name] = _value(fields[name], item, (*path, name), findings)
    return result


def _value(field: Field, item: Any, path: Path, findings: Findings) -> Any:
    if field.many:
        if not isinstance(item, list):
            findings.error(path, "this should be a list")
            return []
        return [_single(field, each, (*path, index), findings) for index, each in enumerate(item)]
    return _single(field, item, path, findings)


def _single(field: Field, item: Any, path: Path, findings: Findings) -> Any:
    if field.type in STRUCTS:
        return _struct(field.type, item if item is not None else {}, path, findings)
    wanted = _TYPES[field.type]
    if not isinstance(item, wanted) or (wanted is int and isinstance(item, bool)):
        findings.error(path, f"this should be {_NAMES[wanted]}")
        return wanted()
    return item
