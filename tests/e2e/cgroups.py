"""Control groups (cgroups(7)) for the hosts, so that nothing of them stays in the machine's."""

from __future__ import annotations

import os
import time
from pathlib import Path


def own() -> Path:
    """This process's own group in the unified hierarchy, wherever that is mounted."""
    group = next(line[3:] for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place, _, kind = line.partition(" - ")
        if kind.startswith("cgroup2 "):
            return Path(place.split()[4]) / group.lstrip("/")
    raise RuntimeError("no unified hierarchy of control groups is mounted")


def remove(group: Path) -> None:
    """Remove a group and those below it; killed processes may leave them a moment after they are gone."""
    deadline = time.monotonic() + 10
    while group.exists():
        try:
            for folder, _, _ in os.walk(group, topdown=False):
                Path(folder).rmdir()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
