"""What rules look at: the plan, the file set, the target, and a few views of them that several rules share."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

from podhost import plan
from podhost.fileset import FileSet
from podhost.problems import Mark
from podhost.quadlet.keys import DEFAULT_PODMAN, Release
from podhost.resolve.values import port as read_port


class Target(NamedTuple):
    """The machine that a host is for: `spec` is the newest Ignition spec it reads, `limit` the bytes of user-data it takes."""

    podman: Release = DEFAULT_PODMAN
    spec: str = ""
    stream: str = ""
    provider: str = ""
    limit: int = 0


class Member(NamedTuple):
    """A container with its service. `group` is who shares one SELinux label and one network: its pod, or it alone."""

    service: plan.Service
    container: plan.Container
    group: str

    @property
    def name(self) -> str:
        """What people call it: the container by its name in the stack."""
        return self.container.unit

    def mark(self, *path: str | int) -> Mark:
        """Where a part of the container stands."""
        return self.service.places.mark("containers", self.container.name, *path)

    def given(self, *names: str) -> list[plan.Key]:
        """The container's other Quadlet keys of these names, each with its values."""
        return [key for key in self.container.quadlet if key.name in names]

    def truth(self, name: str) -> bool:
        """Whether a boolean Quadlet key is given as true, as systemd writes it: 1, yes, true, on."""
        values = [value for key in self.given(name) for value in key.values]
        return bool(values) and values[-1].strip().lower() in ("1", "yes", "true", "on")


class Published(NamedTuple):
    """A port of the host with who publishes it, and the containers whose listener it leads to."""

    port: plan.Port
    service: plan.Service
    owner: str
    members: tuple[Member, ...]


class Subject:
    """A host to be checked. `config` is its Ignition config, or None before there is one."""

    def __init__(self, host: plan.Plan, files: FileSet, target: Target, config: dict[str, Any] | None = None) -> None:
        self.plan = host
        self.files = files
        self.target = target
        self.config = config or {}

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """All containers of the host."""
        return tuple(
            Member(service, container, container.pod or container.unit)
            for service in self.plan.services
            for container in service.containers
        )

    @cached_property
    def mounts(self) -> tuple[tuple[Member, plan.Mount], ...]:
        """All mounts of all containers, those of `quadlet: {Volume: …}` included."""
        found = []
        for member in self.members:
            found += [(member, mount) for mount in member.container.mounts]
            for key in member.given("Volume"):
                for value in key.values:
                    source, _, rest = value.partition(":")
                    target, _, options = rest.partition(":")
                    if target:
                        found.append((member, plan.Mount(source, target, tuple(options.split(",")), key.mark)))
        return tuple(found)

    @cached_property
    def published(self) -> tuple[Published, ...]:
        """All ports that the host publishes, those of `quadlet: {PublishPort: …}` included."""
        found = []
        for service in self.plan.services:
            members = [each for each in self.members if each.service is service]
            for pod in service.pods:
                mine = tuple(each for each in members if each.container.pod == pod.unit)
                ports = [*pod.publish, *_given_ports(pod.quadlet)]
                found += [Published(port, service, pod.unit, mine) for port in ports]
            for each in members:
                if each.container.pod:  # ports are the pod's alone
                    continue
                ports = [*each.container.publish, *_given_ports(each.container.quadlet)]
                found += [Published(port, service, each.name, (each,)) for port in ports]
        return tuple(found)


def _given_ports(keys: tuple[plan.Key, ...]) -> Iterator[plan.Port]:
    for key in keys:
        if key.name == "PublishPort":
            for value in key.values:
                try:
                    yield read_port(value, key.mark)
                except ValueError:  # podman has more ways to write one: ranges, and ports that it chooses itself
                    continue


def last(keys: tuple[plan.Key, ...], name: str) -> str | None:
    """The value that counts of a key that has one."""
    values = [value for key in keys if key.name == name for value in key.values]
    return values[-1] if values else None
