"""A container registry for the test hosts: Debian's docker-registry, and pushing images to it."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import subprocess
import time
import urllib.parse
from pathlib import Path

from . import processes
from .images import Image
from .network import GATEWAY

PORT = 5000
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"


class Registry:
    """A registry at `GATEWAY`, port `PORT`, that keeps its images in `folder`; it can be stopped and started."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._log = scratch / "registry.log"
        self._config = scratch / "registry.json"
        # YAML is a superset of JSON.
        config = {
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(folder)}},
            "http": {"addr": f"{GATEWAY}:{PORT}"},
        }
        self._config.write_text(json.dumps(config))

    def start(self) -> None:
        """Start it and return when it accepts connections; no effect when it runs."""
        if self._process and self._process.poll() is None:
            return
        self._process = processes.start(["docker-registry", "serve", str(self._config)], self._log)
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection((GATEWAY, PORT), timeout=1).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the registry does not start:\n{self._log.read_text()}") from None
                time.sleep(0.02)

    def stop(self) -> None:
        """Stop it: from now on a pull is refused."""
        if self._process:
            processes.stop(self._process)
            self._process = None

    def push(self, image: Image, layers: list[Path], architecture: str) -> None:
        """Publish `image`, made of uncompressed tar files; `architecture` is Go's name of the machine's."""
        digests = [_digest(layer.read_bytes()) for layer in layers]
        for layer, digest in zip(layers, digests, strict=True):
            self._upload(image, digest, layer.read_bytes())
        config = _json(
            {
                "architecture": architecture,
                "os": "linux",
                "config": {
                    "User": image.user,
                    "Env": [f"{name}={value}" for name, value in image.env.items()],
                    "Entrypoint": list(image.entrypoint),
                    "Cmd": list(image.cmd),
                    "ExposedPorts": {port: {} for port in image.ports},
                    "Volumes": {path: {} for path in image.volumes},
                    "StopSignal": image.stop_signal,
                },
                "rootfs": {"type": "layers", "diff_ids": digests},
            }
        )
        self._upload(image, _digest(config), config)
        manifest = _json(
            {
                "schemaVersion": 2,
                "mediaType": _MANIFEST,
                "config": {"mediaType": _CONFIG, "digest": _digest(config), "size": len(config)},
                "layers": [
                    {"mediaType": _LAYER, "digest": digest, "size": layer.stat().st_size}
                    for layer, digest in zip(layers, digests, strict=True)
                ],
            }
        )
        _request("PUT", f"/v2/{image.repository}/manifests/{image.tag}", 201, manifest, _MANIFEST)

    def _upload(self, image: Image, digest: str, content: bytes) -> None:
        # https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs
        location = _request("POST", f"/v2/{image.repository}/blobs/uploads/", 202)
        place = urllib.parse.urlsplit(location)
        _request("PUT", f"{place.path}?{place.query}&digest={digest}", 201, content, "application/octet-stream")


def _request(method: str, path: str, expected: int, body: bytes = b"", kind: str = "") -> str:
    connection = http.client.HTTPConnection(GATEWAY, PORT, timeout=60)
    try:
        connection.request(method, path, body, {"Content-Type": kind} if kind else {})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != expected:
            raise RuntimeError(f"registry: {method} {path}: {answer.status} {text!r}")
        return answer.headers.get("Location", "")
    finally:
        connection.close()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
