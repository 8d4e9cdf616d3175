"""Following a machine from its start to its end: what it says on the way, when it is ready, and why it is not."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from podhost.problems import InvalidInput, Mark, Report, Source
from podhost.vm import console, ports, qemu
from podhost.vm.machine import STOPPED, State, ssh_command, trouble
from podhost.vm.places import failure

JOURNAL = "journal.log"
TICK = 0.5  # seconds between two looks at the console's log
SETTLE = 60  # seconds in which Ignition's log reaches the console once it gave up
PROBE = 2  # seconds between two questions to the services


def wait_ready(
    process: subprocess.Popen[bytes],
    state: State,
    units: Mapping[str, str],
    addresses: Sequence[str],
    tell: Callable[[str], None],
) -> bool:
    """Wait until all `units` were started and all `addresses` answer; `tell` is given each step.

    Gives False where the machine ended before that.
    Raises `InvalidInput` where Ignition failed, with the line of the console's log that tells why.
    """
    boot, told, next_probe = console.Boot(units), "", 0.0
    logs = {state.folder / qemu.CONSOLE_LOG: 0, state.folder / JOURNAL: 0}
    tell("booting")
    with _Journal(state) as journal:
        while True:
            ended = process.poll() is not None
            for log in logs:
                for after, line in console.lines(log, logs[log]):
                    logs[log] = after
                    step = boot.read(line)
                    if step and step != told:
                        tell(step)
                        told = step
            if boot.failed:
                raise ignition_failed(process, state.folder / qemu.CONSOLE_LOG)
            if ended:
                if process.returncode not in STOPPED:
                    raise failure(f"QEMU ended with status {process.returncode}: {trouble(state.folder)}")
                return False
            if time.monotonic() >= next_probe:
                journal.follow()
                # Without ssh nobody tells of the units, and the services speak for themselves.
                if (not journal.possible or set(units) <= boot.started) and all(map(ports.answers, addresses)):
                    return True
                next_probe = time.monotonic() + PROBE
            time.sleep(TICK)


class _Journal:
    """What the machine's systemd says, copied to a file in the machine's folder by ssh, as soon as that can log in."""

    def __init__(self, state: State) -> None:
        self.possible = shutil.which("ssh") is not None
        self._state = state
        self._path = state.folder / JOURNAL
        self._path.write_bytes(b"")
        self._ssh: subprocess.Popen[bytes] | None = None

    def follow(self) -> None:
        """Try to log in, unless that goes on or has come about."""
        if not self.possible or (self._ssh and self._ssh.poll() is None):
            return
        words = "journalctl --boot --follow --lines=all --output=cat _PID=1"
        with self._path.open("ab") as file:
            self._ssh = subprocess.Popen(
                ssh_command(self._state, (words,), patience=10),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def __enter__(self) -> _Journal:
        return self

    def __exit__(self, *_: object) -> None:
        if self._ssh:
            self._ssh.kill()
            self._ssh.wait()


def ignition_failed(process: subprocess.Popen[bytes], log: Path) -> InvalidInput:
    """Make the exception that says why Ignition failed, once its log has come through the console."""
    deadline = time.monotonic() + SETTLE
    place = None
    while process.poll() is None and time.monotonic() < deadline:
        lines = _text(log).split("\n")
        place = console.reason(lines)
        if place and any("Ignition has failed" in line for line in lines):
            break
        time.sleep(TICK)
    source = Source(str(log), _text(log))
    report = Report()
    mark = Mark(source, *place) if place else None
    said = source.lines[mark.line - 1][mark.column - 1 :] if mark else "it did not say why on the console"
    report.error(
        f"Ignition failed, and the machine did not start: {said}",
        mark,
        "mend the description, and run it again with --reset",
    )
    return InvalidInput(report)


def _text(log: Path) -> str:
    # Line by line as editors count: to Python's text files a lone carriage return, which consoles are full of, ends one too.
    text = log.read_bytes().decode("utf-8", "replace")
    return "\n".join(console.clean(line) for line in text.split("\n"))
