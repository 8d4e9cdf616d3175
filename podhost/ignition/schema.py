"""The one description of what a Butane and an Ignition config hold.

Every field stands here once: its name in Ignition, its type, the Butane `fcos` version that brought it, and how it is written.
Its Butane name follows from the Ignition name (`wipePartitionEntry` is `wipe_partition_entry`).
Fields that only Butane has (sugar) are in the same tables, so that reading, checking, merging, the inverse, the tests' generator and the table in the documentation all go through this file.

Sources: the Butane `fcos` specifications 1.0.0 to 1.7.0 and the Ignition specifications 3.0.0 to 3.6.0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

Struct = dict[str, Any]
"""A struct as plain data: the fields that are set, by name."""

NEWEST = 7
"""The minor number of the newest Butane version here: `fcos` 1.7.0."""

SPEC_OF_VERSION = (0, 1, 2, 2, 3, 4, 5, 6)
"""Ignition spec 3.x of Butane version 1.y, as x by y: 1.2.0 and 1.3.0 both give 3.2.0."""

VERSION_OF_SPEC = (0, 1, 2, 4, 5, 6, 7)
"""The first Butane version 1.y for each Ignition spec 3.x, as y by x."""

NEWEST_SPEC = 6


SCALARS = ("string", "int", "bool", "Device")
"""The types that are no structs; a `Device` is a string that has to be a path."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a struct.

    `type` is one of `SCALARS` or the name of a struct; `many` makes it a list.
    `since` is the minor number of the Butane version that brought it; `sugar` is in Butane only, `derived` in Ignition only.
    A field of an Ignition config is written where it is set; up to version `always` it is written even where it is not, as `zero`.
    `butane` is its name in a Butane config, and `struct` says that the type is a struct of this file.
    `plain` fields know no difference between unset and zero, and `pointer` structs, up to that version, are kept even where they are empty.
    `duplicates` says that the list may hold one thing twice, so that merging appends; other lists merge by key.
    """

    name: str
    type: str
    since: int = 0
    many: bool = False
    sugar: bool = False
    derived: bool = False
    always: int = -1
    zero: str | int | None = None
    plain: bool = False
    pointer: int = -1
    duplicates: bool = False
    butane: str = field(init=False)
    struct: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "butane", snake(self.name))
        object.__setattr__(self, "struct", self.type not in SCALARS)


def snake(name: str) -> str:
    """Give the Butane form of an Ignition name: `sizeMiB` is `size_mib`."""
    return name if name.islower() else _HUMP.sub(r"_\g<0>", name).lower()


_HUMP = re.compile("MiB|[A-Z]")


def _named(name: str, **more: object) -> Field:
    """Make a field that names what it belongs to: a string that is always written."""
    return Field(name, "string", always=NEWEST, zero="", plain=True, **more)  # type: ignore[arg-type]


_NODE = (
    Field("group", "NodeGroup"),
    Field("overwrite", "bool"),
    _named("path"),
    Field("user", "NodeUser"),
)
_OWNER = (Field("id", "int"), Field("name", "string"))

STRUCTS: dict[str, tuple[Field, ...]] = {
    "Config": (
        Field("version", "string", sugar=True),
        Field("variant", "string", sugar=True),
        Field("ignition", "Ignition"),
        Field("kernelArguments", "KernelArguments", 4),
        Field("passwd", "Passwd"),
        Field("storage", "Storage"),
        Field("systemd", "Systemd"),
        Field("boot_device", "BootDevice", 3, sugar=True),
        Field("grub", "Grub", 5, sugar=True),
    ),
    "Ignition": (
        Field("config", "IgnitionConfig"),
        Field("proxy", "Proxy", 1),
        Field("security", "Security"),
        Field("timeouts", "Timeouts"),
        Field("version", "string", derived=True, plain=True),
    ),
    "IgnitionConfig": (
        Field("merge", "Reference", many=True),
        Field("replace", "Reference"),
    ),
    # Before 1.1.0 a reference to another config or to a certificate was less than a resource.
    "Reference": (
        Field("compression", "string", 1),
        Field("httpHeaders", "HTTPHeader", 1, many=True),
        Field("source", "string", always=0),
        Field("inline", "string", 1, sugar=True),
        Field("local", "string", 1, sugar=True),
        Field("verification", "Verification"),
    ),
    "Resource": (
        Field("compression", "string"),
        Field("httpHeaders", "HTTPHeader", 1, many=True),
        Field("source", "string"),
        Field("inline", "string", sugar=True),
        Field("local", "string", 1, sugar=True),
        Field("verification", "Verification"),
    ),
    "HTTPHeader": (_named("name"), Field("value", "string")),
    "Verification": (Field("hash", "string"),),
    "Proxy": (
        Field("httpProxy", "string"),
        Field("httpsProxy", "string"),
        Field("noProxy", "string", many=True),
    ),
    "Security": (Field("tls", "TLS"),),
    "TLS": (Field("certificateAuthorities", "Reference", many=True),),
    "Timeouts": (Field("httpResponseHeaders", "int"), Field("httpTotal", "int")),
    "KernelArguments": (
        Field("shouldExist", "string", many=True),
        Field("shouldNotExist", "string", many=True),
    ),
    "Passwd": (
        Field("groups", "PasswdGroup", many=True),
        Field("users", "PasswdUser", many=True),
    ),
    "PasswdGroup": (
        Field("gid", "int"),
        _named("name"),
        Field("passwordHash", "string"),
        Field("shouldExist", "bool", 2),
        Field("system", "bool"),
    ),
    "PasswdUser": (
        Field("gecos", "string"),
        Field("groups", "string", many=True),
        Field("homeDir", "string"),
        _named("name"),
        Field("noCreateHome", "bool"),
        Field("noLogInit", "bool"),
        Field("noUserGroup", "bool"),
        Field("passwordHash", "string"),
        Field("primaryGroup", "string"),
        Field("sshAuthorizedKeys", "string", many=True),
        Field("ssh_authorized_keys_local", "string", 5, many=True, sugar=True),
        Field("shell", "string"),
        Field("shouldExist", "bool", 2),
        Field("system", "bool"),
        Field("uid", "int"),
    ),
    "Storage": (
        Field("directories", "Directory", many=True),
        Field("disks", "Disk", many=True),
        Field("files", "File", many=True),
        Field("filesystems", "Filesystem", many=True),
        Field("links", "Link", many=True),
        Field("luks", "Luks", 2, many=True),
        Field("raid", "Raid", many=True),
        Field("trees", "Tree", 1, many=True, sugar=True),
    ),
    "NodeUser": _OWNER,
    "NodeGroup": _OWNER,
    "Directory": (*_NODE, Field("mode", "int")),
    "File": (
        *_NODE,
        Field("append", "Resource", many=True, duplicates=True),
        Field("contents", "Resource"),
        Field("mode", "int"),
    ),
    "Link": (*_NODE, Field("hard", "bool"), Field("target", "string", always=3, zero="")),
    "Tree": (
        Field("group", "NodeGroup", 7, sugar=True),
        Field("local", "string", sugar=True, plain=True),
        Field("path", "string", sugar=True),
        Field("user", "NodeUser", 7, sugar=True),
        Field("file_mode", "int", 7, sugar=True),
        Field("dir_mode", "int", 7, sugar=True),
    ),
    "Disk": (
        _named("device"),
        Field("partitions", "Partition", many=True),
        Field("wipeTable", "bool"),
    ),
    "Partition": (
        Field("guid", "string"),
        Field("label", "string"),
        Field("number", "int", plain=True),
        Field("resize", "bool", 2),
        Field("shouldExist", "bool"),
        Field("sizeMiB", "int"),
        Field("startMiB", "int"),
        Field("typeGuid", "string"),
        Field("wipePartitionEntry", "bool"),
    ),
    "Raid": (
        Field("devices", "Device", many=True),
        Field("level", "string", always=3, zero=""),
        _named("name"),
        Field("options", "string", many=True, duplicates=True),
        Field("spares", "int"),
    ),
    "Filesystem": (
        _named("device"),
        Field("format", "string"),
        Field("label", "string"),
        Field("mountOptions", "string", 1, many=True, duplicates=True),
        Field("options", "string", many=True, duplicates=True),
        Field("path", "string"),
        Field("uuid", "string"),
        Field("wipeFilesystem", "bool"),
        Field("with_mount_unit", "bool", 1, sugar=True),
    ),
    "Luks": (
        Field("cex", "Cex", 6),
        Field("clevis", "Clevis", pointer=3),
        Field("device", "string"),
        Field("discard", "bool", 5),
        Field("keyFile", "Resource"),
        Field("label", "string"),
        _named("name"),
        Field("openOptions", "string", 5, many=True),
        Field("options", "string", many=True, duplicates=True),
        Field("uuid", "string"),
        Field("wipeVolume", "bool"),
    ),
    "Cex": (Field("enabled", "bool"),),
    "Clevis": (
        Field("custom", "ClevisCustom", pointer=3),
        Field("tang", "Tang", many=True),
        Field("threshold", "int"),
        Field("tpm2", "bool"),
    ),
    "ClevisCustom": (
        Field("config", "string", always=3, zero=""),
        Field("needsNetwork", "bool"),
        Field("pin", "string", always=3, zero=""),
    ),
    "Tang": (
        Field("advertisement", "string", 5),
        Field("thumbprint", "string"),
        Field("url", "string", plain=True),
    ),
    "Systemd": (Field("units", "Unit", many=True),),
    "Unit": (
        Field("contents", "string"),
        Field("contents_local", "string", 5, sugar=True),
        Field("dropins", "Dropin", many=True),
        Field("enabled", "bool"),
        Field("mask", "bool"),
        _named("name"),
    ),
    "Dropin": (
        Field("contents", "string"),
        Field("contents_local", "string", 5, sugar=True),
        _named("name"),
    ),
    "BootDevice": (
        Field("layout", "string", sugar=True),
        Field("luks", "BootDeviceLuks", sugar=True),
        Field("mirror", "BootDeviceMirror", sugar=True),
    ),
    "BootDeviceLuks": (
        Field("cex", "Cex", 6, sugar=True),
        Field("discard", "bool", 5, sugar=True),
        Field("device", "string", 6, sugar=True),
        Field("tang", "Tang", many=True, sugar=True),
        Field("threshold", "int", sugar=True),
        Field("tpm2", "bool", sugar=True),
    ),
    "BootDeviceMirror": (Field("devices", "string", many=True, sugar=True),),
    "Grub": (Field("users", "GrubUser", many=True, sugar=True),),
    "GrubUser": (
        Field("name", "string", sugar=True, plain=True),
        Field("password_hash", "string", sugar=True),
    ),
}

MERGED: dict[str, tuple[str, ...]] = {
    "Storage": ("directories", "files", "links"),
    "KernelArguments": ("shouldExist", "shouldNotExist"),
}
"""The lists of a struct that share their keys: a path is a file, a directory or a link, and only one of them."""

KEYS: dict[str, str] = {
    "Directory": "path",
    "Disk": "device",
    "Dropin": "name",
    "File": "path",
    "Filesystem": "device",
    "HTTPHeader": "name",
    "Link": "path",
    "Luks": "name",
    "PasswdGroup": "name",
    "PasswdUser": "name",
    "Raid": "name",
    "Reference": "source",
    "Resource": "source",
    "Tang": "url",
    "Unit": "name",
}
"""The field that tells the members of a list apart; a partition has a rule of its own."""


def key_of(type_: str, item: object) -> str:
    """Give what tells this member of a list from the others, as Ignition merges and refuses doubles."""
    if not isinstance(item, dict):
        return str(item)
    if type_ == "Partition":
        if number := item.get("number"):
            return f"number:{number}"
        return f"label:{item['label']}" if item.get("label") is not None else ""
    return item.get(KEYS[type_]) or ""


@cache
def butane_fields(struct: str, version: int) -> dict[str, Field]:
    """The fields of a struct by Butane name, as version 1.`version`.0 has them."""
    return {each.butane: each for each in STRUCTS[struct] if each.since <= version and not each.derived}


@cache
def ignition_fields(struct: str) -> tuple[Field, ...]:
    """The fields of a struct that Ignition knows, in the order in which its JSON has them."""
    return tuple(each for each in STRUCTS[struct] if not each.sugar)


@cache
def fields_by_name(struct: str) -> dict[str, Field]:
    """The fields of a struct that Ignition knows, by their names there."""
    return {each.name: each for each in ignition_fields(struct)}
