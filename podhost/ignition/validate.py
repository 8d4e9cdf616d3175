"""What Ignition refuses, and what it warns of, in a config of each spec version.

A check looks at one struct and adds findings; `CHECKS` says which struct it is for.
A mistake found here would otherwise be found in the initramfs of the host, which then does not boot.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable
from typing import Any

from podhost.ignition import unitfile, urls
from podhost.ignition.findings import Findings, Path
from podhost.ignition.schema import MERGED, Field, fields_by_name, key_of

Struct = dict[str, Any]
Check = Callable[[Struct, Path, Findings], None]


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
                    _path(each, (*path, name, index), findings)
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


_CLEAN = re.compile(r"(?:/[A-Za-z0-9_@:+-][A-Za-z0-9_.@:+-]*)+")  # surely an absolute path in its shortest form


def _path(text: str, path: Path, findings: Findings) -> None:
    """Refuse what is no absolute path in its shortest form."""
    if _CLEAN.fullmatch(text):
        return
    if not text:
        findings.error(path, "a path is needed here", "write an absolute path, such as /etc/motd")
    elif not text.startswith("/"):
        findings.error(path, f"'{text}' is not an absolute path", "begin it with '/'")
    elif clean(text) != text:
        findings.error(path, f"'{text}' is not in its shortest form", f"write '{clean(text)}'")


def clean(path: str) -> str:
    """Take '//', '.' and '..' out of a path."""
    if path.startswith("//"):
        path = "/" + path.lstrip("/")
    return posixpath.normpath(path)


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
            findings.error((*place, "source"), "a source is needed here")


def _required_source(value: Struct, path: Path, findings: Findings) -> None:
    source = value.get("source")
    if not source:
        findings.error(path, "a source is needed here", "give it a 'source', 'inline' or 'local'")
    elif mistake := urls.mistake(source, findings.version):
        findings.error(path, mistake)


def _resource(value: Struct, path: Path, findings: Findings) -> None:
    source = value.get("source")
    if (compression := value.get("compression")) and compression != "gzip":
        findings.error((*path, "compression"), f"'{compression}' is no compression", "leave it out, or write gzip")
    if source is None and value.get("verification", {}).get("hash") is not None:
        findings.error((*path, "verification", "hash"), "there is a hash, and nothing that it is the hash of")
    if source and (mistake := urls.mistake(source, findings.version)):
        findings.error((*path, "source"), mistake)
    if value.get("httpHeaders") and (not source or urls.scheme(source) not in ("http", "https")):
        findings.error((*path, "httpHeaders"), "HTTP headers need a source with the scheme http or https")


def _http_header(value: Struct, path: Path, findings: Findings) -> None:
    if not value.get("name"):
        findings.error((*path, "name"), "an HTTP header needs a name")
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
        findings.error(path, f"a {function} hash has {digits} digits, and this one {len(digest)}")


def _proxy(value: Struct, path: Path, findings: Findings) -> None:
    for name in ("httpProxy", "httpsProxy"):
        if (url := value.get(name)) is None:
            continue
        scheme = urls.scheme(url)
        if scheme not in ("http", "https"):
            findings.error((*path, name), f"'{url}' is not the URL of a proxy", "it begins with http:// or https://")
        elif scheme == "http" and name == "httpsProxy":
            findings.warning((*path, name), "what is fetched by HTTPS goes through a proxy without encryption")


def _owner(value: Struct, path: Path, findings: Findings) -> None:
    if value.get("id") is not None and value.get("name"):
        findings.error(path, "there is both an id and a name", "keep one of the two")


def _node(value: Struct, path: Path, findings: Findings) -> None:
    _path(value["path"], (*path, "path"), findings)


def _moded(value: Struct, path: Path, findings: Findings) -> None:
    _node(value, path, findings)
    if (mode := value.get("mode")) is None:
        return
    if not 0 <= mode <= 0o7777:
        findings.error((*path, "mode"), f"{mode} is not a file mode", "write it in octal, such as 0644")
    if findings.version < 6 and mode & 0o7000:
        findings.warning(
            (*path, "mode"),
            "setuid, setgid and sticky bits have no effect in this version",
            "use Butane 1.7.0 (Ignition 3.6.0), or set the bit on the host",
        )


def _file(value: Struct, path: Path, findings: Findings) -> None:
    _moded(value, path, findings)
    if value.get("overwrite") and value.get("contents", {}).get("source") is None:
        findings.error(
            (*path, "overwrite"),
            "overwrite needs contents",
            "for an empty file give it an empty inline content",
        )


def _storage(value: Struct, path: Path, findings: Findings) -> None:
    links = value.get("links", ())
    if links:
        _below_links(value, [link["path"] for link in links], path, findings)
        for index, link in enumerate(links):
            _link(link, value, (*path, "links", index), findings)
    disks = {disk["device"]: disk for disk in value.get("disks", ())}
    for index, filesystem in enumerate(value.get("filesystems", ())):
        if (disk := disks.get(filesystem["device"])) is None:
            continue
        place = (*path, "filesystems", index, "device")
        if disk.get("partitions"):
            findings.warning(place, "the filesystem overwrites a disk that has partitions here")
        elif disk.get("wipeTable") and not filesystem.get("wipeFilesystem"):
            findings.warning(place, "the filesystem is wiped, as its disk has wipe_table")


def _below_links(storage: Struct, links: list[str], path: Path, findings: Findings) -> None:
    """Refuse nodes whose path leads through a link of the config."""
    below = tuple(link + "/" for link in links)
    for name, what in (("directories", "directory"), ("files", "file"), ("links", "link")):
        for index, node in enumerate(storage.get(name, ())):
            if node["path"].startswith(below):
                link = next(each for each in links if node["path"].startswith(each + "/"))
                findings.error(
                    (*path, name, index),
                    f"the path of this {what} leads through the link '{link}'",
                    "name the real path",
                )


def _link(value: Struct, storage: Struct, path: Path, findings: Findings) -> None:
    target = value.get("target") or ""
    if findings.version >= 3 and not target:
        findings.error((*path, "target"), "a link needs a target")
        return
    if not value.get("hard"):
        return
    cleaned = clean(target)
    if not cleaned.startswith("/"):
        cleaned = clean(value["path"] + "/" + target) if value["path"] else cleaned
    if any(directory["path"] == cleaned for directory in storage.get("directories", ())):
        findings.error(path, f"a hard link cannot lead to the directory '{cleaned}'", "leave out 'hard'")
    for owner in ("user", "group"):
        for name in ("id", "name"):
            if value.get(owner, {}).get(name) is not None:
                findings.warning((*path, owner, name), "a hard link has the owner of its target: this is ignored")


def _disk(value: Struct, path: Path, findings: Findings) -> None:
    _device(value["device"], (*path, "device"), findings)
    if not value["device"]:
        return
    partitions = value.get("partitions", ())
    path = (*path, "partitions")
    if (index := _second([each.get("number") or None for each in partitions])) is not None:
        findings.error((*path, index), f"partition number {partitions[index]['number']} is taken already")
    if (index := _overlap(partitions)) is not None:
        findings.error((*path, index), "this partition overlaps another one", "look at start_mib and size_mib")
    if any(each.get("shouldExist") is False for each in partitions) and any(
        not each.get("number") for each in partitions
    ):
        findings.error(path, "with a partition that should not exist, every partition needs a number")
    if (index := _second([each.get("label") for each in partitions])) is not None:
        findings.error((*path, index), f"the label '{partitions[index]['label']}' is taken already")


def _device(text: str, path: Path, findings: Findings) -> None:
    if text:
        _path(text, path, findings)
    else:
        findings.error(path, "a device is needed here", "write its path, such as /dev/disk/by-id/…")


def _second(values: list[Any]) -> int | None:
    """Give the index of the first value that was there before; None is no value."""
    seen = set()
    for index, value in enumerate(values):
        if value is not None and value in seen:
            return index
        seen.add(value)
    return None


def _overlap(partitions: list[Struct]) -> int | None:
    """Give the index of a partition that overlaps one before or after it; only those with a start and a size count."""
    spans = [
        (index, start, start + size - 1 if size else start)
        for index, each in enumerate(partitions)
        if (start := each.get("startMiB")) and (size := each.get("sizeMiB")) is not None
    ]
    for index, start, end in spans:
        for other, first, last in spans:
            if other != index and (first <= start <= last or first <= end <= last or (start < first and end > last)):
                return other
    return None


_GUID = re.compile(r"|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def _partition(value: Struct, path: Path, findings: Findings) -> None:
    label = value.get("label")
    given = label is not None or value.get("startMiB") is not None or value.get("sizeMiB") is not None
    if value.get("shouldExist") is False and (given or value.get("typeGuid") or value.get("guid")):
        findings.error(path, "a partition that should not exist is described", "give its number alone")
    if not value.get("number") and label is None:
        findings.error(path, "a partition needs a number or a label")
    if label is not None and len(label.encode()) > 36:
        findings.error((*path, "label"), "the label of a partition has at most 36 characters")
    elif label is not None and ":" in label:
        findings.error((*path, "label"), "the label of a partition cannot hold a ':'")
    for name in ("guid", "typeGuid"):
        if (guid := value.get(name)) is not None and not _GUID.fullmatch(guid):
            findings.error(
                (*path, name), f"'{guid}' is not a GUID", "it has the form 01234567-89AB-CDEF-EDCB-A98765432101"
            )


_LEVELS = {"raid1", "1", "mirror", "raid4", "4", "raid5", "5", "raid6", "6", "raid10", "10"}
_LEVELS_WITHOUT_SPARES = {"linear", "raid0", "0", "stripe"}


def _raid(value: Struct, path: Path, findings: Findings) -> None:
    level = value.get("level")
    if level in _LEVELS_WITHOUT_SPARES:
        if value.get("spares"):
            findings.error((*path, "level"), f"an array of level {level} has no spares")
    elif level not in _LEVELS:
        message = f"'{level}' is not a RAID level" if level else "a RAID level is needed here"
        findings.error((*path, "level"), message, "use linear, raid0, raid1, raid4, raid5, raid6 or raid10")
    if not value.get("devices"):
        findings.error((*path, "devices"), "an array needs devices")


_LABEL_BYTES = {"ext4": 16, "btrfs": 256, "xfs": 12, "swap": 15, "vfat": 11}  # man pages of the mkfs programs


def _filesystem(value: Struct, path: Path, findings: Findings) -> None:
    if value.get("path"):
        _path(value["path"], (*path, "path"), findings)
    _path(value["device"], (*path, "device"), findings)
    kind, label = value.get("format"), value.get("label")
    if not kind:
        if any(value.get(name) for name in ("path", "label", "uuid", "wipeFilesystem", "mountOptions", "options")):
            findings.error(
                (*path, "format"), "a filesystem that is described needs a format", "such as ext4, xfs or btrfs"
            )
        if label:
            findings.error((*path, "label"), "a filesystem with a label needs a format")
    elif kind not in _LABEL_BYTES and not (kind == "none" and findings.version >= 3):
        known = ", ".join(sorted(_LABEL_BYTES)) + (", none" if findings.version >= 3 else "")
        findings.error((*path, "format"), f"Ignition makes no '{kind}' filesystem", f"it makes {known}")
    elif label and len(label.encode()) > (most := _LABEL_BYTES.get(kind, urls.NEVER)):
        findings.error((*path, "label"), f"the label of a {kind} filesystem has at most {most} characters")


def _luks(value: Struct, path: Path, findings: Findings) -> None:
    clevis = value.get("clevis", {})
    custom = clevis.get("custom")
    source = value.get("keyFile", {}).get("source")
    if "/" in value["name"]:
        findings.error((*path, "name"), "the name of a LUKS device cannot hold a '/'")
    if len((value.get("label") or "").encode()) > 47:
        findings.error((*path, "label"), "the label of a LUKS device has at most 47 characters")
    _device(value.get("device") or "", (*path, "device"), findings)
    others = clevis.get("tang") or clevis.get("tpm2") or clevis.get("threshold")
    if others and (custom is not None if findings.version <= 2 else bool(custom and custom.get("pin"))):
        findings.error((*path, "clevis"), "a custom clevis pin stands alone", "leave out tang, tpm2 and threshold")
    if source and urls.mistake(source, findings.version):
        findings.error((*path, "keys"), f"the source of the key file: {urls.mistake(source, findings.version)}")
    if value.get("cex", {}).get("enabled"):
        if others or (custom and custom.get("pin")):
            findings.error((*path, "cex"), "cex and clevis exclude each other", "keep one of the two")
        if source:
            findings.error((*path, "cex"), "cex and a key file exclude each other", "keep one of the two")


_PINS = ("tpm2", "tang", "sss")


def _clevis_custom(value: Struct, path: Path, findings: Findings) -> None:
    pin, config = value.get("pin"), value.get("config")
    if not pin and not config and not (findings.version >= 3 and value.get("needsNetwork")):
        return
    if not pin and findings.version >= 3:
        findings.error((*path, "pin"), "a custom clevis pin needs a name")
    elif pin not in _PINS and findings.version < 6:
        findings.error(
            (*path, "pin"), f"an unknown clevis pin '{pin or ''}'", f"use {', '.join(_PINS)}, or Butane 1.7.0"
        )
    if not config:
        findings.error((*path, "config"), "a custom clevis pin needs a config")


def _tang(value: Struct, path: Path, findings: Findings) -> None:
    if urls.scheme(value.get("url") or "") not in ("http", "https"):
        findings.error((*path, "url"), "a tang server needs a URL with the scheme http or https")
    if not value.get("thumbprint"):
        findings.error((*path, "thumbprint"), "a tang server needs a thumbprint", "tang-show-keys prints it")
    if advertisement := value.get("advertisement"):
        try:
            json.loads(advertisement, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            findings.error((*path, "advertisement"), "the advertisement is not JSON")


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


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
            )


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
            findings.warning(path, f"'{name}' has no [Install] section, so enabling it does nothing")


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
        findings.error((*path, "name"), f"the name of the drop-in '{value['name']}' does not end in .conf")


CHECKS: dict[str, Check] = {
    "ClevisCustom": _clevis_custom,
    "Config": _config,
    "Directory": _moded,
    "Disk": _disk,
    "Dropin": _dropin,
    "File": _file,
    "Filesystem": _filesystem,
    "HTTPHeader": _http_header,
    "IgnitionConfig": _ignition_config,
    "Link": _node,
    "Luks": _luks,
    "NodeGroup": _owner,
    "NodeUser": _owner,
    "Partition": _partition,
    "Proxy": _proxy,
    "Raid": _raid,
    "Reference": _resource,
    "Resource": _resource,
    "Storage": _storage,
    "Systemd": _systemd,
    "TLS": _tls,
    "Tang": _tang,
    "Unit": _unit,
    "Verification": _verification,
}
