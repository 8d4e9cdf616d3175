"""A stack with the values of its parameters, into the plan of one service."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import NamedTuple

from podhost import plan
from podhost.document import key_mark, locate
from podhost.library import StackFolder
from podhost.problems import Mark, Report, Source, did_you_mean
from podhost.quadlet import unitfile
from podhost.resolve import values as read
from podhost.resolve.fill import Filler, Path
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


def resolve_service(
    folder: StackFolder,
    values: Mapping[str, object],
    places: Mapping[str, Mark],
    machine: plan.Machine,
    mark: Mark,
    templates: Templates,
    report: Report,
) -> plan.Service | None:
    """Resolve a stack into a service; every problem goes to the report, and with an error among them there is no service.

    `places` tells where the host file gives those values that it does give.
    """
    service = _Resolver(folder, values, places, machine, templates, report).service(mark)
    return None if report.failed else service


class _Resolver(Filler):
    def __init__(
        self,
        folder: StackFolder,
        values: Mapping[str, object],
        places: Mapping[str, Mark],
        machine: plan.Machine,
        templates: Templates,
        report: Report,
    ) -> None:
        super().__init__(folder, values, places, templates, report)
        self.root = f"{plan.DATA_ROOT}/{self.stack.stack}"
        self.values["stack"] = self.stack.stack
        self.values["host"] = machine
        self.values["secrets"] = {name: f"{SECRETS}/{name}" for name in self.stack.secrets}
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
        users = {name: self.user(("containers", name, "user"), each.user) for name, each in stack.containers.items()}
        volumes = tuple(self.volume(name, each, users) for name, each in stack.volumes.items())
        files = self.files()
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
            files=files,
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
        return plan.Volume(
            name=name,
            unit=self.unit(name),
            path=f"{self.root}/{name}" if volume.lasting else "",
            owner=owner,
            mode=mode,
            mark=self.mark(path),
            large=volume.large,
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
        for index, text in enumerate(texts):
            where = (*path, index)
            found.append(self.maybe(where, text, partial(read.port, mark=self.mark(where))))
        return tuple(port for port in found if port)

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
        for index, secret in enumerate(container.secrets):
            self.named((*path, "secrets", index), secret, stack.secrets, "secret", "secrets/undefined")
        return plan.Container(
            name=name,
            unit=self.unit(name),
            summary=self.text((*path, "summary"), container.summary),
            image=images[name].unit,
            reference=images[name].reference,
            pod=pod,
            network=self.named((*path, "network"), container.network, stack.networks, "network"),
            publish=self.ports((*path, "publish"), container.publish),
            listens=tuple(
                self.parse((*path, "listens", i), text, read.port_number, 0) for i, text in enumerate(container.listens)
            ),
            user=user,
            command=tuple(
                self.encodable((*path, "command", i), "Exec", text) for i, text in enumerate(container.command)
            ),
            environment={
                key: self.encodable((*path, "environment", key), "Environment", text)
                for key, text in container.environment.items()
            },
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
            update=container.update,
            quadlet=self.keys((*path, "quadlet"), container.quadlet),
            systemd=self.systemd(path, container.systemd),
            mark=mark,
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
        for target, template in container.files.items():
            where = (*path, "files", target)
            self.parse(where, target, read.container_path, "")
            label = "Z" if len(self.users_of_file(template)) == 1 else "z"
            found.append(plan.Mount(f"{self.root}/config/{template}", target, ("ro", label), self.mark(where)))
        for index, name in enumerate(container.certificates):
            where = (*path, "certificates", index)
            self.named(where, name, self.stack.certificates, "certificate")
            # What renews a certificate stands outside the pod: the label has to be the shared one.
            found.append(
                plan.Mount(f"{self.root}/certificates/{name}", f"{CERTIFICATES}/{name}", ("ro", "z"), self.mark(where))
            )
        return tuple(found)

    def users_of_file(self, template: str) -> set[str]:
        """Who mounts a configuration file: members of one pod count as one, as SELinux gives them one label."""
        return {
            container.pod or name
            for name, container in self.stack.containers.items()
            if template in container.files.values()
        }

    def files(self) -> tuple[plan.ConfigFile, ...]:
        found: dict[str, plan.ConfigFile] = {}
        for name, container in self.stack.containers.items():
            for target, template in container.files.items():
                if template not in found:
                    mark = self.mark(("containers", name, "files", target))
                    found[template] = plan.ConfigFile(
                        template, f"{self.root}/config/{template}", self.template(template, mark), mark
                    )
        return tuple(found.values())

    def template(self, name: str, mark: Mark) -> str:
        source = self.folder.files.get(name)
        if source is None:
            self.report.error(f"the stack has no file 'files/{name}'", mark, did_you_mean(name, self.folder.files))
            return ""
        return self.templates.file(source, self.values, self.report)

    def own_unit(self, name: str, unit: spec.Unit) -> plan.Unit:
        path = ("units", name)
        if not re.fullmatch(r"[A-Za-z0-9:_.@-]+\.(service|timer|path|socket|target|mount|swap|slice)", name):
            self.report.error(
                f"'{name}' is not the name of a systemd unit",
                self.mark(path),
                "it ends with its type, as in backup.timer",
            )
        content = self.template(unit.template, self.mark((*path, "template")))
        if source := self.folder.files.get(unit.template):
            unitfile.parse(Source(source.name, content), self.report)
        return plan.Unit(name, content, unit.enabled, self.mark(path))

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
            authority=self.parse((*path, "authority"), self.stack.certificates[name].authority, read.authority, ""),
            owner=min(readers, key=str, default=plan.ROOT),
            mark=self.mark(path),
        )

    def secrets(self) -> tuple[plan.Secret, ...]:
        """The secrets, those that others are made of first."""
        found: dict[str, plan.Secret] = {}
        stack = self.stack.secrets

        def add(name: str, chain: tuple[str, ...]) -> None:
            if name in found:
                return
            path = ("secrets", name, "content")
            if name in chain:
                self.report.error(
                    f"the secret '{name}' is made of itself",
                    self.mark(path),
                    f"the circle is {' → '.join((*chain, name))}",
                )
                return
            content = self.maybe(path, stack[name].content, read.secret_content) or ()
            for segment in content:
                if (
                    segment.kind == "secret"
                    and self.named(path, segment.argument, stack, "secret", "secrets/undefined")
                    and segment.argument in stack
                ):
                    add(segment.argument, (*chain, name))
            found[name] = plan.Secret(name, self.unit(name), content, self.mark(("secrets", name)))

        for name in stack:
            add(name, ())
        return tuple(found.values())
