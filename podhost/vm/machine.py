"""Machines that last: a folder for each with its disks, its key and its config; starting and stopping them."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from podhost.vm import qemu, qmp
from podhost.vm.places import failure, machines

KEY, KNOWN_HOSTS, STATE, LOCK = "id_ed25519", "known_hosts", "machine.json", "lock"
SYSTEM_SIZE, DATA_SIZE = "20G", "20G"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_PR_SET_PDEATHSIG = 1
STOPPED = (0, -signal.SIGKILL)
"""How a QEMU ends that was asked to: in good order, or with its plug pulled."""


class State(NamedTuple):
    """What is known of a machine without asking it: its folder, and what the last `vm run` noted."""

    folder: Path
    noted: dict[str, Any]

    @property
    def name(self) -> str:
        """The machine's name."""
        return self.folder.name

    @property
    def running(self) -> bool:
        """Whether a QEMU runs for it now."""
        return qmp.running(self.folder / qemu.QMP)

    @property
    def ssh_port(self) -> int:
        """The port of 127.0.0.1 that leads to the machine's ssh."""
        return next((host for host, guest, _ in self.noted.get("forwards", ()) if guest == 22), 0)


def check_name(name: str) -> None:
    """End the work where this cannot be the name of a machine, which is also a folder's."""
    if not _NAME.fullmatch(name):
        raise failure(
            f"'{name}' cannot be the name of a machine",
            "small letters, digits and '-' may be in it; give one with --name",
        )


def known() -> list[State]:
    """All machines, by name."""
    folder = machines()
    return [_state(each) for each in sorted(folder.iterdir()) if each.is_dir()] if folder.is_dir() else []


def find(name: str) -> State:
    """The machine of this name; ends the work where there is none."""
    for state in known():
        if state.name == name:
            return state
    names = ", ".join(state.name for state in known())
    raise failure(f"there is no machine '{name}'", f"known: {names}" if names else "podhost vm run TARGET makes one")


def _state(folder: Path) -> State:
    try:
        noted = json.loads((folder / STATE).read_text())
    except (OSError, ValueError):  # it was never started, or another version noted it
        noted = {}
    return State(folder, noted if isinstance(noted, dict) else {})


@contextlib.contextmanager
def claimed(name: str) -> Iterator[Path]:
    """Hold a machine's folder, which is made if it is not there, for one `vm run` or `vm rm`."""
    folder = machines() / name
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (folder / LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise failure(f"the machine '{name}' is running", f"podhost vm stop {name} stops it") from None
            if qmp.running(folder / qemu.QMP):  # whoever started it is gone
                raise failure(f"the machine '{name}' is running", f"podhost vm stop {name} stops it")
            yield folder
    except OSError as error:
        raise failure(f"'{error.filename or folder}': {error.strerror}") from None


def public_key(folder: Path) -> str:
    """The machine's public key; the pair is made where there is none."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    path = folder / KEY
    if path.exists():
        loaded = form.load_ssh_private_key(path.read_bytes(), None)
        public = loaded.public_key()
    else:
        private = Ed25519PrivateKey.generate()
        text = private.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption())
        _write(path, text)
        public = private.public_key()
    return public.public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode() + " podhost-vm"


def prepare(folder: Path, image: Path, config: bytes, reset: bool) -> bool:
    """Make what is missing of a machine's disks and config; the data disk is never made anew.

    With `reset` the system disk is.
    Gives whether the config is another than the one that the system on its disk was made with.
    """
    system, data, path = folder / qemu.SYSTEM, folder / qemu.DATA, folder / qemu.CONFIG
    if reset:
        system.unlink(missing_ok=True)
    if not data.exists():
        qemu.create_disk(data, DATA_SIZE)
    if system.exists() and path.exists():
        return path.read_bytes() != config
    _write(path, config)
    (folder / KNOWN_HOSTS).unlink(missing_ok=True)
    qemu.create_disk(system, SYSTEM_SIZE, image)
    return False


def start(machine: qemu.Machine, noted: dict[str, Any]) -> subprocess.Popen[bytes]:
    """Boot a machine; it ends when this process does, and hears no ctrl-C of the terminal."""
    words = qemu.command(machine)
    program = qemu.which(words[0])
    folder = machine.folder
    _write(folder / STATE, json.dumps({**noted, "forwards": machine.forwards}, indent=2).encode())
    for name in (qemu.QMP, qemu.CONSOLE, qemu.CONSOLE_LOG):
        (folder / name).unlink(missing_ok=True)
    (folder / qemu.CONSOLE_LOG).touch(0o600)
    libc = ctypes.CDLL(None)

    def follow() -> None:  # runs in the child: as little as may be
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    with (folder / "qemu.log").open("wb") as log:
        return subprocess.Popen(
            [program, *words[1:]],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=follow,
        )


def trouble(folder: Path) -> str:
    """What QEMU said before it ended."""
    try:
        text = (folder / "qemu.log").read_text(errors="replace").strip()
    except OSError:
        return ""
    return text.splitlines()[-1] if text else ""


def power_down(folder: Path) -> None:
    """Press the machine's power button: its systemd then stops everything in good order."""
    with contextlib.suppress(OSError):  # it has ended by itself
        qmp.execute(folder / qemu.QMP, "system_powerdown")


def pull_plug(folder: Path) -> None:
    """End a machine at once, as a power cut does."""
    with contextlib.suppress(OSError):
        qmp.execute(folder / qemu.QMP, "quit")


def wait_stopped(folder: Path, timeout: float) -> bool:
    """Wait until no QEMU runs for a machine; gives whether that came within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while qmp.running(folder / qemu.QMP):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def ssh_command(state: State, words: tuple[str, ...], patience: int = 60) -> list[str]:
    """The ssh command that logs in to a machine as core, or has it run some words; `patience` is in seconds."""
    folder = state.folder
    return [
        "ssh",
        *("-i", str(folder / KEY), "-o", "IdentitiesOnly=yes"),
        *("-o", f'UserKnownHostsFile="{folder / KNOWN_HOSTS}"', "-o", "StrictHostKeyChecking=accept-new"),
        *("-o", f"ConnectTimeout={patience}", "-o", "BatchMode=yes"),
        *("-o", "LogLevel=ERROR", "-p", str(state.ssh_port), "core@127.0.0.1"),
        *words,
    ]


def remove(folder: Path) -> None:
    """Remove a machine with all that it has, its data too."""
    shutil.rmtree(folder)


def _write(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
    new.replace(path)
