"""Writing results and reports: a file is there whole or not at all, and never in place of another unasked."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from podhost.problems import InvalidInput, Report, Severity

COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow"}


def print_report(report: Report) -> None:
    """Print all problems to standard error, in colour where that is a terminal."""
    for problem in report.problems:
        word = f"{problem.severity.value}: "
        before, found, after = str(problem).partition(word)
        click.echo(f"{before}{click.style(found, fg=COLOURS[problem.severity], bold=True)}{after}", err=True)


def note(text: str) -> None:
    """Tell the user something that is neither a result nor a problem."""
    click.echo(f"podhost: {text}", err=True)


def fail(message: str, hint: str = "") -> InvalidInput:
    """Make the exception that ends the run with one message."""
    report = Report()
    report.error(message, hint=hint)
    return InvalidInput(report)


def write(path: Path | None, data: bytes, force: bool, mode: int = 0o644) -> None:
    """Write a result to a file, or to standard output when `path` is None or '-'.

    An existing file is replaced only with `force`. The file's mode is `mode`, less what the umask forbids.
    """
    if path is None or str(path) == "-":
        _write_stdout(data)
        return
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):  # a device or a pipe: there is nothing to replace
            path.write_bytes(data)
            return
        refuse_existing(path, force)
        _write_whole(path, data, force, mode)
    except OSError as error:
        raise fail(f"'{path}' cannot be written: {error.strerror}") from None


def _write_stdout(data: bytes) -> None:
    try:
        if sys.stdout is None:
            raise OSError(errno.EBADF, "it is closed")
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise  # whoever read us has seen enough: click ends the run quietly
    except OSError as error:
        sys.stdout = None  # what is still in its buffer would fail again when Python ends
        raise fail(f"standard output cannot be written: {error.strerror}") from None


def refuse_existing(path: Path, force: bool) -> None:
    """End the run when there is something at the path already that may not be replaced."""
    if path.is_dir():
        raise fail(f"'{path}' is a folder, not a file")
    if os.path.lexists(path) and not force:
        raise fail(f"'{path}' is there already", "--force replaces it")


def _write_whole(path: Path, data: bytes, force: bool, mode: int) -> None:
    import tempfile

    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:200]}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode & ~_umask())
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if force:
            temporary.replace(path)
        else:
            try:
                os.link(temporary, path)  # unlike a rename, this fails when somebody else was faster
            except FileExistsError:
                raise fail(f"'{path}' is there already", "--force replaces it") from None
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def write_tree(folder: Path, files: Mapping[str, bytes], is_ours: Callable[[Path], bool], force: bool) -> None:
    """Write files below a folder that is new, or empty, or (with `force`) one that `is_ours`: an earlier run wrote all of it."""
    if os.path.lexists(folder) and not (folder.is_dir() and not any(folder.iterdir())):
        if not (folder.is_dir() and is_ours(folder)):
            raise fail(f"'{folder}' is there already, and holds what podhost did not write", "name another folder")
        if not force:
            raise fail(f"'{folder}' is there already", "--force replaces it")
    import shutil
    import tempfile

    try:
        temporary = Path(tempfile.mkdtemp(dir=folder.absolute().parent, prefix=f".{folder.name[:200]}."))
        try:
            new, old = temporary / "new", temporary / "old"
            for name, data in files.items():
                path = new / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            if os.path.lexists(folder):
                folder.rename(old)
            new.rename(folder)
        finally:
            shutil.rmtree(temporary)
    except OSError as error:
        raise fail(f"'{folder}' cannot be written: {error.strerror}") from None
