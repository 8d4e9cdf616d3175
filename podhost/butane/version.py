"""Which Butane version a document is written in."""

from __future__ import annotations

import re

from podhost.butane import scalars
from podhost.document import Mapping, Node, Scalar
from podhost.ignition.schema import NEWEST
from podhost.problems import Report

NEWEST_VERSION = f"1.{NEWEST}.0"

_HEAD = f"begin the file with 'variant: fcos' and 'version: {NEWEST_VERSION}'"
_OTHERS = {
    "flatcar": "podhost makes hosts of Fedora CoreOS; use Butane itself for Flatcar",
    "openshift": "podhost makes hosts of Fedora CoreOS; use Butane itself for OpenShift",
    "r4e": "podhost makes hosts of Fedora CoreOS; use Butane itself for RHEL for Edge",
    "fiot": "podhost makes hosts of Fedora CoreOS; use Butane itself for Fedora IoT",
    "rhcos": "the variant is called openshift now, and podhost does not support it; use Butane itself",
}
_VERSION = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})", re.ASCII)


def parse_version(text: str) -> int | None:
    """Give y of a version '1.y.0' that there is; None for others."""
    match = _VERSION.fullmatch(text)
    if match and int(match[1]) == 1 and int(match[2]) <= NEWEST and int(match[3]) == 0:
        return int(match[2])
    return None


def version_of(document: Node, report: Report) -> int | None:
    """Give the minor number of the version, 0 to 7; report what is not supported, and then give None."""
    if not isinstance(document, Mapping):
        report.error("this is not a Butane config: it has to be a mapping", document.mark, _HEAD)
        return None
    values = {}
    for name in ("variant", "version"):
        node = document.pairs.get(name)
        if node is not None and not isinstance(node, Scalar):
            report.error(f"'{name}' is a string", node.mark, _HEAD)
            return None
        if node is None or scalars.is_null(node) or not node.text:
            report.error(f"there is no '{name}'", node.mark if node else document.mark, _HEAD)
        else:
            values[name] = node
    if report.failed:
        return None
    variant, version = values["variant"], values["version"]
    if variant.text != "fcos":
        hint = _OTHERS.get(variant.text, "use variant fcos")
        report.error(f"the variant '{variant.text}' is not supported", variant.mark, hint)
        return None
    minor = parse_version(version.text)
    if minor is not None:
        return minor
    if "experimental" in version.text:
        message = f"the experimental version '{version.text}' is not supported"
    else:
        message = f"there is no version '{version.text}' of the variant fcos"
    near = f"{version.text}.0"
    hint = (
        f"did you mean '{near}'?"
        if parse_version(near) is not None
        else f"use a version from 1.0.0 to {NEWEST_VERSION}"
    )
    report.error(message, version.mark, hint)
    return None
