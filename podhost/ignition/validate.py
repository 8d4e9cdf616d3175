"""What Ignition refuses, and what it warns of, in a config of each spec version.

A check looks at one struct and adds findings; `CHECKS` says which struct it is for.
A mistake found here would otherwise be found in the initramfs of the host, which then does not boot.
"""

from __future__ import annotations

import re

from podhost.ignition import storage, unitfile, urls
from podhost.ignition.findings import Check, Findings, Path
from podhost.ignition.paths import check_path
from podhost.ignition.schema import MERGED, Field, Struct, fields_by_name, key_of


def validate(config: Struct, findings: Findings) -> None:
    """Check a config against spec 3.`findings.version`.0; paths are those of the JSON."""
    _struct("Config", config, (), findings)


def _struct(type_: str, value: Struct, path: Path, findings: Findings) -> None:
    if check := CHECKS.get(type_):
        check(value, path, findings)
    fields = fields_by_name(type_)
    lists: list[Field] = []
    for name, item in value.items():
        if isinstance(item, list):
            field = fields[name]
            lists.append(field)
            if field.struct:
                for index, each in enumerate(item):
                    _struct(field.type, each, (*path, name, index), findings)
            elif field.type == "Device":
                for index, each in enumerate(item):
                    check_path(each, (*path, name, index), findings)
        elif isinstance(item, dict):
            _struct(fields[name].type, item, (*path, name), findings)
    if lists:
        _doubles(type_, lists, value, path, findings)


def _doubles(type_: str, lists: list[Field], value: Struct, path: Path, findings: Findings) -> None:
    """Refuse a second member with the same key in a list, or in lists that share their keys."""
    shared: set[str] = set()
    together = MERGED.get(type_, ())
    for field in lists:
        if field.duplicates:
            continue
        seen = shared if field.name in together else set()
        items = value[field.name]
        keys = [key_of(field.type, item) for item in items]
        if len(seen.union(keys)) == len(seen) + len(keys):
            seen.update(keys)
            continue
        for index, key in enumerate(keys):
            if key in seen:
                findings.error(
                    (*path, field.name, index),
                    f"'{key}' is defined twice" if key else "this is defined twice",
                    "keep one of the two, or make them one",
                )
            seen.add(key)


# -- one check a struct


def _config(value: Struct, path: Path, findings: Findings) -> None:
    units = set()
    for unit in value.get("systemd", {}).get("units", ()):
        if unit.get("contents"):
            units.add(f"/etc/systemd/system/{unit['name']}")
        for dropin in unit.get("dropins", ()):
            if dropin.get("contents"):
                units.add(f"/etc/systemd/system/{unit['name']}.d/{dropin['name']}")
    if not units:
        return
    storage = value.get("storage", {})
    for name in ("files", "directories", "links"):
        for index, node in enumerate(storage.get(name, ())):
            if node["path"] in units:
                findings.error(
                    (*path, "storage", name, index, "path"),
                    f"'{node['path']}' is also written by a unit under systemd",
                    "keep one of the two",
                )


def _ignition_config(value: Struct, path: Path, findings: Findings) -> None:
    if findings.version >= 1:
        for index, reference in enumerate(value.get("merge", ())):
            _required_source(reference, (*path, "merge", index), findings)


def _tls(value: Struct, path: Path, findings: Findings) -> None:
    for index, reference in enumerate(value.get("certificateAuthorities", ())):
        place = (*path, "certificateAuthorities", index)
        if findings.version >= 1:
            _required_source(reference, place, findings)
        elif not reference.get("source"):
            findings.error((*place, "source"), "a source is needed here", _URL)


_URL = "name a URL such as https://example.com/file; text of your own goes into 'inline'"


def _required_source(value: Struct, path: Path, findings: Findings) -> None:
    source = value.get("source")
    if not source:
        findings.error(path, "a source is needed here", "give it a 'source', 'inline' or 'local'")
    elif mistake := urls.mistake(source, findings.version):
        findings.error(path, mistake, _URL)


def _resource(value: Struct, path: Path, findings: Findings) -> None:
    source = value.get("source")
    if (compression := value.get("compression")) and compression != "gzip":
        findings.error((*path, "compression"), f"'{compression}' is no compression", "leave it out, or write gzip")
    if source is None and value.get("verification", {}).get("hash") is not None:
        findings.error(
            (*path, "verification", "hash"),
            "there is a hash, and nothing that it is the hash of",
            "add a source, or remove it",
        )
    if source and (mistake := urls.mistake(source, findings.version)):
        findings.error((*path, "source"), mistake, _URL)
    if value.get("httpHeaders") and (not source or urls.scheme(source) not in ("http", "https")):
        findings.error(
            (*path, "httpHeaders"), "HTTP headers need a source with the scheme http or https", "remove them"
        )


def _http_header(value: Struct, path: Path, findings: Findings) -> None:
    if not value.get("name"):
        findings.error((*path, "name"), "an HTTP header needs a name", "such as Authorization")
    if value.get("value") == "":
        findings.error((*path, "value"), "the value of an HTTP header is empty", "leave it out to remove the header")


_HASHES = {"sha512": (128, 0), "sha256": (64, 1)}  # digits, and the spec that brought it


def _verification(value: Struct, path: Path, findings: Findings) -> None:
    if (text := value.get("hash")) is None:
        return
    path = (*path, "hash")
    function, dash, digest = text.partition("-")
    digits, since = _HASHES.get(function, (0, urls.NEVER))
    if not dash:
        findings.error(path, f"'{text}' is not a hash", "it has the form sha512-DIGITS")
    elif since > findings.version:
        findings.error(path, f"an unknown hash function '{function}'", "use sha512, or sha256 from spec 3.1.0 on")
    elif len(digest.encode()) != digits:
        findings.error(
            path, f"a {function} hash has {digits} digits, and this one {len(digest)}", f"{function}sum prints it"
        )


def _proxy(value: Struct, path: Path, findings: Findings) -> None:
    for name in ("httpProxy", "httpsProxy"):
        if (url := value.get(name)) is None:
            continue
        scheme = urls.scheme(url)
        if scheme not in ("http", "https"):
            findings.error((*path, name), f"'{url}' is not the URL of a proxy", "it begins with http:// or https://")
        elif scheme == "http" and name == "httpsProxy":
            findings.warning(
                (*path, name),
                "what is fetched by HTTPS goes through a proxy without encryption",
                "use a proxy with https://",
            )


_INSTANCE = re.compile(r"(.+?)@(.+?)\.service")


def _systemd(value: Struct, path: Path, findings: Findings) -> None:
    units = {unit["name"]: unit for unit in value.get("units", ())}
    for index, unit in enumerate(value.get("units", ())):
        if not unit.get("enabled") or not (match := _INSTANCE.fullmatch(unit["name"])):
            continue
        contents = units.get(f"{match[1]}@.service", {}).get("contents")
        sections = _sections(contents) if contents else None
        if sections is not None and "Install" not in sections:
            findings.warning(
                (*path, "units", index, "contents"),
                f"the template '{match[1]}@.service' has no [Install] section, so enabling '{unit['name']}' does nothing",
                _INSTALL,
            )


_INSTALL = "add one, such as '[Install]' with 'WantedBy=multi-user.target', or do not enable the unit"


def _sections(contents: str) -> set[str] | None:
    try:
        return unitfile.sections(contents)
    except unitfile.BadUnit:
        return None


_UNITS = frozenset(
    [
        "service",
        "socket",
        "device",
        "mount",
        "automount",
        "swap",
        "target",
        "path",
        "timer",
        "snapshot",
        "slice",
        "scope",
    ]
)


def _unit(value: Struct, path: Path, findings: Findings) -> None:
    name = value["name"]
    if _suffix(name) not in _UNITS:
        hint = "Quadlet files go into storage.files, under /etc/containers/systemd/"
        findings.error((*path, "name"), f"'{name}' does not end like a systemd unit", hint if _quadlet(name) else "")
    if not (contents := value.get("contents")):
        return
    path = (*path, "contents")
    try:
        sections = unitfile.sections(contents)
    except unitfile.BadUnit as error:
        findings.error(path, f"Ignition would refuse this unit: {error}")
    else:
        if value.get("enabled") and "Install" not in sections:
            findings.warning(path, f"'{name}' has no [Install] section, so enabling it does nothing", _INSTALL)


def _quadlet(name: str) -> bool:
    return _suffix(name) in ("container", "pod", "volume", "network", "kube", "image", "build")


def _suffix(name: str) -> str:
    """Give what stands behind the last '.' of the last part of a path."""
    base = name.rpartition("/")[2]
    return base.rpartition(".")[2] if "." in base else ""


def _dropin(value: Struct, path: Path, findings: Findings) -> None:
    try:
        unitfile.sections(value.get("contents") or "")
    except unitfile.BadUnit as error:
        findings.error((*path, "contents"), f"Ignition would refuse this drop-in: {error}")
    if _suffix(value["name"]) != "conf":
        findings.error(
            (*path, "name"), f"the name of the drop-in '{value['name']}' does not end in .conf", "such as 10-local.conf"
        )


CHECKS: dict[str, Check] = {
    **storage.CHECKS,
    "Config": _config,
    "Dropin": _dropin,
    "HTTPHeader": _http_header,
    "IgnitionConfig": _ignition_config,
    "Proxy": _proxy,
    "Reference": _resource,
    "Resource": _resource,
    "Systemd": _systemd,
    "TLS": _tls,
    "Unit": _unit,
    "Verification": _verification,
}
