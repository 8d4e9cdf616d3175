"""Local files that a config embeds: everything below one folder, and nothing outside it.

Paths are relative to the files directory, as in Butane, and an absolute one is too.
Butane stops '..' alone; here the wall also holds for symbolic links.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


class LocalError(Exception):
    """A local file or tree cannot be taken; the text says why, `hint` what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class TreeNode:
    """A node of a tree: `path` is relative to its root, and empty for the root itself."""

    path: str
    mode: int
    full: str

    @property
    def directory(self) -> bool:
        """Whether this is a directory."""
        return stat.S_ISDIR(self.mode)

    @property
    def link(self) -> bool:
        """Whether this is a symbolic link."""
        return stat.S_ISLNK(self.mode)

    @property
    def file(self) -> bool:
        """Whether this is a regular file."""
        return stat.S_ISREG(self.mode)


class FilesDir:
    """The folder that local files come from; without one there are none."""

    def __init__(self, root: Path | None) -> None:
        self.root = os.path.realpath(root) if root is not None else None

    def read(self, local: str) -> bytes:
        """Give the bytes of a file; raise `LocalError` for what is outside, missing, or no regular file."""
        return _read(self._inside(local), local)

    def text(self, local: str) -> str:
        """Give the text of a file; raise `LocalError` also for what is not UTF-8."""
        try:
            return self.read(local).decode()
        except UnicodeDecodeError:
            raise LocalError(f"'{local}' is not UTF-8 text", "only files and trees may hold other bytes") from None

    def tree(self, local: str) -> Iterator[TreeNode | LocalError]:
        """Walk a folder, a directory before what it holds, by name; links are not followed.

        What cannot be read comes as an error in its place, so that the walk finds all of them.
        """
        top = self._inside(local)
        lexical = self._lexical(local)
        if not Path(top).is_dir():
            if not os.path.lexists(top):
                raise LocalError(f"there is no '{local}' in the files directory")
            raise LocalError(f"'{local}' is not a folder")
        yield from _walk(lexical, "")

    def target(self, node: TreeNode) -> str:
        """Give what a symbolic link of a tree says."""
        return _checked(os.readlink(node.full))  # noqa: PTH115 - a Path would take out its double slashes

    def content(self, node: TreeNode) -> bytes:
        """Give the bytes of a file of a tree."""
        return _read(self._real(node.full, node.path), node.path)

    def _lexical(self, local: str) -> str:
        if self.root is None:
            raise LocalError("no files directory is given", "name the folder of local files with -d or --files-dir")
        if "\0" in local:
            raise LocalError("a path cannot hold a NUL character")
        path = os.path.normpath(f"{self.root}/{local}")
        if not _below(path, self.root):
            raise LocalError(f"'{local}' is outside the files directory", "move the file into it")
        return path

    def _inside(self, local: str) -> str:
        return self._real(self._lexical(local), local)

    def _real(self, path: str, local: str) -> str:
        assert self.root is not None
        try:
            real = os.path.realpath(path)
        except (OSError, ValueError) as error:
            raise LocalError(f"'{local}' cannot be read: {error}") from None
        if not _below(real, self.root):
            raise LocalError(
                f"'{local}' leads outside the files directory by a symbolic link",
                "copy the file into the files directory",
            )
        return real


def _below(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")


def _read(path: str, local: str) -> bytes:
    try:
        # without waiting, so that a pipe without a writer is refused and not waited for
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise LocalError(f"'{local}' is not a regular file")
            return file.read()
    except FileNotFoundError:
        raise LocalError(f"there is no file '{local}' in the files directory") from None
    except IsADirectoryError:
        raise LocalError(f"'{local}' is a folder", "a folder goes into storage.trees") from None
    except OSError as error:
        raise LocalError(f"'{local}' cannot be read: {error.strerror}") from None


def _walk(full: str, relative: str) -> Iterator[TreeNode | LocalError]:
    try:
        node = TreeNode(_checked(relative), os.lstat(full).st_mode, full)
        names = sorted((entry.name for entry in os.scandir(full)), key=os.fsencode) if node.directory else []
    except LocalError as error:
        yield error
        return
    except OSError as error:
        yield LocalError(f"'{relative}' cannot be read: {error.strerror}")
        return
    yield node
    for name in names:
        yield from _walk(f"{full}/{name}", f"{relative}/{name}" if relative else name)


def _checked(text: str) -> str:
    """Refuse a file name that is not UTF-8: JSON has no way to write it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise LocalError(f"the file name {text!r} is not UTF-8") from None
    return text
