"""Ignition configs (spec 3.0.0 to 3.6.0) as plain data: merging, spec versions, checks and JSON."""

from __future__ import annotations

import json
from typing import Any

from podhost.ignition import dataurl
from podhost.ignition.findings import Findings
from podhost.ignition.merge import merge
from podhost.ignition.specs import TooOldSpec, at_spec, lowest_spec, parse_spec
from podhost.ignition.validate import validate
from podhost.problems import Mark, Report, Severity

__all__ = ["TooOldSpec", "at_spec", "check", "dumps", "lowest_spec", "merge", "to_butane", "wrap"]


def check(config: dict[str, Any], report: Report, what: str = "the config", mark: Mark | None = None) -> None:
    """Report what Ignition would refuse in a config, or warn of, at one place: two good configs can merge to a bad one.

    `what` names the config in the messages.
    """
    findings = Findings(parse_spec(config["ignition"]["version"]))
    validate(config, findings)
    for finding in findings.list:
        add = report.error if finding.severity is Severity.ERROR else report.warning
        path = ".".join(map(str, finding.path))
        add(f"{what}, {path}: {finding.message}", mark, finding.hint)


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
    packed = dataurl.gzipped(config.encode())
    assert packed is not None
    source = dataurl.based(packed)
    return {"ignition": {"config": {"replace": {"compression": "gzip", "source": source}}, "version": "3.1.0"}}


def to_butane(config: dict[str, Any]) -> str:
    """Give the Butane document that translates back to a config; see `podhost.ignition.inverse`."""
    from podhost.ignition import inverse  # brings PyYAML's dumper, which nothing else needs

    return inverse.to_butane(config)
