"""Asking a running QEMU for something, over its QMP socket: https://www.qemu.org/docs/master/interop/qmp-spec.html."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any


def connect(path: Path, timeout: float | None = None) -> socket.socket:
    """Connect to a socket by its path, however long that is; raises `OSError` where nobody listens."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout)
        try:
            # The address of a socket has room for 107 bytes; through the open folder it is short.
            connection.connect(f"/proc/self/fd/{folder}/{path.name}")
        except OSError:
            connection.close()
            raise
        return connection
    finally:
        os.close(folder)


def running(path: Path) -> bool:
    """Whether a QEMU listens at a socket; one that ended leaves the socket behind, and nobody there."""
    try:
        connect(path, 5).close()
    except OSError:
        return False
    return True


def execute(path: Path, command: str, timeout: float = 10) -> Any:
    """Have QEMU execute one command, and give what it returns; raises `OSError` where it does not answer or refuses."""
    with connect(path, timeout) as connection, connection.makefile("rw", encoding="utf-8") as stream:
        for name in ("qmp_capabilities", command):
            stream.write(json.dumps({"execute": name}) + "\n")
            stream.flush()
            while True:
                line = stream.readline()
                if not line:
                    raise ConnectionError("QEMU has ended")
                answer = json.loads(line)
                if "error" in answer:
                    raise OSError(f"QEMU refuses {name}: {answer['error'].get('desc')}")
                if "return" in answer:  # events and the greeting come between
                    break
        return answer["return"]
