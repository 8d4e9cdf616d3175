"""An Ignition config as a Butane document that people can read and edit."""

from __future__ import annotations

import zlib
from typing import Any

import yaml

from podhost.ignition import dataurl
from podhost.ignition.schema import VERSION_OF_SPEC, Struct, ignition_fields
from podhost.ignition.specs import lowest_spec, parse_spec


class _Octal(int):
    """A file mode."""


class _Block(str):
    """A text to be written as a block of lines."""


def to_butane(config: Struct) -> str:
    """Give the Butane document that translates back to a config: the same fields, files and units.

    Its version is the lowest that has everything in the config.
    Contents stand in the document wherever they are text; a resource may then be encoded in another way than it was.
    """
    version = VERSION_OF_SPEC[parse_spec(lowest_spec(config))]
    if version == 0 and any(
        (file.get("contents") or {}).get("compression") for file in config.get("storage", {}).get("files", ())
    ):
        version = 1  # the first in which Butane compresses by itself, so that the contents can be text here
    body = _struct("Config", config, version)
    if ignition := body.pop("ignition", None):
        body = {"ignition": ignition, **body}
    document = {"variant": "fcos", "version": f"1.{version}.0", **body}
    text: str = yaml.dump(document, Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=10**9)
    return text


def _struct(type_: str, value: Struct, version: int) -> Struct:
    result: Struct = {}
    for field in ignition_fields(type_):
        item = value.get(field.name)
        if item is None or field.derived:
            continue
        if field.struct:
            made = (
                [_struct(field.type, each, version) for each in item]
                if field.many
                else _struct(field.type, item, version)
            )
            if made or field.pointer >= 0:
                result[field.butane] = made
        elif field.many:
            if item:
                result[field.butane] = list(item)
        elif field.name == "mode":
            result[field.butane] = _Octal(item)
        elif field.name == "contents":
            result[field.butane] = _Block(item)
        else:
            result[field.butane] = item
    # configs that a config refers to stay encoded: Butane takes only some of them inline
    texts = (
        [result]
        if type_ == "Resource"
        else result.get("certificate_authorities", [])
        if type_ == "TLS" and version
        else []
    )
    for resource in texts:
        _inline(resource, version)
    return _leading(type_, result)


def _inline(resource: Struct, version: int) -> None:
    """Write the contents of a resource out, if they are text, and no hash is given for what is encoded."""
    source, compression = resource.get("source", ""), resource.get("compression")
    if not source.startswith("data:") or "verification" in resource or "http_headers" in resource:
        return
    if version == 0 and compression:
        return
    try:
        text = dataurl.contents(source, compression).decode()
    except (ValueError, zlib.error):
        return
    if any(char < " " and char not in "\t\n" for char in text):
        return
    del resource["source"]
    resource.pop("compression", None)
    resource["inline"] = _Block(text)


_FIRST = ("path", "name", "device", "url", "overwrite", "mode", "user", "group", "enabled", "mask")


def _leading(type_: str, value: Struct) -> Struct:
    """Put first what tells a reader what this is, and the long texts last."""
    if type_ in ("Config", "Storage", "Systemd"):
        return value
    return {name: value[name] for name in (*(each for each in _FIRST if each in value), *value)}


_BASE: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _DUMPER(_BASE):  # type: ignore[misc]
    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _octal(dumper: Any, value: _Octal) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:int", f"0{int(value):o}" if value > 0 else str(int(value)))


def _block(dumper: Any, value: _Block) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(value), style="|" if "\n" in value else None)


_DUMPER.add_representer(_Octal, _octal)
_DUMPER.add_representer(_Block, _block)
