"""What Butane itself refuses, before anything is translated: mistakes in the fields that only it has."""

from __future__ import annotations

import json
import re

from podhost.ignition.findings import Check, Findings, Path
from podhost.ignition.schema import SPEC_OF_VERSION, Struct, butane_fields

ROOT_DEVICE = "/dev/disk/by-id/coreos-boot-disk"


def check(config: Struct, findings: Findings) -> None:
    """Check decoded Butane data of version 1.`findings.version`.0; paths are those of the document."""
    _walk("Config", config, (), findings)


def _walk(type_: str, value: Struct, path: Path, findings: Findings) -> None:
    if found := CHECKS.get(type_):
        found(value, path, findings)
    fields = butane_fields(type_, findings.version)
    for name, item in value.items():
        if isinstance(item, dict):
            _walk(fields[name].type, item, (*path, name), findings)
        elif isinstance(item, list) and fields[name].struct:
            for index, each in enumerate(item):
                _walk(fields[name].type, each, (*path, name, index), findings)


_MOUNTPOINT = re.compile(r"/(?:etc|var)(?:/|$)")


def _config(value: Struct, path: Path, findings: Findings) -> None:
    if findings.version < 6:
        return
    storage = value.get("storage", {})
    mirrored = value.get("boot_device", {}).get("mirror", {}).get("devices", ())
    for index, disk in enumerate(storage.get("disks", ())):
        device = disk.get("device", "")
        if device == ROOT_DEVICE or disk.get("wipe_table") or device in mirrored:
            continue
        for number, partition in enumerate(disk.get("partitions", ())):
            if not partition.get("number") and partition.get("label") is not None:
                findings.warning(
                    (*path, "storage", "disks", index, "partitions", number, "number"),
                    "a partition is not found again by its label alone",
                    f"give it a number; only {ROOT_DEVICE} and disks with wipe_table do without",
                )
    for index, filesystem in enumerate(storage.get("filesystems", ())):
        target = filesystem.get("path")
        if target is not None and filesystem.get("with_mount_unit") and not _MOUNTPOINT.match(target):
            findings.error(
                (*path, "storage", "filesystems", index, "path"),
                f"a mount unit cannot mount at '{target}'",
                "mount below /etc or /var",
            )


def _resource(value: Struct, path: Path, findings: Findings) -> None:
    given = [name for name in ("local", "inline", "source") if value.get(name) is not None]
    if len(given) > 1:
        first, last = (given[0], given[-1]) if findings.version else ("source", "inline")
        findings.error((*path, last), f"there is also '{first}'", "keep one of local, inline and source")


def _reference(value: Struct, path: Path, findings: Findings) -> None:
    _resource(value, path, findings)
    inline = value.get("inline")
    alone = value.get("local") is None and value.get("source") is None
    if path[:2] != ("ignition", "config") or inline is None or not alone:
        return
    try:
        config = json.loads(inline)
    except (ValueError, RecursionError) as error:
        findings.error((*path, "inline"), f"this is not an Ignition config: {error}")
        return
    from podhost.ignition import reading  # seldom needed

    reading.check(config, SPEC_OF_VERSION[findings.version], path, findings)


def _filesystem(value: Struct, path: Path, findings: Findings) -> None:
    if not value.get("with_mount_unit"):
        return
    kind = value.get("format")
    if not kind:
        findings.error((*path, "format"), "with_mount_unit needs a format", "such as ext4, xfs or swap")
    if not value.get("path") and not (findings.version >= 4 and (kind == "swap" or not kind)):
        findings.error((*path, "path"), "with_mount_unit needs a path to mount at", "set 'path'")


def _directory(value: Struct, path: Path, findings: Findings) -> None:
    _mode(value, path, findings, directory=True)


def _file(value: Struct, path: Path, findings: Findings) -> None:
    _mode(value, path, findings, directory=False)


def _mode(value: Struct, path: Path, findings: Findings, *, directory: bool) -> None:
    mode = value.get("mode")
    if mode is None or not 0 <= mode <= 7777 or not set(str(mode)) <= set("01234567"):
        return
    if not _usual(mode, directory) and _usual(int(str(mode), 8), directory):
        findings.warning(
            (*path, "mode"), f"the mode {mode} is decimal, and 0{mode} is probably meant", "begin it with 0"
        )


def _usual(mode: int, directory: bool) -> bool:
    """Whether people give such modes: nobody may do more than the owner, or the group more than others do less."""
    if mode == 0:
        return True
    read = write = execute = False
    for bits in (mode & 7, mode >> 3 & 7, mode >> 6 & 7):  # others, group, owner
        can_read, can_write, can_execute = bool(bits & 4), bool(bits & 2), bool(bits & 1)
        if (read and not can_read) or (write and not can_write) or (execute and not can_execute):
            return False
        if can_execute and read and not execute:
            return False
        if (can_write or can_execute) and not can_read:
            return False
        read, write, execute = read or can_read, write or can_write, execute or can_execute
    if not read:
        return False
    if directory:
        return execute and not mode & 0o4000 and not (mode & 0o3000 and not write)
    return not mode & 0o1000 and not (mode & 0o6000 and (not execute or mode & 2))


def _tree(value: Struct, path: Path, findings: Findings) -> None:
    if not value.get("local"):
        findings.error(path, "a tree needs 'local'", "name a folder below the files directory")


def _contents(value: Struct, path: Path, findings: Findings) -> None:
    if value.get("contents") is not None and value.get("contents_local") is not None:
        findings.error((*path, "contents_local"), "there is also 'contents'", "keep one of the two")


LAYOUTS = ("aarch64", "ppc64le", "x86_64")
_S390X = {"s390x-eckd": "/dev/dasd[a-z]", "s390x-zfcp": "/dev/sd[a-z]", "s390x-virt": ""}


def _boot_device(value: Struct, path: Path, findings: Findings) -> None:
    layout = value.get("layout")
    luks = value.get("luks", {})
    mirror = value.get("mirror", {}).get("devices")
    place = (*path, "layout")
    if mirror and layout is None:
        add = findings.error if findings.version >= 7 else findings.warning
        add((*path, "mirror"), "a mirror needs to know the architecture", "set boot_device.layout, such as x86_64")
    if layout is not None and layout not in LAYOUTS:
        if findings.version < 6 or layout not in _S390X:
            known = ", ".join([*LAYOUTS, *(sorted(_S390X) if findings.version >= 6 else ())])
            findings.error(place, f"an unknown layout '{layout}'", f"use one of {known}")
        elif _S390X[layout]:
            device = luks.get("device")
            if not device:
                findings.error(place, f"the layout {layout} needs boot_device.luks.device", "name the disk")
            elif not re.search(f"{_S390X[layout]}$", device):
                findings.error(
                    place,
                    f"'{device}' is no device of the layout {layout}",
                    "it is /dev/dasda or /dev/sda, or one with another last letter",
                )
        if layout.startswith("s390x") and mirror and findings.version >= 6:
            findings.error(place, f"the layout {layout} cannot be mirrored", "remove the mirror")
    if luks.get("cex", {}).get("enabled"):
        if layout is None:
            findings.error(
                (*path, "luks", "cex"), "cex needs a layout of s390x", "set boot_device.layout, such as s390x-virt"
            )
        elif not layout.startswith("s390x"):
            findings.error(place, "cex needs a layout of s390x", "set boot_device.layout, such as s390x-virt")
        if luks.get("tang") or luks.get("tpm2"):
            findings.error((*path, "luks"), "cex and clevis exclude each other", "keep one of cex, and tang or tpm2")


def _boot_device_luks(value: Struct, path: Path, findings: Findings) -> None:
    if findings.version < 7 or not value.get("device"):
        return
    if not (
        any(_set(tang) for tang in value.get("tang", ())) or value.get("tpm2") or value.get("cex", {}).get("enabled")
    ):
        findings.error((*path, "luks"), "there is a device, and nothing that unlocks it", "add tang, tpm2 or cex")


def _set(tang: Struct) -> bool:
    return bool(tang.get("url")) or tang.get("thumbprint") is not None or tang.get("advertisement") is not None


def _boot_device_mirror(value: Struct, path: Path, findings: Findings) -> None:
    if len(value.get("devices", ())) == 1:
        findings.error((*path, "devices"), "a mirror needs at least two devices", "add another, or remove the mirror")


def _grub_user(value: Struct, path: Path, findings: Findings) -> None:
    if not value.get("name"):
        findings.error((*path, "name"), "a GRUB user needs a name", "set 'name'")
    if not value.get("password_hash"):
        findings.error((*path, "password_hash"), "a GRUB user needs a password hash", "grub2-mkpasswd-pbkdf2 makes it")


CHECKS: dict[str, Check] = {
    "BootDevice": _boot_device,
    "BootDeviceLuks": _boot_device_luks,
    "BootDeviceMirror": _boot_device_mirror,
    "Config": _config,
    "Directory": _directory,
    "Dropin": _contents,
    "File": _file,
    "Filesystem": _filesystem,
    "GrubUser": _grub_user,
    "Reference": _reference,
    "Resource": _resource,
    "Tree": _tree,
    "Unit": _contents,
}
