"""What a diagram shows of a plan, before anybody decides where on the paper it stands."""

from __future__ import annotations

from typing import NamedTuple

from podhost import plan
from podhost.resolve.ports import address


class Box(NamedTuple):
    """A container, with the volumes that it has; `front` says that a published port leads to it, `when` when a job runs."""

    label: str
    volumes: tuple[str, ...]
    front: bool
    when: str


class Port(NamedTuple):
    """A port of the host, as people write it, and the number of the container in its group that it leads to."""

    label: str
    box: int


class Group(NamedTuple):
    """A pod, or a container that stands alone (then `title` is empty): who shares a network, and the host's ports that lead there.

    `edge` is the number of the container that the edge leads to, if it does.
    """

    title: str
    boxes: tuple[Box, ...]
    ports: tuple[Port, ...]
    edge: int | None


class Stack(NamedTuple):
    """A service: its groups, and the names that people find it by."""

    groups: tuple[Group, ...]
    names: tuple[str, ...]


class Picture(NamedTuple):
    """A host. Of the `edge`, where it has one, there is one box."""

    title: str
    stacks: tuple[Stack, ...]
    edge: Group | None


def picture(host: plan.Plan) -> Picture:
    """Say what there is to see of a host."""
    edge = next((each for each in host.services if each.name == plan.EDGE), None)
    return Picture(
        title=host.machine.hostname or "a host",
        stacks=tuple(_stack(service) for service in host.services if service is not edge),
        edge=_stack(edge).groups[0] if edge else None,
    )


def _stack(service: plan.Service) -> Stack:
    groups = [
        _group(service, f"pod {pod.unit}", pod.publish, [each for each in service.containers if each.pod == pod.unit])
        for pod in service.pods
    ]
    groups += [_group(service, "", each.publish, [each]) for each in service.containers if not each.pod]
    names = dict.fromkeys(name for certificate in service.certificates for name in certificate.names)
    return Stack(tuple(groups), tuple(names))


def _group(
    service: plan.Service, title: str, published: tuple[plan.Port, ...], containers: list[plan.Container]
) -> Group:
    inner = {port.inner for port in published}
    ports = [
        Port(_port(port), _listener(port, containers)) for port in published if port.address != address(service.name)
    ]
    boxes = (
        Box(each.name, _volumes(service, each), bool(inner & set(each.listens)), each.job.schedule if each.job else "")
        for each in containers
    )
    shared = [_listener(port, containers) for port in published if port.address == address(service.name)]
    return Group(title, tuple(boxes), tuple(ports), shared[0] if shared else None)


def _listener(port: plan.Port, containers: list[plan.Container]) -> int:
    """The container that listens on a port; the first, where none is said to."""
    return next((index for index, each in enumerate(containers) if port.inner in each.listens), 0)


def _port(port: plan.Port) -> str:
    before = f"{port.address}:" if port.address else ""
    return f"{before}{port.host}{'' if port.protocol == 'tcp' else '/' + port.protocol}"


def _volumes(service: plan.Service, container: plan.Container) -> tuple[str, ...]:
    """The volumes of a container, and what else of the host it has, but for its configuration."""
    certificates = {each.path for each in service.certificates}
    found = []
    for mount in container.mounts:
        if mount.volume:
            found.append(mount.volume)
        elif mount.source in certificates:
            found.append("certificates")
        elif mount.source == plan.WEBROOT:
            found.append("webroot")
        elif not mount.source.startswith(f"{service.root}/"):
            found.append(mount.source)
    return tuple(dict.fromkeys(found))
