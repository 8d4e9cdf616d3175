"""Where images and machines are kept (the XDG Base Directory Specification), and how this room says what went wrong."""

from __future__ import annotations

import os
from pathlib import Path

from podhost.problems import InvalidInput, Report


def failure(message: str, hint: str = "") -> InvalidInput:
    """Make the exception that ends the work with one message."""
    report = Report()
    report.error(message, hint=hint)
    return InvalidInput(report)


def images() -> Path:
    """The folder of downloaded images; they can be had again, so it is in the cache."""
    return _base("XDG_CACHE_HOME", ".cache") / "podhost" / "images"


def machines() -> Path:
    """The folder with one folder for each machine: its disks, its key and its log."""
    return _base("XDG_STATE_HOME", ".local/state") / "podhost" / "vm"


def _base(variable: str, default: str) -> Path:
    value = os.environ.get(variable, "")
    # The specification: a path that is not absolute is to be ignored.
    return Path(value) if Path(value).is_absolute() else Path.home() / default
