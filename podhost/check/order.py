"""The family `order`: what starts before what, and when it counts as started."""

from __future__ import annotations

import re
from collections.abc import Iterator

from podhost import plan
from podhost.check.ports import listeners
from podhost.check.rules import ERROR, WARNING, Finding, early, rule
from podhost.check.subject import Subject, last
from podhost.problems import Mark, Report, Source
from podhost.quadlet.unitfile import parse

early(
    "order/unknown-need",
    """
    A container needs one that the stack does not have.

    Why: systemd does not start a service whose `Requires=` names a unit that is not there.

    Mend: correct the name; `needs` takes the names of containers, as they stand in the stack.

    Source: systemd.unit(5), Requires=.
    """,
)
early(
    "order/healthy-without-check",
    """
    `ready: healthy` for a container without a health check.

    Why: podman would wait for a result that never comes; without a check it does not even start the container.

    Mend: add `health` with a command; or, if the program speaks sd_notify, take `ready: notify`, which costs no time.

    Source: podman-systemd.unit(5), Notify=; tried: 'sdnotify policy "healthy" requires a healthcheck to be set'.
    """,
)

Edges = dict[str, dict[str, tuple[Mark, str]]]


def _service(name: str) -> str:
    """The service of a Quadlet file: podman-systemd.unit(5)."""
    stem, _, kind = name.rpartition(".")
    if kind == "container":
        return f"{stem}.service"
    return f"{stem}-{kind}.service" if kind in ("pod", "network", "volume", "image", "build") else name


def _edges(subject: Subject) -> Edges:
    """For each service, those that have to be started before it, each with where that is said and by which stack."""
    edges: Edges = {}

    def add(later: str, earlier: str, mark: Mark, service: plan.Service) -> None:
        edges.setdefault(_service(later), {}).setdefault(_service(earlier), (mark, service.name))

    def add_keys(unit: str, sections: plan.Sections, service: plan.Service) -> None:
        for key in sections.get("Unit", ()):
            for name in " ".join(key.values).split():
                if key.name == "After":
                    add(unit, name, key.mark, service)
                elif key.name == "Before":
                    add(name, unit, key.mark, service)

    for member in subject.members:
        service, container = member.service, member.container
        if container.pod:
            add(f"{container.unit}.service", f"{container.pod}.pod", member.mark("pod"), service)
        for index, need in enumerate(container.needs):
            add(f"{container.unit}.service", f"{need}.service", member.mark("needs", index), service)
        add_keys(f"{container.unit}.service", container.systemd, service)
    for service in subject.plan.services:
        for pod in service.pods:
            add_keys(f"{pod.unit}.pod", pod.systemd, service)
        for unit in service.units:
            for entry in parse(Source(unit.name, unit.content), Report()).entries:
                add_keys(unit.name, {entry.section: (plan.Key(entry.key, (entry.value,), unit.mark),)}, service)
    return edges


def _circle(edges: Edges) -> list[str] | None:
    """A circle of services, or None: a walk in depth, in the order of the file."""
    done: set[str] = set()
    for start in edges:
        path: list[str] = []
        walk = [(start, iter(edges.get(start, ())))]
        while walk and start not in done:
            name, rest = walk[-1]
            if name not in path:
                path.append(name)
            following = next((each for each in rest if each not in done), None)
            if following is None:
                done.add(name)
                path.pop()
                walk.pop()
            elif following in path:
                return path[path.index(following) :]
            else:
                walk.append((following, iter(edges.get(following, ()))))
    return None


@rule("order/cycle", ERROR)
def cycle(subject: Subject) -> Iterator[Finding]:
    """Services that wait for each other in a circle.

    Why: systemd breaks the circle by not starting one of them, and says so in the journal alone.

    Mend: leave out the need that is the least true: often the program waits by itself.

    Source: systemd.unit(5), Before=, After=; tried: 'Job … deleted to break ordering cycle'.
    """
    edges = _edges(subject)
    while circle := _circle(edges):
        marks = [edges[later][earlier] for later, earlier in zip(circle, [*circle[1:], circle[0]], strict=True)]
        first = min(range(len(marks)), key=lambda index: marks[index][0][1:3])
        names = [*circle[first:], *circle[:first], circle[first]]
        yield Finding(
            f"services wait for each other in a circle: {' → '.join(each.removesuffix('.service') for each in names)}",
            marks[first][0],
            "leave one of these needs out",
            marks[first][1],
        )
        del edges[circle[-1]][circle[0]]


@rule("order/healthy-key-without-check", ERROR)
def healthy_key_without_check(subject: Subject) -> Iterator[Finding]:
    """`Notify=healthy` as a key of Quadlet's, for a container without a health check.

    Why: podman refuses to start the container, unless the image happens to bring a check of its own.

    Mend: write `ready: healthy` in place of the key, and add `health` with a command.

    Source: podman-systemd.unit(5), Notify=; tried: 'sdnotify policy "healthy" requires a healthcheck to be set'.
    """
    for member in subject.members:
        notify = last(member.container.quadlet, "Notify")
        if notify and notify.lower() == "healthy" and not member.container.health and not member.given("HealthCmd"):
            yield Finding(
                "'Notify=healthy' without a health check",
                member.given("Notify")[-1].mark,
                "write 'ready: healthy', and add 'health' with a command",
                member.service.name,
            )


@rule("order/start-timeout", WARNING)
def start_timeout(subject: Subject) -> Iterator[Finding]:
    """A container may take longer to become healthy than systemd waits for it.

    Why: by its health check it may be unhealthy for `start_period`, and then for `retries` rounds of `interval` and `timeout`.
    If `start_timeout` is shorter, systemd kills a container that nobody would call broken, and starts it again, for ever.

    Mend: raise `start_timeout`, or lower the times of `health`.

    Source: systemd.service(5), TimeoutStartSec=; podman-run(1), --health-start-period.
    """
    for member in subject.members:
        health = member.container.health
        if health is None or member.container.ready != "healthy":
            continue
        budget = health.start_period + health.retries * (health.interval + health.timeout)
        if member.container.start_timeout < budget:
            yield Finding(
                f"it may take {budget}s to become healthy, and systemd waits {member.container.start_timeout}s",
                member.mark("start_timeout"),
                f"raise 'start_timeout' to {budget}s, or lower the times of 'health'",
                member.service.name,
            )


@rule("order/no-restart", WARNING)
def no_restart(subject: Subject) -> Iterator[Finding]:
    """A member of a pod is not started again when it ends.

    Why: podhost's pods go on without it, and nothing else on the host brings it back.

    Mend: leave `restart` out (always), or write `on-failure` for a program that may end well.

    Source: podman-systemd.unit(5), 'Pod units'; systemd.service(5), Restart=.
    """
    for member in subject.members:
        if member.container.pod and member.container.restart == "no" and not member.container.job:
            yield Finding(
                f"{member.name} stays down when it ends, and its pod goes on without it",
                member.mark("restart"),
                "leave 'restart' out, or write on-failure",
                member.service.name,
            )


@rule("order/unneeded-port", WARNING)
def unneeded_port(subject: Subject) -> Iterator[Finding]:
    """A container names another one's port, and does not wait for it.

    Why: members of a pod start at once; a program that cannot stand a refused connection ends, and is started again and again until the other is there.

    Mend: add the other to `needs`.
    If the program waits by itself, or does without for a while, silence the rule and say so.

    Source: podman-systemd.unit(5): there is no order between the members of a pod.
    """
    owners = listeners(subject)
    needs = {each.name: each.container.needs for each in subject.members}
    for member in subject.members:
        waits, queue = {member.name}, [member.name]
        while queue:
            for need in needs.get(queue.pop(), ()):
                if need not in waits:
                    waits.add(need)
                    queue.append(need)
        container = member.container
        texts = [(text, member.mark("environment", key)) for key, text in container.environment.items()]
        texts += [(text, member.mark("command", index)) for index, text in enumerate(container.command)]
        contents = {each.path: each.content for each in member.service.files}
        texts += [(contents[each.source], each.mark) for each in container.mounts if each.source in contents]
        told: set[str] = set()
        for text, mark in texts:
            for host, number in re.findall(
                r"(?<![\w.-])(127\.0\.0\.1|localhost|\[::1\]|[a-z][\w-]*):(\d{2,5})\b", text
            ):
                local = host in ("127.0.0.1", "localhost", "[::1]")
                other = owners.get((member.group if local else host, int(number)))
                if other and other.name not in waits | told:
                    told.add(other.name)
                    yield Finding(
                        f"{member.name} uses port {number} of {other.name}, and does not wait for it",
                        mark,
                        f"add it to needs: [{other.container.name}]",
                        member.service.name,
                    )
