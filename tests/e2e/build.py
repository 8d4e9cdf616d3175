"""Prepares what the test hosts are made of, once, in tests/.cache: the hosts' root and the images' layers.

`python -m tests.e2e.build` does it ahead of the tests.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shlex
import shutil
import stat
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.support import REPOSITORY

from .images import IMAGES, PATH, SOURCES

HERE = Path(__file__).parent
CACHE = HERE.parent / ".cache" / "e2e"
SUITE = "trixie"
MIRROR = "http://deb.debian.org/debian"

# Settings of apt and dpkg that stay in the roots: no more than is needed, and no waiting for the disk.
_OPTIONS = (
    ("apt", 'Acquire::Languages "none"'),
    ("apt", 'APT::Install-Recommends "false"'),
    ("dpkg", "path-exclude=/usr/share/doc/*"),
    ("dpkg", "path-exclude=/usr/share/man/*"),
    ("dpkg", "path-exclude=/usr/share/locale/*/*"),
    ("dpkg", "force-unsafe-io"),
)
_CONTAINED = [
    "setpriv",
    "--pdeathsig",
    "KILL",
    "unshare",
    "--mount",
    "--pid",
    "--fork",
    "--kill-child=KILL",
    "--mount-proc",
    "--propagation=private",
]
_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_CAPABILITY = "security.capability"
_NOT_IN_IMAGES = ("var/cache/apt", "var/lib/apt/lists", "dev", "proc", "sys", "mnt", "tmp")


@dataclass(frozen=True, slots=True)
class Artifact:
    """A thing in the cache: the `folder` it is in, and the `key` that changes with everything it was made from."""

    folder: Path
    key: str

    @property
    def root(self) -> Path:
        """Of a base, the host or a layer: the tree of files."""
        return self.folder / "root"

    @property
    def tar(self) -> Path:
        """Of a layer: the tree as a registry wants it."""
        return self.folder / "layer.tar"

    @property
    def storage(self) -> Path:
        """Of the registry and of the preloaded containers storage: all that is in it."""
        return self.folder / "storage"


@dataclass(frozen=True, slots=True)
class Built:
    """What `build` makes: the root of hosts, and the images' layers by name."""

    host: Artifact
    layers: dict[str, Artifact]


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """Hold the cache for one process at a time."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def artifact(name: str, key: str, make: Callable[[Artifact], None], cache: Path = CACHE) -> Artifact:
    """The thing called `name` in a cache; where none was made from what `key` stands for, `make` makes it."""
    made = Artifact(cache / f"{name}-{key[:12]}", key)
    done = made.folder / "done"
    if not done.exists():
        remove(made.folder)
        made.folder.mkdir(parents=True)
        make(made)
        done.touch()
    return made


def remove_others(keep: list[Artifact], cache: Path = CACHE) -> None:
    """Remove all artifacts of a cache but these."""
    for folder in cache.glob("*-" + "[0-9a-f]" * 12):
        if folder not in [artifact.folder for artifact in keep]:
            remove(folder)


def base_root() -> Artifact:
    """The Debian root that hosts and images begin with."""
    return artifact("base", digest(SUITE, MIRROR, _OPTIONS, _NOT_IN_IMAGES), _bootstrap)


def build() -> Built:
    """Make all that is missing; needs root and the network, and takes about a minute and a half the first time."""
    base = base_root()
    with ThreadPoolExecutor() as pool:
        host = pool.submit(_host, base)
        layers = {"base": pool.submit(lambda: base)}
        for image in IMAGES:
            below: list[Future[Artifact]] = []
            for name in image.layers:
                if name not in layers:
                    layers[name] = pool.submit(_layer, name, list(below), image.tag)
                below.append(layers[name])
        return Built(host.result(), {name: layer.result() for name, layer in layers.items()})


def digest(*parts: str | tuple[object, ...] | Path) -> str:
    """A key for all of `parts`: texts, and folders with all that is in them."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            for path in sorted(part.rglob("*")) if part.is_dir() else [part]:
                if "__pycache__" in path.parts:
                    continue
                content = path.read_bytes() if path.is_file() else b""
                total.update(f"{path.relative_to(part)} {os.access(path, os.X_OK)} {len(content)}\n".encode() + content)
        else:
            total.update(repr(part).encode())
    return total.hexdigest()


def remove(path: Path) -> None:
    """Remove a file or a whole tree, if it is there; what other trees hard-link stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _bootstrap(base: Artifact) -> None:
    # The package lists stay, for the layers' and the host's apt; no image holds them.
    options = [f"--{kind}opt={option}" for kind, option in _OPTIONS]
    command = [
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        "--include=ca-certificates,curl",
        "--skip=cleanup/apt/lists",
    ]
    _run([*command, *options, SUITE, str(base.root), MIRROR], "base")
    _tar(base.root, base.tar)


def _host(base: Artifact) -> Artifact:
    source = HERE / "host"

    def make(host: Artifact) -> None:
        subprocess.run(["cp", "-a", "--reflink=auto", base.root, host.root], check=True)
        in_root(host.root, (source / "build.sh").read_text(), "host")
        lay_over(source / "rootfs", host.root)
        (host.root / "etc/resolv.conf").unlink()
        (host.root / "etc/resolv.conf").symlink_to("../run/systemd/resolve/stub-resolv.conf")

    return artifact("host", digest(base.key, source), make)


def _layer(name: str, below: list[Future[Artifact]], tag: str) -> Artifact:
    """The layer `name` of an image with `tag`, on top of the layers `below`."""
    lower = [layer.result() for layer in below]
    source = HERE / "images" / name

    def make(layer: Artifact) -> None:
        work, merged = layer.folder / "work", layer.folder / "merged"
        for folder in (layer.root, work, merged):
            folder.mkdir()
        # overlayfs wants the highest layer first, an image's list is lowest first.
        roots = ":".join(str(one.root) for one in reversed(lower))
        overlay = f"lowerdir={roots},upperdir={layer.root},workdir={work}"
        in_root(merged, (source / "build.sh").read_text(), name, overlay=overlay, env={"TAG": tag})
        (layer.root / "etc/resolv.conf").unlink()
        lay_over(source / "rootfs", layer.root)
        _tar(layer.root, layer.tar)

    sources = (REPOSITORY / path for path in SOURCES.get(name, ()))
    return artifact(name, digest(*(one.key for one in lower), tag, source, *sources), make)


def in_root(root: Path, script: str, name: str, *, overlay: str = "", env: dict[str, str] | None = None) -> None:
    """Run `script` by bash inside `root`.

    `overlay` are the options of an overlayfs to mount at `root` first.
    Below /mnt are the `pip` and the certificate authorities of the machine, and this repository.
    """
    spec = importlib.util.find_spec("pip")
    if spec is None or spec.origin is None:
        raise RuntimeError("the images are built with pip: install it into this Python environment")
    where = shlex.quote(str(root))
    mounts = [
        f"mount -t overlay overlay -o {shlex.quote(overlay)} {where}" if overlay else "",
        f"mount -t proc proc {where}/proc",
        f"mount --rbind /dev {where}/dev",
        f"rm -f {where}/etc/resolv.conf; cat /etc/resolv.conf > {where}/etc/resolv.conf",
        f"mkdir -p {where}/mnt; mount -t tmpfs tmpfs {where}/mnt; mkdir {where}/mnt/pip; cp {_AUTHORITIES} {where}/mnt/ca.crt",
        f"mount --bind {shlex.quote(str(Path(spec.origin).parent))} {where}/mnt/pip",
        f"mkdir {where}/mnt/source; mount --bind -o ro {shlex.quote(str(REPOSITORY))} {where}/mnt/source",
    ]
    inside = {
        **{
            name: value
            for name, value in os.environ.items()
            if name.lower().endswith("_proxy") or name.startswith("PIP_")
        },
        "PATH": PATH,
        "HOME": "/tmp",
        "LC_ALL": "C.UTF-8",
        "DEBIAN_FRONTEND": "noninteractive",
        "PIP_CERT": "/mnt/ca.crt",
        **(env or {}),
    }
    words = shlex.join(["chroot", str(root), "/bin/bash", "-euxo", "pipefail", "-c", script])
    _run(["bash", "-euc", "\n".join([*mounts, words])], name, inside)


def _run(command: list[str], name: str, env: dict[str, str] | None = None) -> None:
    """Run `command` in namespaces that take its mounts and processes with them, when it ends and when the tests do."""
    log = CACHE / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        done = subprocess.run(
            [*_CONTAINED, *command], stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env, check=False
        )
    if done.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-25:])
        raise RuntimeError(f"building {name!r} failed; the end of {log}:\n{tail}")


def lay_over(source: Path, root: Path) -> None:
    """Copy `source` into `root`, owned by root, with modes that do not depend on how the files were checked out."""
    for path in sorted(source.rglob("*")):
        target = root / path.relative_to(source)
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            shutil.copyfile(path, target)
            target.chmod(0o755 if os.access(path, os.X_OK) else 0o644)


def _tar(tree: Path, path: Path) -> None:
    """Write a layer; a file that overlayfs marks as removed becomes the layer's own mark for that.

    https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
    """
    with tarfile.open(path, "w") as tar:
        for folder, names, files in os.walk(tree):
            inside = Path(folder).relative_to(tree)
            if str(inside) in _NOT_IN_IMAGES:
                names.clear()
                continue
            if inside.parts and "trusted.overlay.opaque" in os.listxattr(folder):
                tar.addfile(tarfile.TarInfo(str(inside / ".wh..wh..opq")))
            for name in sorted(names + files):
                found = Path(folder, name)
                status = found.lstat()
                if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
                    tar.addfile(tarfile.TarInfo(str(inside / f".wh.{name}")))
                else:
                    entry = tar.gettarinfo(found, str(inside / name))
                    if entry.isreg() and _CAPABILITY in os.listxattr(found):
                        value = os.getxattr(found, _CAPABILITY)
                        entry.pax_headers = {f"SCHILY.xattr.{_CAPABILITY}": value.decode("utf-8", "surrogateescape")}
                    with found.open("rb") if entry.isreg() else contextlib.nullcontext() as content:
                        tar.addfile(entry, content)


if __name__ == "__main__":
    with locked():
        for made in build().layers.values():
            print(made.folder)
