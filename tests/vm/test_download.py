"""Downloads of images: what is served in the real format, and every way in which it can go wrong."""

from __future__ import annotations

import gzip
import hashlib
import json
import lzma
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from podhost.problems import InvalidInput
from podhost.vm import download, stream
from tests.support import Podhost, files_below

from .server import Server
from .testimage import NAME, stream_metadata

DISK = b"QFI\xfb" + random.Random(1).randbytes(3 << 20)
PACKED = {"xz": lzma.compress(DISK, preset=0), "gz": gzip.compress(DISK, 1)}
KEPT = f"{hashlib.sha256(DISK).hexdigest()[:12]}-{NAME}"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The server of a stable stream that is packed with xz, and a next one with gzip."""
    folder = tmp_path / "served"
    folder.mkdir()
    for name, suffix in (("stable", "xz"), ("next", "gz")):
        (folder / f"{NAME}.{suffix}").write_bytes(PACKED[suffix])
        write_metadata(folder, name, suffix)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "ATTEMPTS", 3)
    with Server(folder).running() as server:
        monkeypatch.setenv("PODHOST_STREAMS_URL", server.url)
        yield server


def write_metadata(folder: Path, name: str, suffix: str, **hashes: str) -> None:
    sums = {"sha256": hashlib.sha256(PACKED[suffix]).hexdigest(), "plain_sha256": hashlib.sha256(DISK).hexdigest()}
    (folder / f"{name}.json").write_text(json.dumps(stream_metadata(name, f"{NAME}.{suffix}", **{**sums, **hashes})))


def cached(tmp_path: Path) -> set[str]:
    """What is in the cache, but for the locks."""
    return {name for name in files_below(tmp_path / "cache") if "." in name and not name.endswith(".lock")}


def fetch(server: Server, name: str = "stable") -> Path:
    found = download.metadata(f"{server.url}/{name}.json", "x86_64")
    return download.fetch(found, Path(os.environ["XDG_CACHE_HOME"]) / "podhost/images", lambda *_: None, pause=0)


def problem(call: Any, *arguments: Any) -> str:
    with pytest.raises(InvalidInput) as caught:
        call(*arguments)
    return str(caught.value)


@pytest.mark.parametrize(("name", "suffix"), [("stable", "xz"), ("next", "gz")])
def test_an_image_is_downloaded_once(podhost: Podhost, server: Server, tmp_path: Path, name: str, suffix: str) -> None:
    for _ in range(2):
        result = podhost("vm", "image", "--stream", name, "--arch", "x86_64")
        assert result.status == 0
        assert Path(result.stdout.strip()).read_bytes() == DISK
    assert [path for path, _ in server.requests] == [f"/{name}.json", f"/{NAME}.{suffix}", f"/{name}.json"]
    assert cached(tmp_path) == {f"podhost/images/{KEPT}"}


def test_a_download_goes_on_where_it_broke_off(server: Server) -> None:
    server.breaks = [1_000_000, 500_000]
    assert fetch(server).read_bytes() == DISK
    assert [wanted for _, wanted in server.requests[1:]] == ["", "bytes=1000000-", "bytes=1500000-"]


def test_the_next_run_goes_on_where_this_one_gave_up(server: Server, tmp_path: Path) -> None:
    server.breaks = [700_000, 0, 0]
    assert problem(fetch, server) == (
        f"error: '{server.url}/{NAME}.xz' cannot be downloaded: "
        f"the connection ended {len(PACKED['xz']) - 700_000} bytes early\n"
        "  hint: run it again, and it goes on where it broke off"
    )
    assert cached(tmp_path) == {f"podhost/images/.{KEPT}.part"}
    server.requests.clear()
    assert fetch(server).read_bytes() == DISK
    assert server.requests[1:] == [(f"/{NAME}.xz", "bytes=700000-")]


def test_a_server_that_cannot_resume_begins_anew(server: Server) -> None:
    server.ranges, server.breaks = False, [1_000_000]
    assert fetch(server).read_bytes() == DISK


def test_a_wrong_hash_of_the_packed_file_leaves_nothing(server: Server, tmp_path: Path) -> None:
    write_metadata(server.folder, "stable", "xz", sha256="0" * 64)
    right = hashlib.sha256(PACKED["xz"]).hexdigest()
    assert f"is not what the stream's metadata say: its sha256 is {right}" in problem(fetch, server)
    assert cached(tmp_path) == set()


def test_a_wrong_hash_of_the_plain_file_leaves_nothing(server: Server, tmp_path: Path) -> None:
    write_metadata(server.folder, "stable", "xz", plain_sha256="1" * 64)
    right = hashlib.sha256(DISK).hexdigest()
    assert f"unpacked, its sha256 is {right}" in problem(fetch, server)
    assert cached(tmp_path) == set()


@pytest.mark.parametrize("suffix", ["xz", "gz"])
def test_what_cannot_be_unpacked_leaves_nothing(server: Server, tmp_path: Path, suffix: str) -> None:
    short = PACKED[suffix][:-1000]
    (server.folder / f"{NAME}.{suffix}").write_bytes(short)
    write_metadata(server.folder, "stable", suffix, sha256=hashlib.sha256(short).hexdigest())
    assert "it cannot be unpacked" in problem(fetch, server)
    assert cached(tmp_path) == set()


def test_a_file_that_is_not_there_is_not_asked_for_again(server: Server, tmp_path: Path) -> None:
    (server.folder / f"{NAME}.xz").unlink()
    assert "cannot be downloaded: the server says 404" in problem(fetch, server)
    assert len(server.requests) == 2
    (server.folder / "stable.json").unlink()
    assert "stable.json' cannot be read: the server says 404" in problem(fetch, server)


@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system is mounted by root")
@pytest.mark.parametrize("size", ["2m", "5m"], ids=["while downloading", "while unpacking"])
def test_a_full_disk_leaves_nothing(server: Server, tmp_path: Path, size: str) -> None:
    images = tmp_path / "cache/podhost/images"
    images.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", images], check=True)
    try:
        assert problem(fetch, server) == f"error: the image cannot be kept in '{images}': No space left on device"
        assert cached(tmp_path) == set()
    finally:
        subprocess.run(["umount", images], check=True)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<html>", "JSONDecodeError"),
        ('{"architectures": {}}', "KeyError: 'x86_64'"),
        ('{"architectures": {"x86_64": {"artifacts": {"qemu": {"release": "1", "formats": {}}}}}}', "ValueError"),
    ],
)
def test_metadata_that_are_none(text: str, why: str) -> None:
    message = problem(stream.read, text.encode(), "http://example.org/stable.json", "x86_64")
    assert "'http://example.org/stable.json' is no metadata of a stream with a QEMU image for x86_64" in message
    assert why in message


def test_a_location_is_relative_to_the_metadata_and_its_name_is_harmless() -> None:
    metadata = json.dumps(stream_metadata("stable", "../a%2F..%2Fb c.qcow2.xz", "a" * 64, "b" * 64)).encode()
    image = stream.read(metadata, "http://example.org/streams/stable.json", "x86_64")
    assert image.url == "http://example.org/a%2F..%2Fb c.qcow2.xz"
    assert image.name == "bbbbbbbbbbbb-a_.._b_c.qcow2"
