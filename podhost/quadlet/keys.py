"""Which Quadlet keys a podman release knows.

`keys.json` gives, for each section and key, the first release that has it, as podman's `pkg/systemd/quadlet/quadlet.go` has it at each x.y.0 tag.
The generator drops a whole unit for one key it does not know, so a key too new is an error and not a detail.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

from podhost.problems import Report, did_you_mean
from podhost.quadlet.unitfile import UnitFile

Release = tuple[int, int]

DEFAULT_PODMAN: Release = (5, 4)
SYSTEMD_SECTIONS = frozenset({"Unit", "Service", "Install"})


@cache
def first_releases() -> dict[str, dict[str, Release]]:
    """The first release of each key, by section and key."""
    data = json.loads(Path(__file__).with_name("keys.json").read_text("utf-8"))
    return {section: {key: release(first) for key, first in keys.items()} for section, keys in data.items()}


def release(text: str) -> Release:
    """Read `5.4` or `5.4.2`; raise `ValueError` for anything else."""
    match = re.fullmatch(r"v?([0-9]{1,3})\.([0-9]{1,3})(\.[0-9]{1,3})?", text)
    if not match:
        raise ValueError(f"'{text}' is not a podman version", "write it as in 5.4")
    return int(match[1]), int(match[2])


def check_keys(unit: UnitFile, podman: Release, report: Report) -> None:
    """Report the keys of a Quadlet file that the target podman does not know."""
    known = first_releases()
    for entry in unit.entries:
        if entry.section in SYSTEMD_SECTIONS:
            continue
        keys = known.get(entry.section)
        if keys is None:
            hint = did_you_mean(entry.section, known)
            report.error(f"Quadlet has no section [{entry.section}]", entry.mark, hint, "quadlet/unknown-key")
        elif entry.key not in keys:
            hint = did_you_mean(entry.key, keys)
            report.error(
                f"Quadlet has no key '{entry.key}' in [{entry.section}]", entry.mark, hint, "quadlet/unknown-key"
            )
        elif keys[entry.key] > podman:
            first, target = (".".join(map(str, each)) for each in (keys[entry.key], podman))
            report.error(
                f"the key '{entry.key}' of [{entry.section}] came with podman {first}, and the host's podman is {target}",
                entry.mark,
                f"leave it out, or render with --podman {first} for a host that has it",
                "quadlet/key-too-new",
            )
