"""The test bed: namespaces, a registry with the stand-in images, and hosts on one network."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from . import cgroups
from .build import CACHE, Artifact, Built, artifact, build, digest, locked, remove, remove_others
from .images import IMAGES
from .network import Network, private_namespaces
from .registry import Registry
from .testhost import Host

RUNS = CACHE / "run"


class Bed:
    """What the tests share: `network`, `registry`, and `host` to make hosts that are gone when the bed is closed."""

    def __init__(self, built: Built, scratch: Path) -> None:
        self.network = Network(scratch)
        self._built = built
        self._scratch = scratch
        self._ends = contextlib.ExitStack()
        self._ends.callback(self.network.close)

    def prepare(self) -> list[Artifact]:
        """Start the registry, and fill it and the preloaded storage where they are stale; gives both."""
        layers = self._built.layers
        images = artifact("registry", digest(repr(IMAGES), *(layer.key for layer in layers.values())), self._publish)
        self.registry = Registry(images.storage, self._scratch)
        self._ends.callback(self.registry.stop)
        self.registry.start()
        preloaded = [image for image in IMAGES if image.preload]
        keys = {self._built.layers[name].key for image in preloaded for name in image.layers}
        store = artifact("store", digest(repr(preloaded), *sorted(keys), self._built.host.key), self._preload)
        self._store = store.storage
        return [images, store]

    def host(
        self,
        name: str,
        config: bytes | str | Mapping[str, Any],
        *,
        data: Path | None = None,
        preload: bool = True,
        **more: Any,
    ) -> Host:
        """A host that is not provisioned yet; `preload` says whether its root has the images already.

        Raises `FileExistsError` where a host of that `name` is there and not destroyed.
        """
        scratch = self._scratch / "hosts" / name
        scratch.mkdir(parents=True)
        store = self._store if preload else None
        host = Host(
            name,
            config,
            network=self.network,
            prepared=self._built.host.root,
            scratch=scratch,
            store=store,
            data=data,
            **more,
        )
        self._ends.callback(host.destroy)
        return host

    def layer(self, name: str) -> Path:
        """The files of an image's layer."""
        return self._built.layers[name].root

    def folder(self, name: str) -> Path:
        """A new folder for a data volume, on a real file system, gone when the bed is closed."""
        path = self._scratch / "data" / name
        path.mkdir(parents=True)
        return path

    def close(self) -> None:
        """Destroy all hosts and stop what runs for them."""
        self._ends.close()

    def _publish(self, made: Artifact) -> None:
        """A registry's storage, with all images."""
        architecture = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True)
        made.storage.mkdir()
        registry = Registry(made.storage, self._scratch)
        registry.start()
        for image in IMAGES:
            registry.push(image, [self._built.layers[name].tar for name in image.layers], architecture.stdout.strip())
        registry.stop()

    def _preload(self, made: Artifact) -> None:
        """A host's containers storage after it pulled all images.

        It also has the image of the pod's infra container, which podman builds at the first pod up to 5.5, and not from 5.6.
        """
        host = self.host("preload", {"ignition": {"version": "3.3.0"}}, preload=False)
        host.provision()
        host.boot()
        host.wait_booted()
        for image in filter(lambda image: image.preload, IMAGES):
            host.run(f"podman pull --quiet {image.reference}")
        host.run("podman pod create --name preload && podman pod start preload && podman pod rm --force preload")
        host.poweroff()
        shutil.move(host.root / "var/lib/containers/storage", made.storage)
        host.destroy()


@contextlib.contextmanager
def open_bed() -> Iterator[Bed]:
    """Build what is missing, then move this thread into namespaces of its own with a `Bed`, until the end."""
    with locked():
        remove_stale_runs()
        built = build()
    scratch = RUNS / str(os.getpid())
    scratch.mkdir(parents=True)
    try:
        with private_namespaces():
            bed = Bed(built, scratch)
            try:
                with locked():
                    made = bed.prepare()
                    if [run.name for run in RUNS.iterdir()] == [scratch.name]:
                        remove_others([built.host, *built.layers.values(), *made])
                yield bed
            finally:
                bed.close()
    finally:
        remove(scratch)


def remove_stale_runs() -> None:
    """Remove what runs left behind that were killed outright: files, and empty control groups."""
    for run in RUNS.glob("*"):
        if not Path(f"/proc/{run.name}").exists():
            for group in cgroups.own().glob(f"podhost-e2e-{run.name}-*"):
                cgroups.remove(group)
            remove(run)
