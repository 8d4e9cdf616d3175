"""Merging of Ignition configs, child over parent, as Ignition itself does it for `ignition.config.merge`.

A struct merges field by field, a value of the child replaces that of the parent, and a list merges by the key of its members.
A path that is a file in the parent and a link in the child is a link.
"""

from __future__ import annotations

from typing import Any

from podhost.ignition.findings import Path
from podhost.ignition.schema import MERGED, Field, Struct, fields_by_name, ignition_fields, key_of

PARENT, CHILD = 0, 1

Trace = list[tuple[Path, int, Path]]
"""Where parts of a merged config come from: path in the result, PARENT or CHILD, path in that one."""


def merge(parent: Struct, child: Struct) -> Struct:
    """Merge two configs; the result has the newer spec version of the two.

    Neither is changed, but the result shares parts with both.
    """
    merged = merge_traced(parent, child, None)
    versions = [each.get("ignition", {}).get("version", "3.0.0") for each in (parent, child)]
    merged["ignition"]["version"] = max(versions, key=lambda version: [int(part) for part in version.split(".")])
    return merged


def merge_traced(parent: Struct, child: Struct, trace: Trace | None) -> Struct:
    """Merge two configs of one spec version, and add to `trace` where each part of the result comes from."""
    return _merge_struct("Config", parent, (), child, (), (), trace)


def _merge_struct(
    type_: str, parent: Struct, above: Path, child: Struct, below: Path, into: Path, trace: Trace | None
) -> Struct:
    result: Struct = {}
    together = MERGED.get(type_, ())
    for field in ignition_fields(type_):
        name = field.name
        here, there, place = (*above, name), (*below, name), (*into, name)
        mine, theirs = parent.get(name), child.get(name)
        if field.many:
            if mine or theirs:
                rivals = {
                    key_of(rival.type, item)
                    for rival in ignition_fields(type_)
                    if rival.name in together and rival.name != name and name in together
                    for item in child.get(rival.name, ())
                }
                if items := _merge_list(field, mine or [], here, theirs or [], there, place, rivals, trace):
                    result[name] = items
        elif isinstance(mine, dict) and isinstance(theirs, dict) and (mine or theirs):
            if mine and theirs:
                result[name] = _merge_struct(field.type, mine, here, theirs, there, place, trace)
                if trace is not None:
                    trace += [(place, PARENT, here), (place, CHILD, there)]
            else:
                result[name] = mine or theirs
                _copied(field, result[name], *((PARENT, here) if mine else (CHILD, there)), place, trace)
        elif theirs is not None:
            result[name] = theirs
            _copied(field, theirs, CHILD, there, place, trace)
        elif mine is not None and not (field.plain and field.always < 0):
            result[name] = mine
            _copied(field, mine, PARENT, here, place, trace)
    return result


def _merge_list(
    field: Field,
    parent: list[Any],
    above: Path,
    child: list[Any],
    below: Path,
    into: Path,
    rivals: set[str],
    trace: Trace | None,
) -> list[Any]:
    result: list[Any] = []
    from_parent = from_child = False
    news: list[int] = list(range(len(child)))
    if field.duplicates:
        for index, item in enumerate(parent):
            _copied(field, item, PARENT, (*above, index), (*into, len(result)), trace)
            result.append(item)
            from_parent = True
    else:
        keys = {key_of(field.type, item): index for index, item in enumerate(child)}
        known = set()
        for index, item in enumerate(parent):
            key = key_of(field.type, item)
            known.add(key)
            place = (*into, len(result))
            if (match := keys.get(key)) is not None:
                from_parent = from_child = True
                if not isinstance(item, dict):
                    result.append(item)
                    _copied(field, item, CHILD, (*below, match), place, trace)
                elif not (field.type == "HTTPHeader" and child[match].get("value") is None):
                    result.append(
                        _merge_struct(field.type, item, (*above, index), child[match], (*below, match), place, trace)
                    )
                    if trace is not None:
                        trace += [(place, PARENT, (*above, index)), (place, CHILD, (*below, match))]
            elif key not in rivals:
                result.append(item)
                from_parent = True
                _copied(field, item, PARENT, (*above, index), place, trace)
        news = [index for index, item in enumerate(child) if key_of(field.type, item) not in known]
    for index in news:
        _copied(field, child[index], CHILD, (*below, index), (*into, len(result)), trace)
        result.append(child[index])
        from_child = True
    if trace is not None:
        trace += [(into, PARENT, above)] * from_parent + [(into, CHILD, below)] * from_child
    return result


def _copied(field: Field, value: Any, side: int, source: Path, into: Path, trace: Trace | None) -> bool:
    """Trace what was taken over whole: every part of it that is set."""
    if trace is None or value is None:
        return False
    if isinstance(value, dict):
        fields = fields_by_name(field.type)
        done = [
            _copied(fields[name], item, side, (*source, name), (*into, name), trace) for name, item in value.items()
        ]
    elif isinstance(value, list):
        done = [_copied(field, item, side, (*source, index), (*into, index), trace) for index, item in enumerate(value)]
    else:
        done = [bool(value) or not (field.plain or field.many)]
    if any(done):
        trace.append((into, side, source))
    return any(done)
