"""Paths as Ignition wants them: absolute, and in their shortest form."""

from __future__ import annotations

import posixpath
import re

from podhost.ignition.findings import Findings, Path

_CLEAN = re.compile(r"(?:/[A-Za-z0-9_@:+-][A-Za-z0-9_.@:+-]*)+")  # surely an absolute path in its shortest form


def check_path(text: str, path: Path, findings: Findings) -> None:
    """Refuse what is no absolute path in its shortest form."""
    if _CLEAN.fullmatch(text):
        return
    if not text:
        findings.error(path, "a path is needed here", "write an absolute path, such as /etc/motd")
    elif not text.startswith("/"):
        findings.error(path, f"'{text}' is not an absolute path", "begin it with '/'")
    elif clean(text) != text:
        findings.error(path, f"'{text}' is not in its shortest form", f"write '{clean(text)}'")


def clean(path: str) -> str:
    """Take '//', '.' and '..' out of a path."""
    if path.startswith("//"):
        path = "/" + path.lstrip("/")
    return posixpath.normpath(path)


def check_device(text: str, path: Path, findings: Findings) -> None:
    """Refuse what is no path of a device."""
    if text:
        check_path(text, path, findings)
    else:
        findings.error(path, "a device is needed here", "write its path, such as /dev/disk/by-id/…")
