"""A terminal on the console of a machine."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import termios
import tty
from collections.abc import Iterator
from pathlib import Path

from podhost.vm.qmp import connect

LEAVE = b"\x1d"  # ctrl-]


def attach(socket: Path) -> None:
    """Copy between the terminal and a console's socket until either ends, or somebody types ctrl-]."""
    keyboard, screen = sys.stdin.fileno(), sys.stdout.fileno()
    with connect(socket) as console, _raw(keyboard):
        while True:
            ready, _, _ = select.select([keyboard, console], [], [])
            if console in ready:
                data = console.recv(4096)
                if not data:
                    return
                os.write(screen, data)
            if keyboard in ready:
                typed = os.read(keyboard, 4096)
                before, leave, _ = typed.partition(LEAVE)
                console.sendall(before)
                if leave or not typed:
                    return


@contextlib.contextmanager
def _raw(keyboard: int) -> Iterator[None]:
    """Have every key reach the machine, ctrl-C too; what is no terminal stays as it is."""
    if not os.isatty(keyboard):
        yield
        return
    before = termios.tcgetattr(keyboard)
    tty.setraw(keyboard)
    try:
        yield
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
