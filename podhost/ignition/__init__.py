"""Ignition configs (spec 3.0.0 to 3.6.0) as plain data: merging, spec versions, checks and JSON."""

from __future__ import annotations

import json
from typing import Any

from podhost.ignition import dataurl
from podhost.ignition.merge import merge
from podhost.ignition.specs import TooOldSpec, at_spec, lowest_spec

__all__ = ["TooOldSpec", "at_spec", "dumps", "lowest_spec", "merge", "to_butane", "wrap"]


def dumps(config: dict[str, Any], pretty: bool = False) -> str:
    """Give the JSON of a config, without a newline at its end, as Butane writes it."""
    if pretty:
        text = json.dumps(config, ensure_ascii=False, indent=2)
    else:
        text = json.dumps(config, ensure_ascii=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        if char in text:
            text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def wrap(config: str) -> dict[str, Any]:
    """Give a config that replaces itself with the one given as JSON, which it holds compressed.

    For clouds with a small limit on user data: configs shrink about four times.
    Spec 3.1.0 is the first that can decompress another config.
    """
    source = "data:;base64," + dataurl.based(dataurl.gzipped(config.encode()))
    return {"ignition": {"config": {"replace": {"compression": "gzip", "source": source}}, "version": "3.1.0"}}


def to_butane(config: dict[str, Any]) -> str:
    """Give the Butane document that translates back to a config; see `podhost.ignition.inverse`."""
    from podhost.ignition import inverse  # brings PyYAML's dumper, which nothing else needs

    return inverse.to_butane(config)
