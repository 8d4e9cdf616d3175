"""The test bed: namespaces, a registry with the stand-in images, and hosts on one network."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .build import CACHE, Artifact, Built, artifact, build, digest, locked, remove
from .images import IMAGES
from .network import Network, private_namespaces
from .registry import Registry
from .testhost import Host

RUNS = CACHE / "run"


class Bed:
    """What the tests share: `network`, `registry`, and `host` to make hosts that are gone when the bed is closed."""

    def __init__(self, built: Built, scratch: Path) -> None:
        self.network = Network(scratch)
        self.registry = Registry(CACHE / "registry", scratch)
        self._built = built
        self._scratch = scratch
        self._hosts: list[Host] = []

    def prepare(self) -> None:
        """Fill the registry and the preloaded storage where they are stale, and start the registry."""
        images = self._publish()
        self.registry.start()
        self._store = self._preload(images).path

    def host(
        self,
        name: str,
        config: bytes | str | Mapping[str, Any],
        *,
        data: Path | None = None,
        preload: bool = True,
        **more: Any,
    ) -> Host:
        """A host that is not provisioned yet; `preload` says whether its root has the images already."""
        scratch = self._scratch / "hosts" / name
        remove(scratch)
        scratch.mkdir(parents=True)
        store = self._store if preload else None
        host = Host(
            name,
            config,
            network=self.network,
            prepared=self._built.host.path,
            scratch=scratch,
            store=store,
            data=data,
            **more,
        )
        self._hosts.append(host)
        return host

    def folder(self, name: str) -> Path:
        """A new folder for a data volume, on a real file system, gone when the bed is closed."""
        path = self._scratch / "data" / name
        path.mkdir(parents=True)
        return path

    def close(self) -> None:
        """Destroy all hosts and stop the registry."""
        for host in self._hosts:
            host.destroy()
        self.registry.stop()

    def _publish(self) -> Artifact:
        """The registry's storage, with all images."""
        layers = self._built.layers

        def make(path: Path) -> None:
            architecture = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True)
            path.mkdir()
            self.registry.start()
            for image in IMAGES:
                self.registry.push(image, [layers[name].path for name in image.layers], architecture.stdout.strip())

        return artifact("registry", digest(repr(IMAGES), *(layer.key for layer in layers.values())), make)

    def _preload(self, images: Artifact) -> Artifact:
        """A host's containers storage after it pulled all images.

        It also has the image of the pod's infra container, which podman builds at the first pod up to 5.5, and not from 5.6.
        """

        def make(path: Path) -> None:
            self._store = path
            host = self.host("preload", {"ignition": {"version": "3.3.0"}}, preload=False)
            host.provision()
            host.boot()
            host.wait_booted()
            for image in IMAGES:
                host.run(f"podman pull --quiet {image.reference}")
            host.run("podman pod create --name preload && podman pod start preload && podman pod rm --force preload")
            host.poweroff()
            shutil.move(host.root / "var/lib/containers/storage", path)
            host.destroy()

        return artifact("store", digest(images.key, self._built.host.key), make)


@contextlib.contextmanager
def open_bed() -> Iterator[Bed]:
    """Build what is missing, then move this thread into namespaces of its own with a `Bed`, until the end."""
    with locked():
        for run in RUNS.glob("*"):
            if not Path(f"/proc/{run.name}").exists():
                remove(run)
        built = build()
    scratch = RUNS / str(os.getpid())
    scratch.mkdir(parents=True)
    try:
        with private_namespaces():
            bed = Bed(built, scratch)
            try:
                with locked():
                    bed.prepare()
                yield bed
            finally:
                bed.close()
    finally:
        remove(scratch)
