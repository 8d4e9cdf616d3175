"""The stand-in images: the one table of their names, layers and configuration.

No container registry is needed to test: each image has the name, user, paths, ports, environment and entrypoint contract
of the official one, and real programs inside, from Debian 13 and PyPI.
A layer is a folder below `images/`: `build.sh` runs in the layer's root, then `rootfs/` is laid over it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from podhost.spec.host import Backup, Certificates


@dataclass(frozen=True, slots=True)
class Image:
    """One image: what a registry serves under a name.

    `layers` are folder names, lowest first; `preload` says whether a host may have it before its first boot.
    The other fields are those of the OCI image configuration.
    """

    reference: str
    layers: tuple[str, ...]
    entrypoint: tuple[str, ...]
    cmd: tuple[str, ...] = ()
    user: str = ""
    env: dict[str, str] = field(default_factory=dict)
    ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    stop_signal: str = "SIGTERM"
    preload: bool = True

    @property
    def repository(self) -> str:
        """The name without registry and tag, as a registry's API wants it: `library/postgres`."""
        return self.reference.partition("/")[2].partition(":")[0]

    @property
    def tag(self) -> str:
        """What stands behind the colon."""
        return self.reference.rpartition(":")[2]


PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

POSTGRES = Image(
    reference="docker.io/library/postgres:17",
    layers=("base", "postgres"),
    entrypoint=("docker-entrypoint.sh",),
    cmd=("postgres",),
    env={
        "PATH": PATH + ":/usr/lib/postgresql/17/bin",
        "LANG": "en_US.utf8",
        "PG_MAJOR": "17",
        "PGDATA": "/var/lib/postgresql/data",
    },
    ports=("5432/tcp",),
    volumes=("/var/lib/postgresql/data",),
    stop_signal="SIGINT",
)

SYNAPSE = Image(
    reference="docker.io/matrixdotorg/synapse:v1.163.2",
    layers=("base", "synapse"),
    entrypoint=("/start.py",),
    env={"PATH": PATH, "LANG": "C.UTF-8"},
    ports=("8008/tcp", "8448/tcp", "19090/tcp"),
)

NGINX = Image(
    reference="docker.io/library/nginx:1.30",
    layers=("base", "nginx"),
    entrypoint=("/docker-entrypoint.sh",),
    cmd=("nginx", "-g", "daemon off;"),
    env={"PATH": PATH},
    ports=("80/tcp",),
    stop_signal="SIGQUIT",
)

# What stacks/site/README.md tells administrators of: an image of their own, with a module that nginx's has not.
NGINX_BROTLI = replace(NGINX, reference="docker.io/example/nginx-brotli:1.30", layers=(*NGINX.layers, "nginx-brotli"))

ELEMENT = Image(
    reference="docker.io/vectorim/element-web:v1.12.20",
    layers=("base", "nginx", "element"),
    entrypoint=("/docker-entrypoint.sh",),
    cmd=("nginx", "-g", "daemon off;"),
    user="nginx",
    env={"PATH": PATH, "ELEMENT_WEB_PORT": "80"},
    ports=("8080/tcp",),
    stop_signal="SIGQUIT",
)

REDIS = Image(
    reference="docker.io/library/redis:8",
    layers=("base", "redis"),
    entrypoint=("docker-entrypoint.sh",),
    cmd=("redis-server",),
    env={"PATH": PATH},
    ports=("6379/tcp",),
    volumes=("/data",),
)

COTURN = Image(
    reference="docker.io/coturn/coturn:4.6",
    layers=("base", "coturn"),
    entrypoint=("docker-entrypoint.sh",),
    cmd=("--log-file=stdout",),
    user="nobody:nogroup",
    env={"PATH": PATH},
    ports=("3478/tcp", "3478/udp", "5349/tcp", "5349/udp"),
    volumes=("/var/lib/coturn",),
)

EXIM_RELAY = Image(
    reference="ghcr.io/devture/exim-relay:4.99.1-r0-2",
    layers=("base", "exim-relay"),
    entrypoint=("/sbin/tini", "--"),
    cmd=("exim", "-bdf", "-q15m"),
    user="exim",
    env={"PATH": PATH},
    ports=("8025/tcp",),
)

# podhost itself is no stand-in, but Debian's Python is one for the official image that it stands on.
# It changes with every line of podhost, so hosts pull it: they start without it, and so do real ones.
PODHOST = Image(
    reference=Certificates.model_fields["image"].default,
    layers=("base", "python", "podhost-needs", "podhost"),
    entrypoint=("podhost",),
    user="10001:10001",
    env={"PATH": PATH, "PYTHONPATH": "/opt/podhost", "PYTHONDONTWRITEBYTECODE": "1"},
    preload=False,
)

MINIFLUX = Image(
    reference="docker.io/miniflux/miniflux:2.2.6",
    layers=("base", "miniflux"),
    entrypoint=(),
    cmd=("/usr/bin/miniflux",),
    user="65534",
    env={"PATH": PATH, "LISTEN_ADDR": "0.0.0.0:8080"},
    ports=("8080/tcp",),
)

RADICALE = Image(
    reference="ghcr.io/kozea/radicale:3.5.3",
    layers=("base", "radicale"),
    entrypoint=("/app/bin/python", "/app/bin/radicale"),
    cmd=("--hosts", "0.0.0.0:5232,[::]:5232"),
    user="1000",
    env={"PATH": PATH},
    ports=("5232/tcp",),
    volumes=("/var/lib/radicale",),
)

RESTIC = Image(
    reference=Backup.model_fields["image"].default,
    layers=("base", "restic"),
    entrypoint=("/usr/bin/restic",),
    env={"PATH": PATH},
)

IMAGES = (
    POSTGRES,
    SYNAPSE,
    ELEMENT,
    NGINX,
    NGINX_BROTLI,
    REDIS,
    COTURN,
    EXIM_RELAY,
    MINIFLUX,
    RADICALE,
    RESTIC,
    PODHOST,
)
# What layers are made of beside their own folder: paths of this repository, below /mnt/source while they are built.
SOURCES = {
    "podhost-needs": ("pyproject.toml",),
    "podhost": ("podhost", "stacks", "parts", "units", "butane", "Containerfile"),
}
