"""What a machine's console and journal tell of its boot: how far it is, and why Ignition failed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

_ESCAPE = re.compile(r"\x1b(?:\[[0-9;?!]*[ -/]*[@-~]|[@-Z\\-_])")
# What systemd says of its units: 'Started chat.service - What it is.' in the journal.
# The console has '[  OK  ] ' before it, an ellipsis in what is too long, and no more of it once somebody can log in there.
_STATUS = re.compile(
    r"^(?:\[\s*(?:OK|FAILED|DEPEND)\s*\] |\s+)?"
    r"(?P<verb>Starting|Started|Failed to start|Dependency failed for) (?P<what>.+)$"
)
# Ignition's log: 'ignition[613]: CRITICAL : failed to …' from some of its stages, and without the level from the others.
_IGNITION = re.compile(
    r"\bignition\[\d+\]: (?:(?P<level>[A-Z]+) *: )?(?P<text>(?P<final>Ignition failed|failed to )?.*)$"
)
_DEAD = re.compile(
    r"Ignition has failed|Failed to start .*ignition-[\w-]+\.service|(?:Reached target|Entering) .*[Ee]mergency"
)
_STAGES = re.compile(
    r"(?:Starting|Started|Finished) (?:\S*ignition-(?:fetch|disks|files)|Ignition \((?:fetch|disks|files))"
)


def clean(line: str) -> str:
    """A line of the console without the codes that colour it."""
    return _ESCAPE.sub("", line).replace("\r", "").rstrip()


class Boot:
    """How far a boot is, by the lines of its console and of its systemd's journal.

    `units` are the service units that are waited for, with what each is; `failed` says that Ignition gave up.
    """

    def __init__(self, units: Mapping[str, str]) -> None:
        self._names = {unit: (f"{unit}.service - {summary}.", f"{summary}.") for unit, summary in units.items()}
        self.started: set[str] = set()
        self.failed = False

    def read(self, line: str) -> str:
        """Take one line, and give what it means to somebody who waits; empty for most lines."""
        line = clean(line)
        if _DEAD.search(line):
            self.failed = True
        if _STAGES.search(line):
            return "Ignition makes the host"
        match = _STATUS.search(line)
        if not match:
            return ""
        unit = self._unit(match["what"])
        if not unit:
            return ""
        if match["verb"] == "Starting":
            return f"{unit} starts"
        if match["verb"] == "Started":
            self.started.add(unit)
            return f"{unit} is up"
        return f"{unit} failed"

    def _unit(self, what: str) -> str:
        """The unit that systemd means, if it is one of ours."""
        head, ellipsis, tail = what.rstrip(".").partition("…") if "…" in what else (what, "", "")
        for unit, names in self._names.items():
            for name in names:
                if name.rstrip(".") == what.rstrip(".") or (
                    ellipsis and len(head) > 8 and name.startswith(head) and name.rstrip(".").endswith(tail)
                ):
                    return unit
        return ""


def lines(path: Path, offset: int = 0) -> Iterator[tuple[int, str]]:
    """The whole lines of a log from a byte offset on, each with the offset of what follows it."""
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                return
            offset += len(line)
            yield offset, line.decode("utf-8", "replace")


def reason(log: Iterable[str]) -> tuple[int, int, int] | None:
    """The line of a console's log that tells why Ignition failed, with column and length of what it says; from 1.

    What Ignition calls critical, or gives up for, is the reason; where there is none, its last error is.
    """
    found: tuple[int, int, int] | None = None
    for number, line in enumerate(log, 1):
        match = _IGNITION.search(line)
        if not match:
            continue
        place = (number, match.start("text") + 1, len(match["text"]))
        if (match["level"] or "").startswith("CRIT") or (not match["level"] and match["final"]):
            return place
        if (match["level"] or "").startswith("ERR") or "[failed]" in match["text"]:
            found = place
    return found
