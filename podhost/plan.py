"""The service plan: what a host means, with nothing left to fill in.

Every part keeps the mark of the line it came from.
The parts are named tuples: a fifth of the import time of frozen dataclasses, and there are many of them.
Names are final: a unit `matrix-postgres` here is `matrix-postgres.container` for Quadlet and `matrix-postgres` for podman.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from podhost.document import Node, Scalar, locate
from podhost.problems import Mark, Source

DATA_ROOT = "/var/srv/containers"
"""Where lasting data lives: SELinux policy labels it container_file_t (container-selinux, container.fc)."""

WEBROOT = f"{DATA_ROOT}/certificates/webroot"
"""Where the answers to certificate authorities' challenges are."""
CHANGED = f"{DATA_ROOT}/certificates/store/changed"
"""What is written anew each time that a certificate has become current."""

Sections = Mapping[str, tuple["Key", ...]]
"""Keys of a unit file, by section."""

MULTI_USER = "multi-user.target"

HOST = "host"
"""The network of a container that has none of its own: what its program listens on are ports of the host."""

EDGE = "edge"
"""The service that has the ports which several stacks share."""


class Places(NamedTuple):
    """Where the parts of a service stand, finer than their own marks: `node` is its stack file.

    `given` tells where the host file gives the values of those parameters that it does give.
    """

    node: Node
    given: Mapping[str, Mark]

    def mark(self, *path: str | int) -> Mark:
        """Where to mend what stands at a path: in the host file, if a value of it was filled in."""
        mark, node = locate(self.node, path)
        return self.blame(mark, node.text) if isinstance(node, Scalar) else mark

    def blame(self, mark: Mark, text: str) -> Mark:
        """Where to mend a text of the stack that stands at a mark."""
        if "{{" in text:
            return next((self.given[name] for name in re.findall(_NAME, text) if name in self.given), mark)
        return mark


_NAME = r"[a-z][a-z0-9_]*"


class Silence(NamedTuple):
    """A rule of `podhost check` that is not to speak, and why."""

    rule: str
    reason: str
    mark: Mark


class Key(NamedTuple):
    """A key of a unit file that the stack gives under its own name, with its values."""

    name: str
    values: tuple[str, ...]
    mark: Mark


class Owner(NamedTuple):
    """A numeric user and group: names mean different things inside and outside a container."""

    uid: int
    gid: int

    def __str__(self) -> str:
        return f"{self.uid}:{self.gid}"


ROOT = Owner(0, 0)


class Port(NamedTuple):
    """A port of the host that leads to one of a pod or container; with a `span` above 1, as many in a row to as many."""

    host: int
    inner: int
    mark: Mark
    address: str = ""
    protocol: str = "tcp"
    span: int = 1


class Mount(NamedTuple):
    """Something of the host at a path in a container. `source` is a path, or the name of a podman volume."""

    source: str
    target: str
    options: tuple[str, ...]
    mark: Mark
    volume: str = ""


class Local(NamedTuple):
    """A folder beside the host file. `mark` is where it is named."""

    path: str
    mark: Mark


class Volume(NamedTuple):
    """A folder below the data root, or a podman volume (then `path` is empty), or the files of a `local` folder at `path`."""

    name: str
    unit: str
    path: str
    owner: Owner
    mode: int
    mark: Mark
    large: bool = False
    saved: bool = True
    local: Local | None = None


class Network(NamedTuple):
    """A podman network."""

    name: str
    unit: str
    ipv6: bool
    internal: bool
    quadlet: tuple[Key, ...]
    mark: Mark


class Image(NamedTuple):
    """An image that is pulled before the containers made from it start."""

    unit: str
    reference: str
    mark: Mark


class Segment(NamedTuple):
    """A piece of a secret: `kind` is text, secret (another one's content), json (the same, in the quotes of a JSON string), given (by the administrator alone), token, hex or base64 (`argument` random bytes)."""

    kind: str
    argument: str


class Secret(NamedTuple):
    """A secret by its name in the stack; podman knows it as `unit`."""

    name: str
    unit: str
    content: tuple[Segment, ...]
    mark: Mark


class Pair(NamedTuple):
    """A certificate with its chain and its key, which the administrator brings. `mark` is where the host file says so."""

    certificate: Source
    key: Source
    mark: Mark


class Certificate(NamedTuple):
    """A certificate in the folder `path`: the user who reads its key, and the units of the containers that present it.

    `places` tells of each name where to mend it. Without a `pair` that the administrator brings, the host gets it by itself.
    """

    name: str
    path: str
    names: tuple[str, ...]
    places: tuple[Mark, ...]
    owner: Owner
    readers: tuple[str, ...]
    pair: Pair | None
    mark: Mark


class Health(NamedTuple):
    """A health check; times in seconds."""

    command: tuple[str, ...]
    interval: int
    timeout: int
    retries: int
    start_period: int


class Pod(NamedTuple):
    """A pod; `members` are the units of its containers."""

    name: str
    unit: str
    network: str | None
    publish: tuple[Port, ...]
    members: tuple[str, ...]
    quadlet: tuple[Key, ...]
    systemd: Sections
    mark: Mark


class Job(NamedTuple):
    """When a container runs to its end: a calendar event of systemd.time(7), and the seconds that a run may be late.

    Without an event it runs at each boot.
    """

    schedule: str
    spread: int


class Container(NamedTuple):
    """A container; `pod`, `network`, `image` and `needs` are names of units, but the network may be `HOST`."""

    name: str
    unit: str
    summary: str
    image: str
    reference: str
    pod: str | None
    network: str | None
    publish: tuple[Port, ...]
    listens: tuple[int, ...]
    user: Owner | None
    command: tuple[str, ...]
    environment: Mapping[str, str]
    secrets: tuple[str, ...]
    mounts: tuple[Mount, ...]
    tmpfs: tuple[str, ...]
    read_only: bool
    capabilities: tuple[str, ...]
    ready: str
    health: Health | None
    needs: tuple[str, ...]
    stop_signal: str
    stop_timeout: int
    start_timeout: int
    restart: str
    reload: str
    job: Job | None
    update: str
    quadlet: tuple[Key, ...]
    systemd: Sections
    mark: Mark


class ConfigFile(NamedTuple):
    """A rendered file of the stack, at `path` on the host."""

    name: str
    path: str
    content: str
    mark: Mark

    @property
    def mode(self) -> int:
        """A script may be run."""
        return 0o755 if self.content.startswith("#!") else 0o644


class Unit(NamedTuple):
    """A systemd unit of the stack's own."""

    name: str
    content: str
    enabled: bool
    mark: Mark


class Service(NamedTuple):
    """A stack with its parameters filled in."""

    name: str
    summary: str
    addresses: tuple[str, ...]
    pods: tuple[Pod, ...]
    containers: tuple[Container, ...]
    volumes: tuple[Volume, ...]
    networks: tuple[Network, ...]
    images: tuple[Image, ...]
    secrets: tuple[Secret, ...]
    certificates: tuple[Certificate, ...]
    files: tuple[ConfigFile, ...]
    units: tuple[Unit, ...]
    places: Places
    silence: tuple[Silence, ...]
    mark: Mark

    @property
    def root(self) -> str:
        """The folder of the service's lasting data."""
        return f"{DATA_ROOT}/{self.name}"

    @property
    def published(self) -> tuple[Port, ...]:
        """The ports of the host that lead to it."""
        publishers: tuple[Pod | Container, ...] = (*self.pods, *self.containers)
        return tuple(port for each in publishers for port in each.publish)


class Machine(NamedTuple):
    """The machine under the services: `window_start` as HH:MM, `window_minutes` its length, `swap_mib` 0 for none; `backup` says whether its data are saved."""

    hostname: str | None
    ssh_keys: tuple[str, ...]
    time_zone: str
    window_days: tuple[str, ...]
    window_start: str
    window_minutes: int
    update_containers: bool
    data_disk: str | None
    data_filesystem: str
    swap_mib: int
    backup: bool = False


class EmbeddedSecret(NamedTuple):
    """A secret that the administrator brings, as a file in the Ignition config."""

    service: str
    name: str
    content: str


class Plan(NamedTuple):
    """A whole host. What podhost adds by itself (the edge, certificates, backups) comes last among its services.

    `challenge` is how an authority is shown that the names are the host's: http-01, dns-01, or nothing where none asks.
    """

    machine: Machine
    services: tuple[Service, ...]
    embedded: tuple[EmbeddedSecret, ...]
    silence: tuple[Silence, ...] = ()
    challenge: str = ""
