"""Butane configs made from the schema: hypothesis strategies for documents that people might write, and for wrong ones.

A document is a mapping of a random version with some fields of each struct, and is written as YAML in a random style.
Most values are good ones of their field; `wrong` mixes in bad ones, unknown keys, fields of other versions and wrong types.
"""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import strategies as st

from podhost.ignition.schema import KEYS, NEWEST, SPEC_OF_VERSION, STRUCTS, Field, butane_fields

FILES: dict[str, bytes | str] = {
    "motd": b"Welcome\n",
    "empty": b"",
    "binary": bytes(range(256)) * 3,
    "keys": b"ssh-ed25519 AAAA one\r\n\nssh-rsa BBBB two\n",
    "unit.service": b"[Service]\nExecStart=/bin/true\n\n[Install]\nWantedBy=multi-user.target\n",
    "long": b"repeated " * 400,
    "tree/a": b"a\n",
    "tree/sub/b.sh": b"#!/bin/sh\n",
    "tree/sub/link": "../a",
    "other/a": b"another a\n",
    "link-to-tree": "tree",
}
"""The files directory: bytes of files, and the targets of symbolic links; `.sh` files are executable."""

PATHS = [
    "/etc/motd",
    "/etc/a",
    "/etc/a/b",
    "/var/lib/x",
    "/var/lib/x y",
    "/etc/systemd/system/a.service",
    "/a",
    "/srv/é",
]
BAD_PATHS = ["", "etc/a", "/etc/", "/etc//a", "/etc/../a", "/etc/./b", "/"]
DEVICES = [
    "/dev/sda",
    "/dev/vdb",
    "/dev/disk/by-id/coreos-boot-disk",
    "/dev/disk/by-partlabel/data",
    "/dev/mapper/data",
]
UNIT = "[Unit]\nDescription=A unit\n\n[Service]\nExecStart=/bin/true\n"
INSTALL = "\n[Install]\nWantedBy=multi-user.target\n"
SHA512 = "sha512-" + "0a" * 64

# Good and bad values by the name of the field; what is not here is any word.
GOOD: dict[str, list[Any]] = {
    "advertisement": ['{"payload": "x"}', ""],
    "compression": ["", "gzip"],
    "config": ["{}", '{"t": 1}'],
    "contents": [UNIT, UNIT + INSTALL, "[Unit]\nDescription=x", "", "# nothing\n"],
    "contents_local": ["unit.service", "motd", "empty"],
    "device": DEVICES,
    "devices": DEVICES,
    "format": ["ext4", "xfs", "btrfs", "vfat", "swap"],
    "guid": ["01234567-89AB-CDEF-EDCB-A98765432101", ""],
    "hash": [SHA512, "sha256-" + "0B" * 32],
    "http_proxy": ["http://proxy:3128", "https://proxy"],
    "https_proxy": ["https://proxy"],
    "inline": ["", "hello\n", "a b & c <d> é\n", "x" * 300, "ignition: no\n" * 20, "#!/bin/sh\necho hi\n"],
    "label": ["data", "root", "boot", "BIOS-BOOT", "EFI-SYSTEM", "PowerPC-PReP-boot", "l1"],
    "layout": ["x86_64", "aarch64", "ppc64le", "s390x-eckd", "s390x-zfcp", "s390x-virt"],
    "level": ["raid0", "raid1", "linear", "raid6", "10"],
    "local": ["motd", "empty", "binary", "long", "tree/a", "./motd", "/motd", "tree/../motd"],
    "mode": [0o644, 0o755, 0o600, 0, 644, 755, 0o4755, 0o1777, 1777, 493],
    "mount_options": ["ro", "noatime", "x=y"],
    "name": ["core", "data", "root", "md0", "a"],
    "pin": ["tpm2", "tang", "sss"],
    "path": PATHS,
    "source": ["https://example.com/x", "http://[::1]:80/y", "data:,hi", "data:;base64,aGk=", "tftp://h/x", "s3://b/o"],
    "ssh_authorized_keys": ["ssh-ed25519 AAAA", "ssh-rsa BBBB", "ssh-rsa CCCC"],
    "ssh_authorized_keys_local": ["keys", "motd"],
    "target": ["/etc/motd", "../x", "/var/lib/x", "/a"],
    "thumbprint": ["REPLACE", "x"],
    "type_guid": ["8DA63339-0007-60C0-C436-083AC8230908", "x" * 0],
    "url": ["http://tang.example", "https://tang.example:8080/x"],
    "value": ["token", "x y"],
    "should_exist": ["quiet", "a=b", "c"],
    "should_not_exist": ["quiet", "d"],
}
BAD: dict[str, list[Any]] = {
    "advertisement": ["{"],
    "compression": ["zstd"],
    "config": [""],
    "contents": ["[Unit", "[Unit]\nDescription", "[Unit] x\nA=b", "[Service]\nExecStart=" + "x" * 3000, "A=b\n", "[A]\n=\n"],
    "contents_local": ["missing", "../outside", "tree", ""],
    "device": [*BAD_PATHS, "/dev/dasda", "/dev/dasdab"],
    "devices": BAD_PATHS,
    "format": ["", "zfs", "none"],
    "guid": ["0123", "not a guid"],
    "hash": ["sha512-00", "md5-00", "nothing", "", "sha256-00"],
    "http_proxy": ["ftp://x", "proxy", "http://a b"],
    "https_proxy": ["http://proxy", "%%%"],
    "inline": ["{", "\ufeffx", "€" * 60],
    "label": ["a:b", "l" * 12, "l" * 17, "l" * 40, "é" * 9, ""],
    "layout": ["", "mips"],
    "level": ["", "raid7"],
    "local": ["missing", "../outside", "tree", "", "/", "a/../../b"],
    "mode": [-1, 0o10000, 99999, 8888],
    "name": ["", "a/b", "é"],
    "pin": ["", "custom"],
    "path": [*BAD_PATHS, "/usr/x", "/etc/systemd/system/a.service.d/x.conf"],
    "source": ["", "nothing", "ftp://x", "data:nothing", "data:,a b", "data:;base64,!", "gs://b/o", "arn:aws:s3:::b/o", "arn:x",
               "http://a b/", "http://h:port/", "s3://b/o?versionId=", "http://%zz", "://", "HTTP://x", "data:text/plain,x"],
    "target": ["", "/etc", "/etc/motd/"],
    "thumbprint": [""],
    "type_guid": ["x"],
    "url": ["", "ftp://x", "tang", ":"],
    "value": [""],
    "ssh_authorized_keys_local": ["missing", ".."],
}  # fmt: skip
# By struct, where the name alone does not say what is good.
GOOD_OF: dict[tuple[str, str], list[Any]] = {
    ("Unit", "name"): ["a.service", "b.timer", "t@.service", "t@x.service", "var-lib-x.mount", "c.socket"],
    ("Dropin", "name"): ["10-x.conf", "20-y.conf"],
    ("Tree", "local"): ["tree", "other", "tree/sub"],
    ("Tree", "path"): ["/etc", "/", "/var/lib", "/etc/a"],
    ("BootDeviceLuks", "device"): ["/dev/dasda", "/dev/sda"],
    ("Partition", "number"): [0, 1, 2, 3, 4],
    ("HTTPHeader", "name"): ["Authorization", "X-A"],
    ("Filesystem", "device"): [*DEVICES, "/dev/disk/by-id/dm-name-data"],
    ("Filesystem", "path"): ["/var/lib/x", "/var", "/etc/a-b", "/var/é"],
    ("Luks", "name"): ["data", "root"],
    ("PasswdUser", "groups"): ["wheel", "sudo"],
}
BAD_OF: dict[tuple[str, str], list[Any]] = {
    ("Unit", "name"): ["a", "a.container", ".service", "", "x/y.service"],
    ("Dropin", "name"): ["x", "x.service"],
    ("Tree", "local"): ["", "missing", "motd", "..", "link-to-tree", "/"],
    ("Tree", "path"): ["", "relative", "/etc/../x"],
    ("BootDeviceLuks", "device"): ["", "/dev/vda"],
    ("Partition", "number"): [-1],
}

words = st.sampled_from(
    ["x", "data", "core", "500", "yes", "0x10", "a b", "~", "null", "", "2001-01-01", "é", "1_000", "<<", "a: b"]
)
integers = st.sampled_from([0, 1, 2, 5, 8192, 9000, 500, 1000])

WRONG_TYPES = st.sampled_from([None, [], {}, "text", "yes", 7, 1.5, True, [None], [[]], {"x": 1}, "12", -1])

REQUIRED = {**KEYS, "Tree": "local", "GrubUser": "name"}
"""The field without which a struct makes little sense."""


def values(field: Field, struct: str, version: int, wrong: bool) -> st.SearchStrategy[Any]:
    """One value of a field that is no list."""
    if field.struct:
        return structs(field.type, version, wrong)
    if field.type == "bool":
        return st.booleans()
    name = field.butane
    good = GOOD_OF.get((struct, name), GOOD.get(name))
    if (struct, name) == ("Reference", "inline"):
        return st.sampled_from(
            [f'{{"ignition": {{"version": "3.{spec}.0"}}}}' for spec in (SPEC_OF_VERSION[version], 1)]
        )
    others = integers if field.type == "int" else words
    chosen: st.SearchStrategy[Any] = others if good is None else st.sampled_from(good)
    if wrong:
        bad = BAD_OF.get((struct, name), BAD.get(name))
        if bad:
            chosen = st.one_of(chosen, chosen, chosen, st.sampled_from(bad))
    return chosen


_cache: dict[tuple[str, int, bool], st.SearchStrategy[dict[str, Any]]] = {}


def structs(struct: str, version: int, wrong: bool) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping with some of the fields of a struct."""
    if (key := (struct, version, wrong)) not in _cache:
        _cache[key] = _struct(struct, version, wrong)
    return _cache[key]


@st.composite
def _struct(draw: st.DrawFn, struct: str, version: int, wrong: bool) -> dict[str, Any]:
    fields = butane_fields(struct, version)
    names = [name for name in fields if name not in ("version", "variant")]
    required = REQUIRED.get(struct)
    most = 3 if struct in ("Config", "Storage") else 6
    chosen = draw(st.lists(st.sampled_from(names), unique=True, max_size=most))
    if required and required in names and required not in chosen and not (wrong and draw(st.integers(0, 9)) == 0):
        chosen.append(required)
    if struct == "Raid":
        chosen += [name for name in ("devices", "level") if name not in chosen]
    if struct in ("Resource", "Reference") and not wrong:
        sources = [name for name in ("source", "inline", "local") if name in chosen]
        chosen = [name for name in chosen if name not in sources[1:]]
    result: dict[str, Any] = {}
    for name in chosen:
        field = fields[name]
        one = values(field, struct, version, wrong)
        result[name] = draw(st.lists(one, max_size=3)) if field.many else draw(one)
    if wrong:
        _spoil(draw, struct, result, names)
    return result


def _spoil(draw: st.DrawFn, struct: str, result: dict[str, Any], names: list[str]) -> None:
    """Now and then put a wrong type, an unknown key or a key of another version into a struct."""
    what = draw(st.integers(0, 60))
    if what == 0 and names:
        result[draw(st.sampled_from(names))] = draw(WRONG_TYPES)
    elif what == 1:
        result[draw(st.sampled_from(["bogus", "Path", "mode ", "1", "contents"]))] = draw(WRONG_TYPES)
    elif what == 2:
        late = [field.butane for field in STRUCTS[struct] if field.since > 0]
        if late:
            result[draw(st.sampled_from(late))] = draw(WRONG_TYPES)


versions = st.integers(0, NEWEST)


@st.composite
def documents(draw: st.DrawFn, wrong: bool) -> bytes:
    """A whole document as YAML."""
    version = draw(versions)
    body = draw(structs("Config", version, wrong))
    body = {"variant": "fcos", "version": f"1.{version}.0", **body}
    style = draw(st.sampled_from([None, False, True]))
    indent = draw(st.sampled_from([2, 4]))
    text = yaml.dump(
        body, Dumper=_Dumper, sort_keys=False, default_flow_style=style, indent=indent, allow_unicode=True, width=10**6
    )
    return str(text).encode()


class _Dumper(yaml.CSafeDumper):
    def ignore_aliases(self, _data: Any) -> bool:
        return True
