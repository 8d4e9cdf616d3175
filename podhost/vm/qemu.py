"""The command lines of QEMU and virt-install for a machine, as Fedora CoreOS expects it.

https://docs.fedoraproject.org/en-US/fedora-coreos/provisioning-qemu/ and provisioning-libvirt/.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from podhost.vm.places import failure

DATA_SERIAL = "podhost-data"
DATA_DEVICE = f"/dev/disk/by-id/virtio-{DATA_SERIAL}"
"""What the data disk is called inside the machine."""

QMP, CONSOLE, CONSOLE_LOG = "qmp.sock", "console.sock", "console.log"
SYSTEM, DATA, CONFIG = "system.qcow2", "data.qcow2", "config.ign"

# UEFI for aarch64, where the distributions have it: Debian, Fedora, openSUSE, Arch, and QEMU's own.
FIRMWARE = (
    "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd",
    "/usr/share/edk2/aarch64/QEMU_EFI.fd",
    "/usr/share/qemu/aavmf-aarch64-code.bin",
    "/usr/share/edk2/aarch64/QEMU_CODE.fd",
    "/usr/share/qemu/edk2-aarch64-code.fd",
    "/usr/local/share/qemu/edk2-aarch64-code.fd",
)

# Without KVM a byte of `rep stosb` costs as much as eight of `rep stosq`: so that kernel and libc take the latter,
# the processor says that the former is not fast. Loading the SELinux policy then takes 10 s instead of 37.
_EMULATED = {"x86_64": "max,-erms,-fsrm", "aarch64": "max"}


class Forward(NamedTuple):
    """A port of 127.0.0.1 that leads to a port of the machine."""

    host: int
    guest: int
    protocol: str = "tcp"


class Machine(NamedTuple):
    """What QEMU is to be started with: `folder` has the disks and the config, `memory` is in MiB."""

    name: str
    folder: Path
    image: Path
    architecture: str
    accelerator: str
    memory: int
    cpus: int
    forwards: tuple[Forward, ...]


def command(machine: Machine) -> list[str]:
    """The command that boots a machine; sockets and the console's log are relative to its folder."""
    kvm = machine.accelerator == "kvm"
    folder = machine.folder
    forwards = "".join(f",hostfwd={each.protocol}:127.0.0.1:{each.host}-:{each.guest}" for each in machine.forwards)
    board = ["-machine", "q35"] if machine.architecture == "x86_64" else ["-machine", "virt", "-bios", _firmware()]
    return [
        f"qemu-system-{machine.architecture}",
        *("-name", _value(machine.name)),
        *board,
        *("-accel", "kvm" if kvm else "tcg,thread=multi"),
        *("-cpu", "host" if kvm else _EMULATED[machine.architecture]),
        *("-smp", str(machine.cpus), "-m", str(machine.memory)),
        *("-nodefaults", "-display", "none"),
        *("-chardev", f"socket,id=console,path={CONSOLE},server=on,wait=off,logfile={CONSOLE_LOG}"),
        *("-serial", "chardev:console"),
        *("-qmp", f"unix:{QMP},server=on,wait=off"),
        *("-drive", f"if=none,id=system,format=qcow2,discard=unmap,file={_value(folder / SYSTEM)}"),
        *("-device", "virtio-blk-pci,drive=system,bootindex=1"),
        *("-drive", f"if=none,id=data,format=qcow2,discard=unmap,file={_value(folder / DATA)}"),
        *("-device", f"virtio-blk-pci,drive=data,serial={DATA_SERIAL}"),
        *("-netdev", f"user,id=net{forwards}"),
        *("-device", "virtio-net-pci,netdev=net,romfile="),
        *("-device", "virtio-rng-pci"),
        *("-fw_cfg", f"name=opt/com.coreos/config,file={_value(folder / CONFIG)}"),
    ]


def virt_install(machine: Machine) -> list[str]:
    """The command that makes the same machine in libvirt, with a disk and an address of its own."""
    config = f"name=opt/com.coreos/config,file={_value(machine.folder / CONFIG)}"
    return [
        "virt-install",
        *("--name", machine.name, "--import"),
        *("--osinfo", "fedora-coreos-stable,require=off"),
        *("--arch", machine.architecture),
        *("--memory", str(machine.memory), "--vcpus", str(machine.cpus)),
        *("--disk", f"size=20,backing_store={machine.image}"),
        *("--disk", f"size=20,serial={DATA_SERIAL}"),
        *("--network", "network=default", "--graphics", "none", "--noautoconsole"),
        f"--qemu-commandline=-fw_cfg {config}",
    ]


def create_disk(path: Path, size: str, backing: Path | None = None) -> None:
    """Make a disk that takes room only as it is filled; on top of `backing` it holds what differs from that."""
    program = which("qemu-img")
    below = ["-b", str(backing), "-F", _format(backing)] if backing else []
    # Made under another name, for a disk that is there is taken for a whole one.
    new = path.with_name(f".{path.name}.new")
    try:
        done = subprocess.run(
            [program, "create", "-q", "-f", "qcow2", *below, str(new), size],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise failure(f"the disk '{path}' cannot be made: {done.stderr.strip()}")
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def which(program: str) -> str:
    """Find a program of QEMU's."""
    found = shutil.which(program)
    if found is None:
        package = "qemu-utils" if program == "qemu-img" else "qemu-system"
        raise failure(
            f"the program '{program}' is not installed",
            f"on Debian and Ubuntu: apt install {package}; on Fedora: dnf install {'qemu-img' if program == 'qemu-img' else 'qemu-kvm'}",
        )
    return found


def kvm_trouble(architecture: str) -> str:
    """Say why KVM does not work for machines of this architecture; empty if it does.

    That the device can be opened is not enough: nested virtualisation may be half there, and QEMU then ends at once.
    """
    import platform

    if platform.machine() != architecture:
        return f"this computer is {platform.machine()}"
    try:
        with Path("/dev/kvm").open("r+b", buffering=0):
            pass
    except OSError as error:
        return f"/dev/kvm: {error.strerror}"
    board = "q35" if architecture == "x86_64" else "virt"
    words = [which(f"qemu-system-{architecture}"), *("-machine", board, "-accel", "kvm", "-cpu", "host", "-nodefaults")]
    words += ["-display", "none", "-S", "-qmp", "stdio"]
    orders = "".join(json.dumps({"execute": name}) for name in ("qmp_capabilities", "quit"))
    try:
        done = subprocess.run(words, input=orders, capture_output=True, text=True, check=False, timeout=30)
    except subprocess.TimeoutExpired:
        return "QEMU hangs with it"
    lines = done.stderr.strip().splitlines()
    return "" if done.returncode == 0 else (lines[0] if lines else f"QEMU ends with status {done.returncode}")


def _format(image: Path) -> str:
    """The format of an image: QEMU refuses to guess that of a backing file, and rightly."""
    with image.open("rb") as file:
        return "qcow2" if file.read(4) == b"QFI\xfb" else "raw"


def _value(value: object) -> str:
    """A value inside an option of QEMU's, where a comma ends it unless there are two."""
    return str(value).replace(",", ",,")


def _firmware() -> str:
    for path in FIRMWARE:
        if Path(path).exists():
            return path
    raise failure(
        "there is no UEFI firmware for aarch64",
        "on Debian and Ubuntu: apt install qemu-efi-aarch64; on Fedora: dnf install edk2-aarch64",
    )
