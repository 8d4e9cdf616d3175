"""The store: the folder on the data volume that holds certificates, keys, accounts and the budget.

Nothing in it is ever written in place.
A file is written under another name, brought to the disk, and renamed; a pair is a folder that becomes current by the renaming of one symbolic link.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from podhost.certs import state
from podhost.certs.failure import Failure, Kind

WEEK = 8 * 24 * 3600  # a day more than any limit looks back
KEPT = 3


@dataclass(frozen=True)
class Pair:
    """A certificate with its chain and its key, and how it was had."""

    version: str
    fullchain: bytes
    key: bytes = field(repr=False)
    directory: str = ""
    profile: str | None = None

    @property
    def leaf(self) -> x509.Certificate:
        """The certificate itself."""
        return x509.load_pem_x509_certificate(self.fullchain)


def write(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file whole or not at all; it is on the disk when this returns."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync(path.parent)


def sync(folder: Path) -> None:
    """Bring a folder's list of names to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Store:
    """The folder; `tell` is given one line for each thing that somebody should know."""

    def __init__(self, root: Path, tell: Callable[[str], None]) -> None:
        self.root = root
        self.tell = tell

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only run: a second one fails at once."""
        self.folder(".")
        handle = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Failure("another run is under way", "wait until it has ended", Kind.WAIT) from None
            yield
        finally:
            os.close(handle)

    def folder(self, *names: str) -> Path:
        """A folder of the store, made when it is not there; the one above the store has to be there."""
        path = self.root
        for name in (".", *names):
            path = path / name
            if not path.is_dir():
                path.mkdir(mode=0o700)
                sync(path.parent)
        return path

    # -- pairs

    def _path(self, name: str) -> Path:
        return self.root / "certificates" / name

    def current(self, name: str) -> Pair | None:
        """The pair that is current, or None when there is none that can be read."""
        folder = self._path(name)
        try:
            version = (folder / "current").readlink().name
            return self._read(folder / version)
        except FileNotFoundError:
            return None
        except ValueError as error:
            self.tell(f"{name}: the current pair is broken, and is taken as none: {error}")
            return None

    def _read(self, folder: Path) -> Pair:
        fullchain, key = ((folder / name).read_bytes() for name in ("fullchain.pem", "privkey.pem"))
        try:
            how = json.loads((folder / "issued.json").read_bytes())
            pair = Pair(folder.name, fullchain, key, str(how["directory"]), how["profile"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            pair = Pair(folder.name, fullchain, key)
        _ = pair.leaf
        return pair

    def put(self, name: str, fullchain: bytes, key: bytes, directory: str, profile: str | None) -> str:
        """Keep a pair and make it current in one step; give its version."""
        leaf = x509.load_pem_x509_certificate(fullchain)
        version = f"{leaf.not_valid_before_utc:%Y%m%dT%H%M%SZ}-{leaf.fingerprint(hashes.SHA256()).hex()[:12]}"
        folder = self.folder("certificates", name)
        if not (folder / version).is_dir():  # it is there when a run was killed just before its end
            new = folder / ".new"
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir(mode=0o700)
            write(new / "privkey.pem", key, 0o600)
            write(new / "fullchain.pem", fullchain, 0o644)
            write(new / "issued.json", json.dumps({"directory": directory, "profile": profile}).encode(), 0o600)
            new.rename(folder / version)
            sync(folder)
        link = folder / ".current.new"
        link.unlink(missing_ok=True)
        link.symlink_to(version)
        link.replace(folder / "current")
        sync(folder)
        return version

    def announce(self) -> None:
        """Rewrite `changed` if a pair became current since it was written: what watches it then takes the new pair."""
        lines = []
        for link in sorted((self.root / "certificates").glob("*/current")):
            lines.append(f"{link.parent.name} {link.readlink().name}\n")
        text = "".join(lines).encode()
        path = self.root / "changed"
        if lines and not (path.is_file() and path.read_bytes() == text):
            write(path, text, 0o644)

    def sweep(self, name: str, now: int) -> None:
        """Remove old versions: never the last three, nor any that a limit may still count."""
        folder = self._path(name)
        current = (folder / "current").readlink().name
        versions = sorted(each for each in folder.iterdir() if each.is_dir() and each.name[:1].isdigit())
        for each in versions[:-KEPT]:
            if each.name != current and each.stat().st_mtime < now - WEEK:
                shutil.rmtree(each)

    def versions(self) -> Iterator[x509.Certificate]:
        """Every certificate that is kept."""
        for path in sorted((self.root / "certificates").glob("*/*/fullchain.pem")):
            if not path.parent.is_symlink():
                try:
                    yield x509.load_pem_x509_certificate(path.read_bytes())
                except (OSError, ValueError):
                    continue

    # -- orders under way: the key is kept before anything is ordered with it, so that a run that is killed wastes no order

    def pending(self, name: str) -> tuple[bytes, dict[str, object]] | None:
        """The key and the description of an order under way."""
        folder = self._path(name) / "pending"
        try:
            order = json.loads((folder / "order.json").read_bytes())
            return ((folder / "privkey.pem").read_bytes(), order) if isinstance(order, dict) else None
        except (OSError, ValueError):
            return None

    def begin(self, name: str, key: bytes) -> None:
        """Keep the key of an order that is about to be made."""
        self.forget(name)
        folder = self.folder("certificates", name, "pending")
        write(folder / "privkey.pem", key)

    def ordered(self, name: str, order: dict[str, object]) -> None:
        """Keep the description of the order, now that it is made."""
        write(self._path(name) / "pending" / "order.json", json.dumps(order).encode())

    def forget(self, name: str) -> None:
        """Drop the order under way; its description goes first, so that it never stands beside another key."""
        folder = self._path(name) / "pending"
        if folder.is_dir():
            (folder / "order.json").unlink(missing_ok=True)
            sync(folder)
            shutil.rmtree(folder)

    # -- state

    def load(self, now: int) -> tuple[state.State, bool]:
        """The state, and whether it was whole; a broken file is kept aside."""
        path = self.root / "state.json"
        try:
            return state.parse(path.read_bytes()), True
        except FileNotFoundError:
            return state.State(), not (self.root / "certificates").is_dir()
        except ValueError:
            aside = path.with_name(f"state.json.broken-{now}")
            path.rename(aside)
            sync(self.root)
            self.tell(
                f"'{path}' was broken and is kept as '{aside.name}': what it knew is taken from the certificates here"
            )
        return state.State(), False

    def save(self, new: state.State) -> None:
        """Keep the state."""
        write(self.root / "state.json", new.dump())
