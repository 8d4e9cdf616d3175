"""What a host has: every file, folder and unit that podhost puts there, and the Butane snippets for what is not a file.

First boot writes a file set once; a running host can be compared with it at any time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from podhost.plan import ROOT, Owner
from podhost.problems import Mark, Source


class File(NamedTuple):
    """A file at an absolute path."""

    path: str
    content: str
    mark: Mark
    mode: int = 0o644
    owner: Owner = ROOT


class Directory(NamedTuple):
    """A folder at an absolute path. One that is there keeps what is in it, unless it is made `anew`."""

    path: str
    mark: Mark
    mode: int = 0o755
    owner: Owner = ROOT
    anew: bool = False


class Tree(NamedTuple):
    """All files of a folder beside the host file, at an absolute path. `mark` is where the folder is named."""

    path: str
    local: str
    mark: Mark


class SystemdUnit(NamedTuple):
    """A unit in /etc/systemd/system; `enabled` makes it start at boot by its [Install] section."""

    name: str
    content: str
    mark: Mark
    enabled: bool = False


class FileSet(NamedTuple):
    """All parts of a host, sorted by path and name. `snippets` are Butane documents, in the order they are merged."""

    files: tuple[File, ...]
    directories: tuple[Directory, ...]
    units: tuple[SystemdUnit, ...]
    snippets: tuple[Source, ...]
    trees: tuple[Tree, ...] = ()

    @property
    def secrets(self) -> tuple[File, ...]:
        """The files that others on the host may not read."""
        return tuple(each for each in self.files if not each.mode & 0o077)

    def butane(self) -> dict[str, Any]:
        """The parts, without the snippets, as the data of a Butane config.

        Version 1.1.0 is the first in which Butane compresses files.
        The folders of trees are found below the folder of the host file.
        Files overwrite what an earlier system left on the data volume: all of them are podhost's own, none is data.
        """
        config: dict[str, Any] = {"variant": "fcos", "version": "1.1.0"}
        storage = {
            "directories": [
                {
                    "path": each.path,
                    "mode": each.mode,
                    **({"overwrite": True} if each.anew else {}),
                    **_owner(each.owner),
                }
                for each in self.directories
            ],
            "files": [
                {
                    "path": each.path,
                    "mode": each.mode,
                    "overwrite": True,
                    "contents": {"inline": each.content},
                    **_owner(each.owner),
                }
                for each in self.files
            ],
            "trees": [{"path": each.path, "local": each.local} for each in self.trees],
        }
        config["storage"] = {key: items for key, items in storage.items() if items}
        if self.units:
            config["systemd"] = {"units": [dict(_unit(each)) for each in self.units]}
        return config


def _owner(owner: Owner) -> dict[str, Any]:
    return {} if owner == ROOT else {"user": {"id": owner.uid}, "group": {"id": owner.gid}}


def _unit(unit: SystemdUnit) -> Iterator[tuple[str, Any]]:
    yield "name", unit.name
    if unit.enabled:
        yield "enabled", True
    yield "contents", unit.content
