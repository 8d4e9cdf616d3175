"""The real Butane and Ignition, and what they say about a config.

`tests/conformance/setup` installs them into `tests/.cache/bin`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import subprocess
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from podhost.ignition import dataurl

CACHE = Path(__file__).parent.parent / ".cache" / "bin"

BUTANE = CACHE / "butane"
IGNITION_VALIDATE = CACHE / "ignition-validate"
IGNITION_APPLY = CACHE / "ignition-apply"  # 2.26: specs up to 3.6.0
DEBIAN_IGNITION_APPLY = CACHE / "debian" / "ignition-apply"  # 2.14: specs up to 3.3.0

Place = tuple[str, int, int]
"""Severity, line and column of a warning or an error."""


def missing(*tools: Path) -> str:
    """Say which of the tools are not installed; empty if all are."""
    absent = [tool.name for tool in tools if not os.access(tool, os.X_OK)]
    return f"not installed: {', '.join(absent)}; run tests/conformance/setup" if absent else ""


@dataclass
class Verdict:
    """What a translator makes of a document.

    `config` is None for what is refused.
    `places` are those of warnings and errors; `lines` those of errors that have a line alone.
    """

    config: Any
    places: set[Place] = field(default_factory=set)
    lines: set[int] = field(default_factory=set)
    text: str = ""


_ENTRY = re.compile(r"^(warning|error) at \$.*?, line (\d+) col (\d+): ", re.MULTILINE)
_ENTRY_WITHOUT_FIELD = re.compile(r"^(warning|error) at line (\d+) col (\d+): ", re.MULTILINE)
_LINE = re.compile(r"\bline (\d+): ")


def butane(document: bytes, files_dir: Path | None = None) -> Verdict:
    """Translate a document with the real Butane."""
    command = [BUTANE, "--raw", "--raw-errors", *(["--files-dir", files_dir] if files_dir else [])]
    done = subprocess.run(command, input=document, capture_output=True, check=False)
    said = done.stderr.decode("utf-8", "replace")
    entries, _, last = said.partition("Error translating config: ")
    if done.returncode not in (0, 1):
        raise AssertionError(f"butane ended with {done.returncode}: {said}")
    found = [*_ENTRY.findall(entries), *_ENTRY_WITHOUT_FIELD.findall(entries)]
    return Verdict(
        json.loads(done.stdout) if done.returncode == 0 else None,
        {(severity, int(line), int(column)) for severity, line, column in found},
        {int(line) for line in _LINE.findall(last)},
        said,
    )


def ignition_validate(config: str) -> str:
    """Give what the real ignition-validate has against a config; empty if nothing."""
    done = subprocess.run([IGNITION_VALIDATE, "-"], input=config.encode(), capture_output=True, check=False)
    said = (done.stdout + done.stderr).decode()
    return said or f"it ended with {done.returncode}" if done.returncode else ""


def normal(value: Any) -> Any:
    """Bring a config into a form that compares: contents decoded, and marked by how they were encoded."""
    if isinstance(value, list):
        return [normal(item) for item in value]
    if not isinstance(value, dict):
        return value
    value = {key: normal(item) for key, item in value.items()}
    if str(value.get("source", "")).startswith("data:;base64,") and value.get("compression") == "gzip":
        with contextlib.suppress(zlib.error):  # a document may give compressed contents that are none
            value["source"] = dataurl.contents(value["source"], "gzip")
    return value


def apply(tool: Path, config: str, root: Path) -> str:
    """Put a config into a root with the real Ignition; give what it says where it fails, empty if it does not."""
    done = subprocess.run(
        [tool, "--offline", "--ignore-unsupported", "--root", root, "-"],
        input=config.encode(),
        capture_output=True,
        check=False,
    )
    said = (done.stdout + done.stderr).decode()
    return said or f"it ended with {done.returncode}" if done.returncode else ""


def tree(root: Path) -> dict[str, tuple[Any, ...]]:
    """Give every node below a root by its path: type, mode, owner, group, and the content or target."""
    nodes = {}
    for path in sorted(root.rglob("*")):
        state = path.lstat()
        if path.is_symlink():
            content: Any = str(path.readlink())
        else:
            content = path.read_bytes() if path.is_file() else None
        if path.suffix == ".preset":  # Ignition writes it in any order
            content = sorted(content.splitlines())
        kind = stat.S_IFMT(state.st_mode)
        mode = None if path.is_symlink() else stat.S_IMODE(state.st_mode)
        nodes["/" + path.relative_to(root).as_posix()] = (kind, mode, state.st_uid, state.st_gid, content)
    return nodes
