"""The metadata of Fedora CoreOS's streams: which image is the newest, where it is, and what its hashes are.

The format: https://github.com/coreos/stream-metadata-go/tree/main/stream and
https://docs.fedoraproject.org/en-US/fedora-coreos/stream-metadata/
"""

from __future__ import annotations

import json
import re
import urllib.parse
from typing import Any, NamedTuple

from podhost.vm.places import failure

STREAMS = ("stable", "testing", "next")
ARCHITECTURES = ("x86_64", "aarch64")
STREAMS_URL = "https://builds.coreos.fedoraproject.org/streams"


class Image(NamedTuple):
    """The image of one release for QEMU: the `url` of the file, its `sha256`, and that of what it unpacks to.

    `compression` is `xz`, `gz` or empty; then both hashes are the same.
    """

    release: str
    url: str
    sha256: str
    plain_sha256: str
    compression: str

    @property
    def name(self) -> str:
        """The name that the unpacked file has in the cache: two different images never have the same."""
        base = urllib.parse.unquote(urllib.parse.urlsplit(self.url).path.rpartition("/")[2])
        base = re.sub(r"[^A-Za-z0-9._-]", "_", base.removesuffix(f".{self.compression}"))
        return f"{self.plain_sha256[:12]}-{base}"


def read(text: bytes, url: str, architecture: str) -> Image:
    """Find the QEMU image of an architecture in the metadata that `url` gave; what is not in it ends the work."""
    try:
        document: Any = json.loads(text)
        formats = document["architectures"][architecture]["artifacts"]["qemu"]
        (form, files), *_ = sorted(formats["formats"].items())
        disk = files["disk"]
        location, sha256 = str(disk["location"]), str(disk["sha256"])
        plain = str(disk.get("uncompressed-sha256", sha256))
        release = str(formats["release"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise failure(
            f"'{url}' is no metadata of a stream with a QEMU image for {architecture}: {type(error).__name__}: {error}"
        ) from None
    for each in (sha256, plain):
        if not re.fullmatch("[0-9a-f]{64}", each):
            raise failure(f"'{url}' has a sha256 that is none: '{each}'")
    compression = form.rpartition(".")[2] if form.endswith((".xz", ".gz")) else ""
    if not compression and form != "qcow2":
        raise failure(
            f"'{url}' has the QEMU image as '{form}', which podhost cannot unpack", "qcow2.xz and qcow2.gz are known"
        )
    return Image(release, urllib.parse.urljoin(url, location), sha256, plain, compression)
