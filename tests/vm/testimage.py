"""Makes the test image: a disk that behaves like Fedora CoreOS's where it matters, and its download with the stream's metadata.

`python -m tests.vm.testimage` makes it ahead of the tests.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.e2e import build
from tests.e2e.bed import open_bed
from tests.e2e.build import Artifact, artifact, digest, in_root, lay_over

HERE = Path(__file__).parent
CACHE = build.CACHE.parent / "vm"
IGNITION = build.CACHE.parent / "bin" / "ignition"
HOST = build.HERE / "host"
RELEASE = "42.20261101.3.0"
NAME = f"fedora-coreos-{RELEASE}-qemu.x86_64.qcow2"

# The disk, in sectors of 512 bytes: GRUB's core, /boot and the root.
_SECTOR = 512
_CORE, _BOOT, _ROOT, _END = 2048, 4096, 266240, 4 << 21
_TABLE = f"""\
label: gpt
start={_CORE}, size={_BOOT - _CORE}, type=21686148-6449-6E6F-744E-656564454649, name=BIOS-BOOT
start={_BOOT}, size={_ROOT - _BOOT}, name=boot
start={_ROOT}, name=root
"""


def test_image() -> Artifact:
    """The test image: `folder` has `served/`, with the packed disk and the streams' metadata; takes two minutes the first time.

    Needs root, and what the scripts `setup` of tests/conformance, tests/e2e and tests/vm install.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    with open_bed() as bed:
        store = bed.store
    with build.locked():
        base = build.base_root()
        packages = artifact(
            "packages", digest(base.key, (HERE / "image" / "packages.sh").read_text(), HOST), _packages(base), CACHE
        )
        key = digest(
            packages.key,
            store.key,
            HERE / "image",
            Path(__file__).read_text(),
            IGNITION.with_suffix(".version").read_text(),
        )
        image = artifact("image", key, _image(packages, store), CACHE)
        build.remove_others([packages, image], CACHE)
    return image


def _packages(base: Artifact) -> Callable[[Artifact], None]:
    def make(made: Artifact) -> None:
        _copy(base.root, made.root)
        script = (HERE / "image" / "packages.sh").read_text() + (HOST / "build.sh").read_text()
        in_root(made.root, script, "vm-packages")

    return make


def _image(packages: Artifact, store: Artifact) -> Callable[[Artifact], None]:
    def make(made: Artifact) -> None:
        root = made.root
        _copy(packages.root, root)
        for rootfs in (HOST / "rootfs", HERE / "image" / "rootfs"):
            lay_over(rootfs, root)
        for name in ("containers.conf.d/50-testbed.conf", "registries.conf.d/50-testbed.conf"):  # a container's needs
            (root / "etc/containers" / name).unlink()
        ignition = root / "usr/lib/dracut/modules.d/30ignition/ignition"
        shutil.copy(IGNITION, ignition)
        in_root(root, (HERE / "image" / "finish.sh").read_text(), "vm-finish")
        (root / "etc/resolv.conf").unlink()
        (root / "etc/resolv.conf").symlink_to("../run/systemd/resolve/stub-resolv.conf")
        (root / "var/lib/containers").mkdir(exist_ok=True)
        _copy(store.storage, root / "var/lib/containers/storage")
        contexts = root / "etc/selinux/default/contexts/files/file_contexts"
        # The regular expressions compiled for another machine's library are no use, and setfiles says so.
        for compiled in contexts.parent.glob("*.bin"):
            compiled.unlink()
        subprocess.run(["setfiles", "-F", "-r", root, contexts, root], check=True)
        (root / "boot").rename(made.folder / "boot")
        (root / "boot").mkdir()
        raw, disk = made.folder / "disk.raw", made.folder / NAME
        _disk(made.folder / "boot", root, raw)
        subprocess.run(["qemu-img", "convert", "-O", "qcow2", raw, disk], check=True)
        raw.unlink()
        _serve(disk, made.folder / "served")
        for folder in (root, made.folder / "boot"):
            shutil.rmtree(folder)
        disk.unlink()

    return make


def _copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", "--reflink=auto", source, target], check=True)


def _disk(boot: Path, root: Path, disk: Path) -> None:
    """Lay out a disk that a BIOS boots, without mounting anything."""
    with disk.open("wb") as file:
        file.truncate(_END * _SECTOR)
    subprocess.run(["sfdisk", "--quiet", disk], input=_TABLE.encode(), check=True)
    for label, tree, start, end in (("boot", boot, _BOOT, _ROOT), ("root", root, _ROOT, _END - 2048)):
        where = f"offset={start * _SECTOR},lazy_itable_init=1"
        size = f"{(end - start) * _SECTOR // 1024}k"
        subprocess.run(["mkfs.ext4", "-q", "-L", label, "-d", tree, "-E", where, disk, size], check=True)
    # What grub-bios-setup does: the first sector learns where the core begins, the core's first sector where the rest is.
    first, core = bytearray((boot / "boot.img").read_bytes()), bytearray((boot / "core.img").read_bytes())
    struct.pack_into("<Q", first, 0x5C, _CORE)
    struct.pack_into("<QHH", core, 0x1F4, _CORE + 1, -(-len(core) // _SECTOR) - 1, 0x820)
    with disk.open("r+b") as file:
        file.write(first[:440])
        file.seek(_CORE * _SECTOR)
        file.write(core)


def _serve(disk: Path, folder: Path) -> None:
    """Make what a stream serves: the packed disk, and the metadata that name it."""
    folder.mkdir()
    packed = folder / f"{disk.name}.xz"
    with packed.open("wb") as file:
        subprocess.run(["xz", "-0", "-T0", "-c", disk], stdout=file, check=True)
    metadata = stream_metadata("stable", packed.name, _sha256(packed), _sha256(disk))
    (folder / "stable.json").write_text(json.dumps(metadata, indent=4))


def stream_metadata(stream: str, name: str, sha256: str, plain_sha256: str) -> dict[str, object]:
    """A stream's metadata in the form that Fedora CoreOS publishes, with one file for QEMU."""
    disk = {"location": name, "signature": f"{name}.sig", "sha256": sha256, "uncompressed-sha256": plain_sha256}
    form = "qcow2." + name.rpartition(".")[2]
    qemu = {"release": RELEASE, "formats": {form: {"disk": disk}}}
    return {
        "stream": stream,
        "metadata": {"last-modified": "2026-11-03T02:13:45Z", "generator": "fedora-coreos-stream-generator v0.2.9"},
        "architectures": {"x86_64": {"artifacts": {"qemu": qemu}, "images": {}}},
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    print(test_image().folder)
