"""Downloading an image: streamed, resumed where it broke off, both hashes checked, and in its place whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import hashlib
import http.client
import lzma
import os
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from podhost import __version__
from podhost.problems import InvalidInput
from podhost.vm import stream
from podhost.vm.places import failure

CHUNK = 1 << 20
ATTEMPTS = 5
TIMEOUT = 60  # seconds without a byte
METADATA = 16 << 20  # far more than a stream's metadata ever were
AGENT = {"User-Agent": f"podhost/{__version__}"}

Progress = Callable[[str, int, int], None]
"""Called with what is done ('download', 'check', 'unpack'), the bytes so far, and all bytes, 0 where nobody knows."""


def metadata(url: str, architecture: str) -> stream.Image:
    """Fetch the metadata of a stream, and give its image."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=AGENT), timeout=TIMEOUT) as answer:
            text = answer.read(METADATA)
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise failure(f"'{url}' cannot be read: {_reason(error)}", "--image FILE takes an image of your own") from None
    return stream.read(text, url, architecture)


def fetch(image: stream.Image, folder: Path, progress: Progress, pause: float = 1) -> Path:
    """Give the path of an unpacked image in `folder`, downloading it where it is not there yet.

    A download that breaks off is continued, at first after `pause` seconds, and by the next run after `ATTEMPTS` times.
    A hash that is wrong, or a full disk, leaves nothing behind.
    """
    path = folder / image.name
    if path.exists():
        return path
    part = folder / f".{image.name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder / f".{image.name}.lock"):
            if path.exists():  # another podhost was waited for, and it has done the work
                return path
            try:
                _download(image, part, progress, pause)
                _unpack(image, part, path, progress)
            except OSError:
                part.unlink(missing_ok=True)
                raise
            part.unlink(missing_ok=True)
    except OSError as error:
        raise failure(f"the image cannot be kept in '{folder}': {error.strerror or error}") from None
    return path


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Let one podhost at a time work on an image."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
        lock.unlink(missing_ok=True)


def _download(image: stream.Image, part: Path, progress: Progress, pause: float) -> None:
    """Fill `part` with the file as it is served, and check its hash."""
    digest = hashlib.sha256()
    with part.open("a+b") as file:
        file.seek(0)
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            progress("check", file.tell(), 0)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                digest = _receive(image.url, file, digest, progress)
                break
            except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
                refused = isinstance(error, urllib.error.HTTPError) and error.code < 500
                if attempt == ATTEMPTS or refused:
                    raise failure(
                        f"'{image.url}' cannot be downloaded: {_reason(error)}",
                        "run it again, and it goes on where it broke off" if file.tell() else "",
                    ) from None
                time.sleep(pause * 2 ** (attempt - 1))
        file.flush()
    if digest.hexdigest() != image.sha256:
        part.unlink()
        raise failure(f"'{image.url}' is not what the stream's metadata say: its sha256 is {digest.hexdigest()}")


def _receive(url: str, file: IO[bytes], digest: hashlib._Hash, progress: Progress) -> hashlib._Hash:
    """Append what is missing at the end of `file`; gives the hash of the whole.

    Raises what `urllib` raises where the connection fails, or ends before all has come.
    """
    have = file.seek(0, os.SEEK_END)
    headers = {**AGENT, "Range": f"bytes={have}-"} if have else AGENT
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            return digest  # all is there, or too much: the hash will tell
        raise
    with answer:
        if have and answer.status != http.client.PARTIAL_CONTENT:  # the server begins anew, and so must we
            have = 0
            file.seek(0)
            file.truncate()
            digest = hashlib.sha256()
        length = int(answer.headers.get("Content-Length") or 0)
        total = have + length if length else 0
        while chunk := answer.read(CHUNK):
            file.write(chunk)
            digest.update(chunk)
            have += len(chunk)
            progress("download", have, total)
        if have < total:
            raise http.client.IncompleteRead(b"", total - have)
    return digest


def _unpack(image: stream.Image, part: Path, path: Path, progress: Progress) -> None:
    """Unpack `part` to `path`, which appears only when its hash is right and it is on the disk."""
    temporary = path.with_name(f".{path.name}.new")
    digest = hashlib.sha256()
    try:
        with _opened(part, image.compression) as packed, temporary.open("wb") as plain:
            size = part.stat().st_size
            while chunk := packed.read(CHUNK):
                digest.update(chunk)
                plain.write(chunk)
                progress("unpack", os.lseek(packed.fileno(), 0, os.SEEK_CUR), size)
            plain.flush()
            os.fsync(plain.fileno())
        if digest.hexdigest() != image.plain_sha256:
            raise _wrong(image, part, f"unpacked, its sha256 is {digest.hexdigest()}")
        temporary.replace(path)
    except (lzma.LZMAError, zlib.error, gzip.BadGzipFile, EOFError) as error:
        raise _wrong(image, part, f"it cannot be unpacked: {error}") from None
    finally:
        temporary.unlink(missing_ok=True)


def _opened(part: Path, compression: str) -> IO[bytes]:
    if compression == "xz":
        return lzma.open(part)
    if compression == "gz":
        return gzip.open(part)  # type: ignore[return-value]
    return part.open("rb")


def _wrong(image: stream.Image, part: Path, why: str) -> InvalidInput:
    part.unlink(missing_ok=True)
    return failure(f"'{image.url}' is not what the stream's metadata say: {why}")


def _reason(error: BaseException) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server says {error.code} {error.reason}"
    if isinstance(error, http.client.IncompleteRead):
        return f"the connection ended {error.expected} bytes early"
    return str(getattr(error, "reason", "") or error) or type(error).__name__
