"""The machines that hosts are for: what each stream of the system reads, and how much user-data each provider takes."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from podhost.check.subject import Target
from podhost.quadlet.keys import DEFAULT_PODMAN, Release


@cache
def _known() -> dict[str, dict[str, Any]]:
    return dict(json.loads(Path(__file__).with_name("targets.json").read_text("utf-8")))


def streams() -> list[str]:
    """The names of all streams."""
    return list(_known()["streams"])


def providers() -> list[str]:
    """The names of all providers."""
    return list(_known()["providers"])


def target(
    stream: str, provider: str | None = None, podman: Release = DEFAULT_PODMAN, spec: str | None = None
) -> Target:
    """Give the target of these names; `spec` is for a machine that reads another Ignition spec than its stream does."""
    limit = _known()["providers"][provider]["limit"] if provider else 0
    newest = spec or _known()["streams"][stream]["spec"]
    return Target(podman, newest, "" if spec else stream, provider or "", limit)
