"""A stack with the values of its parameters, into the plan of one service."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from podhost import plan
from podhost.document import key_mark, locate
from podhost.library import StackFolder
from podhost.problems import Mark, Report
from podhost.resolve import values as read
from podhost.resolve.content import Content
from podhost.resolve.counts import counted
from podhost.resolve.fill import Filler, Path, written
from podhost.resolve.parts import present
from podhost.resolve.ports import through_edge
from podhost.spec import stack as spec
from podhost.templates import Templates

SECRETS = "/run/secrets"
CERTIFICATES = "/run/certificates"
OWN_FOLDERS = ("certificates", "config", "secrets")


class CertificateView(NamedTuple):
    """A certificate as templates see it: the paths in the container, and the names it is for."""

    certificate: str
    key: str
    names: tuple[str, ...]

    @property
    def server_names(self) -> str:
        """The names in one line, as nginx has them."""
        return " ".join(self.names)


def resolve_service(
    folder: StackFolder,
    values: Mapping[str, object],
    places: Mapping[str, Mark],
    machine: plan.Machine,
    mark: Mark,
    templates: Templates,
    report: Report,
    pairs: Mapping[str, plan.Pair] = MappingProxyType({}),
    webroot: str = "",
    edge: str = "",
) -> plan.Service | None:
    """Resolve a stack into a service; every problem goes to the report, and with an error among them there is no service.

    `places` tells where the host file gives those values that it does give, `pairs` has the certificates that the administrator brings,
    and `webroot` is the folder of the host with the answers to challenges, where it is not the stack's own certificates that decide whether there is one.
    `edge` is the host's own address at which the edge finds the service, empty where the host has no edge.
    """
    service = _Resolver(folder, values, places, machine, templates, report, pairs, webroot, edge).service(mark)
    return None if report.failed else service


class _Resolver(Content):
    def __init__(
        self,
        folder: StackFolder,
        values: Mapping[str, object],
        places: Mapping[str, Mark],
        machine: plan.Machine,
        templates: Templates,
        report: Report,
        pairs: Mapping[str, plan.Pair],
        webroot: str,
        edge: str,
    ) -> None:
        own = {"host": machine, "edge": bool(edge)}
        known = {**values, **own}
        folder, numbers = counted(Filler(folder, known, places, templates, report))
        folder, absent = present(Filler(folder, known, places, templates, report))
        super().__init__(folder, values, places, templates, report)
        self.numbers = numbers
        # A template may ask whether the host has a part: what is left out is there, and empty.
        self.values["secrets"] = {
            **dict.fromkeys(absent.get("secrets", ()), ""),
            **{name: f"{SECRETS}/{name}" for name in self.stack.secrets},
        }
        self.pairs = pairs
        # Only where a certificate has to be had is there such a folder.
        self.webroot = webroot or (plan.WEBROOT if self.stack.certificates.keys() - pairs.keys() else "")
        self.edge = edge
        self.values |= {"stack": self.stack.stack, **own}
        names = {
            name: self.texts(("certificates", name, "names"), each.names)
            for name, each in self.stack.certificates.items()
        }
        self.values["certificates"] = {
            name: CertificateView(
                f"{CERTIFICATES}/{name}/current/fullchain.pem", f"{CERTIFICATES}/{name}/current/privkey.pem", each
            )
            for name, each in names.items()
        }

    def service(self, mark: Mark) -> plan.Service:
        stack = self.stack
        self.origin = mark
        users = {name: self.user(("containers", name, "user"), each.user) for name, each in stack.containers.items()}
        volumes = tuple(self.volume(name, each, users) for name, each in stack.volumes.items())
        files = self.files()
        self.empty = {file.name for file in files if not file.content.strip()}
        images = self.images()
        containers = tuple(
            self.container(name, each, users[name], volumes, images) for name, each in stack.containers.items()
        )
        by_reference = {image.reference: image for image in images.values()}
        return plan.Service(
            name=stack.stack,
            summary=self.text(("summary",), stack.summary),
            addresses=self.texts(("addresses",), stack.addresses),
            pods=tuple(self.pod(name, each, containers) for name, each in stack.pods.items()),
            containers=containers,
            volumes=volumes,
            networks=tuple(self.network(name, each) for name, each in stack.networks.items()),
            images=tuple(by_reference.values()),
            secrets=self.secrets(),
            certificates=tuple(self.certificate(name, users) for name in stack.certificates),
            files=tuple(file for file in files if file.name not in self.empty),
            units=tuple(self.own_unit(name, each) for name, each in stack.units.items()),
            places=self.places,
            silence=tuple(
                plan.Silence(rule, reason, key_mark(self.folder.node, ("silence", rule)))
                for rule, reason in stack.silence.items()
            ),
            mark=mark,
        )

    def user(self, path: Path, text: str | None) -> plan.Owner | None:
        return None if text is None else self.parse(path, text, read.owner, plan.ROOT)

    def volume(self, name: str, volume: spec.Volume, users: Mapping[str, plan.Owner | None]) -> plan.Volume:
        path = ("volumes", name)
        if volume.lasting and name in OWN_FOLDERS:
            self.report.error(f"'{name}' is a folder of podhost's own", self.mark(path), "give the volume another name")
        owner = self.user((*path, "owner"), volume.owner) or self.reader(
            path,
            [
                (users[each], mounts)
                for each, container in self.stack.containers.items()
                for mounts in container.volumes
            ],
            name,
        )
        mode = self.parse((*path, "mode"), volume.mode, read.mode, 0o700)
        folder = f"{self.root}/{name}" if volume.lasting else ""
        local = None
        if source := self.text((*path, "local"), volume.local):
            local = plan.Local(source, self.blame((*path, "local"), volume.local))
            folder = f"{self.root}/config/{name}"  # like all configuration, written anew with each system
        return plan.Volume(
            name=name,
            unit=self.unit(name),
            path=folder,
            owner=owner,
            mode=mode,
            mark=self.mark(path),
            large=volume.large,
            saved=volume.saved,
            local=local,
        )

    def reader(self, path: Path, mounts: Iterable[tuple[plan.Owner | None, str]], name: str) -> plan.Owner:
        """The user of the containers that write to a volume; without any, of those that read it."""
        users: dict[bool, set[plan.Owner]] = {True: set(), False: set()}
        for user, text in mounts:
            source, _, rest = text.partition(":")
            if source == name:
                read_only = "ro" in rest.partition(":")[2].split(",")
                users[read_only].add(user or plan.ROOT)
        owners = users[False] or users[True]
        if len(owners) > 1:
            self.report.error(
                f"containers of different users use the volume '{name}'",
                self.mark(path),
                f"say who owns it: owner: {min(map(str, owners))}",
            )
        return min(owners, key=str, default=plan.ROOT)

    def network(self, name: str, network: spec.Network) -> plan.Network:
        path = ("networks", name)
        if name == plan.HOST:
            self.report.error("'host' is the host's own network", self.mark(path), "give the network another name")
        quadlet = self.keys((*path, "quadlet"), network.quadlet)
        return plan.Network(name, self.unit(name), network.ipv6, network.internal, quadlet, self.mark(path))

    def images(self) -> dict[str, plan.Image]:
        """The image of each container: containers with the same reference share one, which has the name of the first."""
        by_reference: dict[str, plan.Image] = {}
        images = {}
        for name, container in self.stack.containers.items():
            path = ("containers", name, "image")
            reference = self.parse(path, container.image, read.image, "")
            images[name] = by_reference.setdefault(reference, plan.Image(self.unit(name), reference, self.mark(path)))
        return images

    def pod(self, name: str, pod: spec.Pod, containers: tuple[plan.Container, ...]) -> plan.Pod:
        path = ("pods", name)
        unit = self.unit(name)
        if not any(each.pod == unit for each in containers):
            self.report.error(
                f"the pod '{name}' has no containers", self.mark(path), f"write 'pod: {name}' at its members"
            )
        return plan.Pod(
            name=name,
            unit=unit,
            network=self.named((*path, "network"), pod.network, self.stack.networks, "network"),
            publish=self.ports((*path, "publish"), pod.publish),
            members=tuple(each.unit for each in containers if each.pod == unit),
            quadlet=self.keys((*path, "quadlet"), pod.quadlet),
            systemd=self.systemd(path, pod.systemd),
            mark=self.mark(path),
        )

    def ports(self, path: Path, texts: Iterable[str]) -> tuple[plan.Port, ...]:
        found = []
        for where, text in self.items(path, texts):
            found.append(self.maybe(where, text, partial(read.port, mark=self.blame(where, text))))
        return tuple(through_edge(port, self.edge, self.report) for port in found if port)

    def own_ports(self, path: Path, listens: tuple[int, ...]) -> tuple[plan.Port, ...]:
        """The ports of the host that a container on the host's own network has, where it does not say them itself."""
        return tuple(plan.Port(port, port, self.mark((*path, "listens", index))) for index, port in enumerate(listens))

    def container(
        self,
        name: str,
        container: spec.Container,
        user: plan.Owner | None,
        volumes: tuple[plan.Volume, ...],
        images: Mapping[str, plan.Image],
    ) -> plan.Container:
        stack, path = self.stack, ("containers", name)
        mark = locate(self.folder.node, path)[0]
        pod = self.named((*path, "pod"), container.pod, stack.pods, "pod")
        if pod and (container.network or container.publish):
            which = "network" if container.network else "publish"
            self.report.error(
                f"a member of a pod has no '{which}' of its own",
                self.mark((*path, which)),
                f"write it at the pod '{container.pod}'",
                "quadlet/pod-key-on-member",
            )
        network = container.network
        if network != plan.HOST:
            network = self.named((*path, "network"), network, stack.networks, "network")
        for index, secret in enumerate(container.secrets):
            self.named((*path, "secrets", index), secret, stack.secrets, "secret", "secrets/undefined")
        listens = tuple(
            self.parse(where, text, read.port_number, 0)
            for where, text in self.items((*path, "listens"), container.listens)
        )
        on_host = network == plan.HOST
        return plan.Container(
            name=name,
            unit=self.unit(name),
            summary=self.text((*path, "summary"), container.summary),
            image=images[name].unit,
            reference=images[name].reference,
            pod=pod,
            network=network,
            publish=self.ports((*path, "publish"), container.publish)
            or (self.own_ports(path, listens) if on_host else ()),
            listens=listens,
            user=user,
            command=tuple(
                self.encodable(where, "Exec", text) for where, text in self.items((*path, "command"), container.command)
            ),
            environment=self.environment((*path, "environment"), container.environment),
            secrets=container.secrets,
            mounts=self.mounts(path, container, volumes),
            tmpfs=tuple(
                self.parse((*path, "tmpfs", i), text, read.container_path, "/")
                for i, text in enumerate(container.tmpfs)
            ),
            read_only=container.read_only,
            capabilities=tuple(
                self.parse((*path, "capabilities", i), text, read.capability, "")
                for i, text in enumerate(container.capabilities)
            ),
            ready=container.ready,
            health=self.health(path, container),
            needs=self.others(path, "needs", container.needs),
            stop_signal=self.parse((*path, "stop", "signal"), container.stop.signal, read.signal, ""),
            stop_timeout=self.seconds((*path, "stop", "timeout"), container.stop.timeout),
            start_timeout=self.seconds((*path, "start_timeout"), container.start_timeout),
            restart=container.restart,
            reload=self.parse((*path, "reload"), container.reload, read.signal, "") if container.reload else "",
            job=self.job((*path, "job"), container.job),
            update=container.update,
            quadlet=self.keys((*path, "quadlet"), container.quadlet),
            systemd=self.systemd(path, container.systemd),
            mark=mark,
        )

    def environment(self, path: Path, given: Mapping[str, str]) -> dict[str, str]:
        """Fill in the variables; one that a template leaves empty is left out."""
        found = {}
        for key, text in given.items():
            value = self.parse((*path, key), text, partial(_variable, key), "")
            if value or "{{" not in text:
                found[key] = value
        return found

    def job(self, path: Path, job: spec.Job | None) -> plan.Job | None:
        if job is None:
            return None
        return plan.Job(
            self.parse((*path, "schedule"), job.schedule, read.calendar, "") if job.schedule else "",
            self.seconds((*path, "spread"), job.spread),
        )

    def others(self, path: Path, key: str, names: tuple[str, ...]) -> tuple[str, ...]:
        units = (
            self.named((*path, key, index), name, self.stack.containers, "container", "order/unknown-need")
            for index, name in enumerate(names)
        )
        return tuple(unit for unit in units if unit)

    def seconds(self, path: Path, text: str) -> int:
        return self.parse(path, text, read.seconds, 0)

    def health(self, path: Path, container: spec.Container) -> plan.Health | None:
        health = container.health
        if health is None:
            if container.ready == "healthy":
                self.report.error(
                    "'ready: healthy' without a health check",
                    self.mark((*path, "ready")),
                    "add 'health' with a command, or take 'ready: notify'",
                    "order/healthy-without-check",
                )
            return None
        where = (*path, "health")
        return plan.Health(
            command=self.health_command((*where, "command"), health.command),
            interval=self.seconds((*where, "interval"), health.interval),
            timeout=self.seconds((*where, "timeout"), health.timeout),
            retries=health.retries,
            start_period=self.seconds((*where, "start_period"), health.start_period),
        )

    def health_command(self, path: Path, command: tuple[str, ...]) -> tuple[str, ...]:
        """podman gives a list of one word to a shell, and takes a first word like CMD for its own (podman 5.4, makeHealthCheckFromCli)."""
        words = self.texts(path, command)
        if len(words) == 1 and not re.fullmatch(r"[A-Za-z0-9_./-]+", words[0]):
            self.report.error(
                f"'{words[0]}' is not a program",
                self.mark((*path, 0)),
                "write the program and each of its arguments as an item of its own",
            )
        if words[0].upper() in ("CMD", "CMD-SHELL", "NONE"):
            self.report.error(
                f"'{words[0]}' is a word of podman's own", self.mark((*path, 0)), "begin with the program"
            )
        return words

    def mounts(self, path: Path, container: spec.Container, volumes: tuple[plan.Volume, ...]) -> tuple[plan.Mount, ...]:
        """Volumes first, then the configuration files, then certificates."""
        by_name = {volume.name: volume for volume in volumes}
        found = []
        for index, text in enumerate(container.volumes):
            where = (*path, "volumes", index)
            mount = self.maybe(where, text, partial(read.mount, volumes=by_name, mark=self.mark(where)))
            if mount:
                found.append(mount)
        for target in container.files:
            where = (*path, "files", target)
            self.parse(where, target, read.container_path, "")
            file = self.mounted[str(path[1]), target]
            if file.name in self.empty:
                continue
            label = "Z" if len(self.users_of_file(file)) == 1 else "z"
            found.append(plan.Mount(file.path, target, ("ro", label), self.mark(where)))
        for index, name in enumerate(container.certificates):
            where = (*path, "certificates", index)
            self.named(where, name, self.stack.certificates, "certificate")
            # A file that the host puts there later gets the label of the folder, without categories: so the shared one.
            found.append(
                plan.Mount(f"{self.root}/certificates/{name}", f"{CERTIFICATES}/{name}", ("ro", "z"), self.mark(where))
            )
        if container.webroot is not None:
            where = (*path, "webroot")
            target = self.parse(where, container.webroot, read.container_path, "/")
            if self.webroot:
                found.append(plan.Mount(self.webroot, target, ("ro", "z"), self.mark(where)))
        return tuple(found)

    def certificate(self, name: str, users: Mapping[str, plan.Owner | None]) -> plan.Certificate:
        path = ("certificates", name)
        readers = {
            users[each] or plan.ROOT
            for each, container in self.stack.containers.items()
            if name in container.certificates
        }
        if len(readers) > 1:
            self.report.error(
                f"containers of different users read the certificate '{name}'",
                self.mark(path),
                "give each a certificate of its own",
            )
        names = self.values["certificates"][name].names
        for index, each in enumerate(names):
            self.parse((*path, "names", index), each, read.certificate_name, "")
        return plan.Certificate(
            name=name,
            path=f"{self.root}/certificates/{name}",
            names=names,
            places=tuple(
                place
                if (place := self.blame((*path, "names", index), text)) in self.places.given.values()
                else self.origin
                for index, text in enumerate(self.stack.certificates[name].names)
            ),
            owner=min(readers, key=str, default=plan.ROOT),
            readers=tuple(
                self.unit(each) for each, container in self.stack.containers.items() if name in container.certificates
            ),
            pair=self.pairs.get(name),
            mark=self.mark(path),
        )


def _variable(name: str, value: str) -> str:
    """Say that a variable cannot hold a value, or give the value."""
    written("Environment", f"{name}={value}")
    return value
