"""A network of the tests' own: the calling thread, and all that it starts, moves into new network and mount namespaces.

Nothing in the machine's own namespaces changes, and what is left over vanishes with the last process inside.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from .names import NameServer

BRIDGE = "hosts"
GATEWAY = "10.99.0.1"
GATEWAY6 = "fd99::1"
_FIRST_HOST = 10
_LOCALHOST = "127.0.0.1 localhost\n::1 localhost\n"

# linux/sched.h; Python has os.unshare and os.setns from 3.12.
_CLONE_FS = 0x00000200
_CLONE_NEWNS = 0x00020000
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


@contextlib.contextmanager
def private_namespaces() -> Iterator[None]:
    """Put the calling thread into new network and mount namespaces, and back again at the end.

    Raises `PermissionError` without root's rights.
    """
    before = [os.open(f"/proc/thread-self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in ("net", "mnt")]
    folder = Path.cwd()
    try:
        _check(_libc.unshare(_CLONE_NEWNET | _CLONE_NEWNS), "unshare")
        try:
            subprocess.run(["mount", "--make-rprivate", "/"], check=True)
            yield
        finally:
            # Threads started inside share the file system context, which setns(2) refuses.
            _check(_libc.unshare(_CLONE_FS), "unshare")
            for descriptor, kind in zip(before, (_CLONE_NEWNET, _CLONE_NEWNS), strict=True):
                _check(_libc.setns(descriptor, kind), "setns")
            os.chdir(folder)
    finally:
        for descriptor in before:
            os.close(descriptor)


class Network:
    """The bridge between the hosts, the registry and the clients, and the names that all of them resolve.

    To be made inside `private_namespaces`.
    `scratch` is a folder for the file that stands in for /etc/hosts there.
    """

    def __init__(self, scratch: Path) -> None:
        self._given = 0
        self._hosts = scratch / "etc-hosts"
        self._hosts.write_text(_LOCALHOST)
        for command in (
            "ip link set lo up",
            f"ip link add {BRIDGE} type bridge",
            f"ip address add {GATEWAY}/24 dev {BRIDGE}",
            f"ip address add {GATEWAY6}/64 dev {BRIDGE} nodad",
            f"ip link set {BRIDGE} up",
            f"mount --bind {self._hosts} /etc/hosts",
        ):
            subprocess.run(command.split(), check=True)
        self._names = NameServer(GATEWAY)

    def close(self) -> None:
        """Stop what runs for the network; the rest is gone with the namespaces."""
        self._names.close()

    def new_addresses(self) -> tuple[str, str]:
        """An IPv4 and an IPv6 address that no host had before."""
        self._given += 1
        number = _FIRST_HOST + self._given
        return f"10.99.0.{number}", f"fd99::{number}"

    def name(self, name: str, *addresses: str) -> None:
        """Let hosts and clients resolve `name` to `addresses`, and to nothing it had before."""
        self._names.names[name.lower()] = list(addresses)
        lines = [f"{address} {known}\n" for known, all_ in self._names.names.items() for address in all_]
        self._hosts.write_text(_LOCALHOST + "".join(lines))


def unplug(machine: str) -> None:
    """Remove the link of a machine that is gone: the kernel does so too, but some time later, and a new machine of that name comes sooner."""
    link = f"vb-{machine}"[:15]
    deadline = time.monotonic() + 10
    while subprocess.run(["ip", "link", "show", link], capture_output=True, check=False).returncode == 0:
        subprocess.run(["ip", "link", "delete", link], capture_output=True, check=False)
        if time.monotonic() > deadline:
            raise TimeoutError(f"the link {link} does not go away")
