"""Receiving what a service says of its state by sd_notify(3)."""

from __future__ import annotations

import re
import socket
import threading


class Notifications:
    """A socket for `NOTIFY_SOCKET`, at `address`, which is abstract: it belongs to the network namespace and needs no file.

    A thread reads what comes, whether anybody waits for it or not.
    For the sender is the host's systemd in the end, and would stand still as soon as the socket's queue is full.
    """

    def __init__(self, name: str) -> None:
        self.address = f"@{name}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{name}")
        self._said = ""
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def find(self, pattern: str, timeout: float) -> bool:
        """Whether a line that matches `pattern` has come, or comes within `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(
                lambda: re.search(f"^{pattern}$", self._said, re.MULTILINE) is not None, timeout
            )

    def close(self) -> None:
        """Stop listening."""
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _read(self) -> None:
        while message := self._socket.recv(65536):  # an empty one is from `close`
            with self._changed:
                self._said += message.decode() + "\n"
                self._changed.notify_all()
