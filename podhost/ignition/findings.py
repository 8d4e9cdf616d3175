"""What checks find: a message and the path of the field it is about.

Checks of plain data know paths and no lines; who has the lines turns findings into problems.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from podhost.ignition.schema import Struct
from podhost.problems import Severity

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong at a path of keys and indexes."""

    severity: Severity
    path: Path
    message: str
    hint: str = ""


class Findings:
    """A growing list of findings about one config.

    `version` is what the config is checked against: x of the Ignition spec 3.x.0, or of the Butane version 1.x.0.
    """

    __slots__ = ("list", "version")

    def __init__(self, version: int = 0) -> None:
        self.version = version
        self.list: list[Finding] = []

    def error(self, path: Path, message: str, hint: str = "") -> None:
        """Add an error."""
        self.list.append(Finding(Severity.ERROR, path, message, hint))

    def warning(self, path: Path, message: str, hint: str = "") -> None:
        """Add a warning."""
        self.list.append(Finding(Severity.WARNING, path, message, hint))

    @property
    def failed(self) -> bool:
        """Whether there is an error among them."""
        return any(finding.severity is Severity.ERROR for finding in self.list)


Check = Callable[[Struct, Path, Findings], None]
"""Looks at one struct, which stands at a path, and adds findings."""
