"""What Ignition refuses and warns of under `storage`: nodes, disks, filesystems, arrays and encryption."""

from __future__ import annotations

import json
import re
from typing import Any

from podhost.ignition import urls
from podhost.ignition.findings import Check, Findings, Path
from podhost.ignition.paths import check_device, check_path, clean
from podhost.ignition.schema import Struct


def _owner(value: Struct, path: Path, findings: Findings) -> None:
    if value.get("id") is not None and value.get("name"):
        findings.error(path, "there is both an id and a name", "keep one of the two")


def _node(value: Struct, path: Path, findings: Findings) -> None:
    check_path(value["path"], (*path, "path"), findings)


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
            findings.warning(place, "the filesystem overwrites a disk that has partitions here", "name a partition")
        elif disk.get("wipeTable") and not filesystem.get("wipeFilesystem"):
            findings.warning(place, "the filesystem is wiped, as its disk has wipe_table", "set wipe_filesystem, too")


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
        findings.error((*path, "target"), "a link needs a target", "set 'target'")
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
                findings.warning(
                    (*path, owner, name), "a hard link has the owner of its target: this is ignored", "remove it"
                )


def _disk(value: Struct, path: Path, findings: Findings) -> None:
    check_device(value["device"], (*path, "device"), findings)
    if not value["device"]:
        return
    partitions = value.get("partitions", ())
    path = (*path, "partitions")
    if (index := _second([each.get("number") or None for each in partitions])) is not None:
        findings.error(
            (*path, index), f"partition number {partitions[index]['number']} is taken already", "choose another"
        )
    if (index := _overlap(partitions)) is not None:
        findings.error((*path, index), "this partition overlaps another one", "look at start_mib and size_mib")
    if any(each.get("shouldExist") is False for each in partitions) and any(
        not each.get("number") for each in partitions
    ):
        findings.error(path, "with a partition that should not exist, every partition needs a number", "set 'number'")
    if (index := _second([each.get("label") for each in partitions])) is not None:
        findings.error((*path, index), f"the label '{partitions[index]['label']}' is taken already")


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
        findings.error(path, "a partition needs a number or a label", "set 'number', 'label', or both")
    if label is not None and len(label.encode()) > 36:
        findings.error((*path, "label"), "the label of a partition has at most 36 characters", "shorten it")
    elif label is not None and ":" in label:
        findings.error((*path, "label"), "the label of a partition cannot hold a ':'", "use '-'")
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
            findings.error((*path, "level"), f"an array of level {level} has no spares", "remove 'spares'")
    elif level not in _LEVELS:
        message = f"'{level}' is not a RAID level" if level else "a RAID level is needed here"
        findings.error((*path, "level"), message, "use linear, raid0, raid1, raid4, raid5, raid6 or raid10")
    if not value.get("devices"):
        findings.error((*path, "devices"), "an array needs devices", "list their paths under 'devices'")


_LABEL_BYTES = {"ext4": 16, "btrfs": 256, "xfs": 12, "swap": 15, "vfat": 11}  # man pages of the mkfs programs


def _filesystem(value: Struct, path: Path, findings: Findings) -> None:
    if value.get("path"):
        check_path(value["path"], (*path, "path"), findings)
    check_path(value["device"], (*path, "device"), findings)
    kind, label = value.get("format"), value.get("label")
    if not kind:
        if any(value.get(name) for name in ("path", "label", "uuid", "wipeFilesystem", "mountOptions", "options")):
            findings.error(
                (*path, "format"), "a filesystem that is described needs a format", "such as ext4, xfs or btrfs"
            )
        if label:
            findings.error((*path, "label"), "a filesystem with a label needs a format", "set 'format'")
    elif kind not in _LABEL_BYTES and not (kind == "none" and findings.version >= 3):
        known = ", ".join(sorted(_LABEL_BYTES)) + (", none" if findings.version >= 3 else "")
        findings.error((*path, "format"), f"Ignition makes no '{kind}' filesystem", f"it makes {known}")
    elif label and len(label.encode()) > (most := _LABEL_BYTES.get(kind, urls.NEVER)):
        findings.error((*path, "label"), f"a label has at most {most} characters in {kind}", "shorten it")


def _luks(value: Struct, path: Path, findings: Findings) -> None:
    clevis = value.get("clevis", {})
    custom = clevis.get("custom")
    source = value.get("keyFile", {}).get("source")
    if "/" in value["name"]:
        findings.error(
            (*path, "name"), "the name of a LUKS device cannot hold a '/'", "it is the name below /dev/mapper"
        )
    if len((value.get("label") or "").encode()) > 47:
        findings.error((*path, "label"), "the label of a LUKS device has at most 47 characters", "shorten it")
    check_device(value.get("device") or "", (*path, "device"), findings)
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
        findings.error((*path, "pin"), "a custom clevis pin needs a name", "set 'pin'")
    elif pin not in _PINS and findings.version < 6:
        findings.error(
            (*path, "pin"), f"an unknown clevis pin '{pin or ''}'", f"use {', '.join(_PINS)}, or Butane 1.7.0"
        )
    if not config:
        findings.error((*path, "config"), "a custom clevis pin needs a config", "set 'config'")


def _tang(value: Struct, path: Path, findings: Findings) -> None:
    if urls.scheme(value.get("url") or "") not in ("http", "https"):
        findings.error((*path, "url"), "a tang server needs a URL with the scheme http or https", "set 'url'")
    if not value.get("thumbprint"):
        findings.error((*path, "thumbprint"), "a tang server needs a thumbprint", "tang-show-keys prints it")
    if advertisement := value.get("advertisement"):
        try:
            json.loads(advertisement, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            findings.error((*path, "advertisement"), "the advertisement is not JSON", "the server gives it at /adv")


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


CHECKS: dict[str, Check] = {
    "ClevisCustom": _clevis_custom,
    "Directory": _moded,
    "Disk": _disk,
    "File": _file,
    "Filesystem": _filesystem,
    "Link": _node,
    "Luks": _luks,
    "NodeGroup": _owner,
    "NodeUser": _owner,
    "Partition": _partition,
    "Raid": _raid,
    "Storage": _storage,
    "Tang": _tang,
}
