"""The choice between plain, base64 and gzip, against the real Butane: for contents of many kinds, near the limits above all."""

from __future__ import annotations

import base64
import json
import random
import subprocess
from pathlib import Path

import pytest

from podhost.ignition import dataurl
from podhost.ignition.gzipsize import deflate_size
from tests.conformance import real
from tests.conformance.seeds import SOAK

COUNT = 5000 if SOAK else 600
WORDS = [
    "[Unit]\n", "Description=", "After=network-online.target\n", "Exec", "Start=/usr/bin/podman ", "run ", "--rm ", "docker.io/library/",
    "nginx", "postgres:17", "\n", "# comment ", "foo", " ", "=", "true\n", "0123", "/var/lib/", "é", "{}", '"',
]  # fmt: skip

pytestmark = pytest.mark.skipif(bool(absent := real.missing(real.BUTANE)), reason=absent)


def content(rng: random.Random) -> bytes:
    """Some contents; most are short, as the choice is close only there."""
    size = rng.choice(
        [rng.randrange(500), rng.randrange(500), rng.randrange(500), rng.randrange(3000), rng.randrange(40_000)]
    )
    match rng.randrange(6):
        case 0:
            return rng.randbytes(size)
        case 1 | 2:
            return "".join(rng.choice(WORDS) for _ in range(size // 6)).encode()
        case 3:
            return bytes(rng.choices(b"abcdefghijklmnopqrstuvwxyz \n", k=size))
        case 4:
            return bytes(rng.choices(range(256), weights=[1 / (i + 1) for i in range(256)], k=size))
        case _:
            return (rng.randbytes(rng.randrange(1, 50)) * size)[:size]


def test_contents_are_encoded_as_butane_does(tmp_path: Path, printed_seed: int) -> None:
    rng = random.Random(printed_seed)
    contents = [content(rng) for _ in range(COUNT)]
    files = []
    for index, data in enumerate(contents):
        (tmp_path / str(index)).write_bytes(data)
        files.append({"path": f"/{index}", "contents": {"local": str(index)}})
    document = json.dumps({"variant": "fcos", "version": "1.7.0", "storage": {"files": files}})
    done = subprocess.run(
        [real.BUTANE, "--files-dir", tmp_path], input=document.encode(), capture_output=True, check=True
    )
    chosen = {"data:,": 0, "data:;base64,": 0, "gzip": 0}
    close = 0
    for data, file in zip(contents, json.loads(done.stdout)["storage"]["files"], strict=True):
        theirs = file["contents"]
        source, compression = dataurl.encode(data)
        assert compression == theirs["compression"], data
        if compression == "gzip":
            chosen["gzip"] += 1
            packed = base64.b64decode(theirs["source"].partition(",")[2])
            assert deflate_size(data) + 18 == len(packed), data  # RFC 1952: header and trailer
            assert dataurl.contents(source, "gzip") == data
            close += len(theirs["source"]) + 30 > min(len(data) * 4 / 3, len(dataurl.escape(data)))
        else:
            assert source == theirs["source"]
            chosen[source[: source.index(",") + 1]] += 1
    assert min(chosen.values()) > COUNT // 20, chosen
    assert close > COUNT // 50
