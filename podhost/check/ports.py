"""The family `ports`: who listens where, and what of it the host publishes."""

from __future__ import annotations

from collections.abc import Iterator

from podhost import plan
from podhost.check.rules import ERROR, WARNING, Finding, rule
from podhost.check.subject import Member, Subject

UNPRIVILEGED = 1024
"""The first port that needs no privilege (ip(7), ip_unprivileged_port_start)."""

_EVERYWHERE = {"": "46", "0.0.0.0": "4", "[::]": "6"}
_SSH = 22


def _meet(one: plan.Port, other: plan.Port) -> bool:
    """Whether two ports of the host are one: without an address a port is on all of them."""
    if (one.host, one.protocol) != (other.host, other.protocol):
        return False
    if one.address == other.address or not one.address or not other.address:
        return True
    families = ["6" if each.address.startswith("[") else "4" for each in (one, other)]
    return families[0] == families[1] and bool({one.address, other.address} & set(_EVERYWHERE))


@rule("ports/published-twice", ERROR)
def published_twice(subject: Subject) -> Iterator[Finding]:
    """One port of the host is published by two services, or by a service and the host's ssh.

    Why: the second to start gets 'address already in use', and fails for as long as the first one runs.

    Mend: publish one of them at another port, or each at an address of its own: [ADDRESS:]HOST:CONTAINER.

    Source: tried: podman 5.4 ends with status 126.
    """
    seen: list[tuple[plan.Port, str]] = []
    for port, service, owner, _ in subject.published:
        ssh = "the host's ssh server" if (port.host, port.protocol) == (_SSH, "tcp") else None
        taken = ssh or next((who for other, who in seen if _meet(port, other)), None)
        if taken:
            yield Finding(
                f"port {port.host}/{port.protocol} is taken already, by {taken}",
                port.mark,
                "publish it at another port of the host, or at an address of its own",
                service.name,
            )
        seen.append((port, owner))


@rule("ports/two-listeners", ERROR)
def two_listeners(subject: Subject) -> Iterator[Finding]:
    """Two members of a pod listen on one port.

    Why: a pod has one network, so the second to start gets 'Address already in use' and ends.

    Mend: configure one of the programs for another port.

    Source: podman-pod-create(1); tried with two nginx on port 80.
    """
    seen: dict[tuple[str, int], Member] = {}
    for member in subject.members:
        for index, port in enumerate(member.container.listens):
            first = seen.setdefault((member.group, port), member)
            if first is not member:
                yield Finding(
                    f"{first.name} of the same pod listens on port {port} already",
                    member.mark("listens", index),
                    "configure one of the programs for another port",
                    member.service.name,
                )


def _free_from(member: Member) -> int:
    """The first port that a container may listen on without a capability: podman leaves the kernel's setting as it is."""
    pods = {pod.unit: pod for pod in member.service.pods}
    pod = pods.get(member.container.pod or "")
    settings = [
        value
        for key in member.given("Sysctl") + [key for key in (pod.quadlet if pod else ()) if key.name == "PodmanArgs"]
        for value in key.values
    ]
    for value in settings:
        name, _, number = value.removeprefix("--sysctl=").strip().partition("=")
        if name.strip() == "net.ipv4.ip_unprivileged_port_start" and number.strip().isdigit():
            return int(number)
    return UNPRIVILEGED


@rule("ports/privileged", ERROR)
def privileged(subject: Subject) -> Iterator[Finding]:
    """A container without the capability for it listens on a port below 1024.

    Why: podhost starts containers without capabilities, and the kernel then refuses such ports even to root: 'Permission denied'.

    Mend: let the program listen above 1024 and publish it as what it is: `80:8080`.
    Where the port cannot be changed, give `capabilities: [NET_BIND_SERVICE]`.

    Source: capabilities(7), CAP_NET_BIND_SERVICE; ip(7), ip_unprivileged_port_start.
    """
    for member in subject.members:
        names = {each.upper().removeprefix("CAP_") for each in member.container.capabilities}
        names |= {value.upper().removeprefix("CAP_") for key in member.given("AddCapability") for value in key.values}
        if names & {"NET_BIND_SERVICE", "ALL"}:
            continue
        first = _free_from(member)
        for index, port in enumerate(member.container.listens):
            if port < first:
                yield Finding(
                    f"port {port} needs a capability that {member.name} does not have",
                    member.mark("listens", index),
                    "let the program listen above 1024, or give it capabilities: [NET_BIND_SERVICE]",
                    member.service.name,
                )


@rule("ports/no-listener", WARNING)
def no_listener(subject: Subject) -> Iterator[Finding]:
    """A published port leads to one that no container listens on.

    Why: whoever connects is refused.
    podhost knows from `listens` alone which ports programs have, and checks them against each other.

    Mend: correct the port, or add it to `listens` of the container whose program has it.
    """
    for port, service, owner, members in subject.published:
        if not any(port.inner in each.container.listens for each in members):
            yield Finding(
                f"nothing in {owner} listens on port {port.inner}",
                port.mark,
                "correct it, or add the port to 'listens' of the container that has it",
                service.name,
            )


def listeners(subject: Subject) -> dict[tuple[str, int], Member]:
    """Who listens, by network (the pod's, or a container's own) and port."""
    return {(each.group, port): each for each in subject.members for port in each.container.listens}
