"""Following a machine from its start to its end: what it says on the way, when it is ready, and why it is not."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from podhost.problems import Mark, Report, Source
from podhost.vm import console, ports, qemu
from podhost.vm.machine import trouble
from podhost.vm.places import failure

TICK = 0.5  # seconds between two looks at the console's log
SETTLE = 30  # seconds in which Ignition's log reaches the console once it gave up
PROBE = 2  # seconds between two questions to the services


def wait_ready(
    process: subprocess.Popen[bytes],
    folder: Path,
    units: Mapping[str, str],
    addresses: Sequence[str],
    tell: Callable[[str], None],
) -> bool:
    """Wait until all `units` were started and all `addresses` answer; `tell` is given each step.

    Gives False where the machine ended before that.
    Raises `InvalidInput` where Ignition failed, with the line of the console's log that tells why.
    """
    boot, offset, told, next_probe = console.Boot(units), 0, "", 0.0
    log = folder / qemu.CONSOLE_LOG
    tell("booting")
    while True:
        ended = process.poll() is not None
        for after, line in console.lines(log, offset):
            offset = after
            step = boot.read(line)
            if step and step != told:
                tell(step)
                told = step
        if boot.failed:
            raise ignition_failed(process, log)
        if ended:
            if process.returncode != 0:
                raise failure(f"QEMU ended with status {process.returncode}: {trouble(folder)}")
            return False
        # A console that tells of no unit at all is one that somebody made quiet.
        if time.monotonic() >= next_probe and (not boot.started or set(units) <= boot.started):
            if (addresses or boot.started) and all(ports.answers(address) for address in addresses):
                return True
            next_probe = time.monotonic() + PROBE
        time.sleep(TICK)


def ignition_failed(process: subprocess.Popen[bytes], log: Path) -> Exception:
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
    from podhost.problems import InvalidInput

    return InvalidInput(report)


def _text(log: Path) -> str:
    text = log.read_text(encoding="utf-8", errors="replace")
    return "\n".join(console.clean(line) for line in text.split("\n"))
