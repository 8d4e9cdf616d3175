"""A service plan into Quadlet files; podman-systemd.unit(5) describes each key.

Values of the plan are literal. Here, and only here, they are written so that Quadlet, systemd and podman read them back as they were.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from podhost import plan
from podhost.problems import Mark, Report
from podhost.quadlet.encode import encode, encode_health, encode_systemd, encode_words
from podhost.quadlet.keys import Release, check_keys
from podhost.quadlet.unitfile import Entry, UnitFile, escape

Part = plan.Network | plan.Volume | plan.Image | plan.Pod | plan.Container

# Keys that may be given again: what the stack adds stands beside what podhost wrote.
MANY = frozenset(
    {
        "AddCapability",
        "After",
        "Before",
        "Environment",
        "Label",
        "PodmanArgs",
        "PublishPort",
        "Requires",
        "Secret",
        "Tmpfs",
        "Volume",
        "Wants",
    }
)

FOLDER = "/etc/containers/systemd"


class QuadletFile(NamedTuple):
    """A Quadlet file by its name, with the part of the stack it was made from."""

    name: str
    unit: UnitFile
    mark: Mark


def convert(service: plan.Service, podman: Release, report: Report) -> tuple[QuadletFile, ...]:
    """Give all Quadlet files of a service, for a host with the given podman; report what they cannot hold."""
    found: list[QuadletFile] = []

    def add(kind: str, make: Callable[..., UnitFile], part: Part, *arguments: object) -> None:
        try:
            unit = make(part, *arguments)
        except ValueError as error:
            report.error(str(error.args[0]), part.mark, error.args[1] if len(error.args) > 1 else "")
            return
        if not isinstance(part, plan.Volume | plan.Image):
            systemd = {} if isinstance(part, plan.Network) else part.systemd
            _others(unit, kind.capitalize(), part.quadlet, systemd, report)
        unit.entries = [entry if entry.mark else entry._replace(mark=part.mark) for entry in unit.entries]
        check_keys(unit, podman, report)
        found.append(QuadletFile(f"{part.unit}.{kind}", unit, part.mark))

    for network in service.networks:
        add("network", _network, network)
    for volume in service.volumes:
        if not volume.path:
            add("volume", _volume, volume)
    for image in service.images:
        add("image", _image, image, podman)
    for pod in service.pods:
        add("pod", _pod, pod, podman)
    for container in service.containers:
        add("container", _container, container, service)
    return tuple(found)


def secrets_unit(service: str) -> str:
    """The unit that makes a service's secrets."""
    return f"{service}-secrets.service"


def certificates_unit(service: str) -> str:
    """The unit that sees to it that a service has certificates, if only its own."""
    return f"{service}-certificates.service"


def _offline() -> UnitFile:
    """A unit that has no use for the outside, and so need not wait for network-online.target as Quadlet's units do.

    Pods and containers have to: they copy the host's resolv.conf when they start, and before that it names no server.
    """
    unit = UnitFile()
    unit.add("Quadlet", "DefaultDependencies", "false")
    return unit


def _network(network: plan.Network) -> UnitFile:
    unit = _offline()
    unit.add("Network", "NetworkName", network.unit)
    if network.ipv6:
        unit.add("Network", "IPv6", "true")
    if network.internal:
        unit.add("Network", "Internal", "true")
    return unit


def _volume(volume: plan.Volume) -> UnitFile:
    unit = _offline()
    unit.add("Volume", "VolumeName", volume.unit)
    unit.add("Volume", "User", str(volume.owner.uid))
    unit.add("Volume", "Group", str(volume.owner.gid))
    return unit


def _image(image: plan.Image, podman: Release) -> UnitFile:
    """An image is pulled when it is missing, and for as long as that takes: nothing that needs it fails meanwhile."""
    unit = UnitFile()
    unit.add("Unit", "Description", escape(f"Image {image.reference}"))
    unit.add("Unit", "StartLimitIntervalSec", "0")
    unit.add("Image", "Image", escape(image.reference))
    if podman >= (5, 6):
        unit.add("Image", "Policy", "missing")
    else:
        # Without Policy= every start pulls, and a registry that is away would keep a host that has everything from starting.
        unit.add("Service", "ExecCondition", f"/bin/sh -c '! podman image exists {escape(image.reference)}'")
    if podman >= (5, 5):
        unit.add("Image", "Retry", "3")
        unit.add("Image", "RetryDelay", "5s")
    unit.add("Service", "Restart", "on-failure")
    _patiently(unit)
    unit.add("Service", "TimeoutStartSec", "infinity")
    return unit


def _pod(pod: plan.Pod, podman: Release) -> UnitFile:
    unit = UnitFile()
    unit.add("Unit", "Description", escape(f"Pod {pod.unit}"))
    unit.add("Unit", "StartLimitIntervalSec", "0")
    unit.add("Pod", "PodName", pod.unit)
    if pod.network:
        unit.add("Pod", "Network", f"{pod.network}.network")
    unit.add("Pod", "PublishPort", *map(_port, pod.publish))
    # By default a pod ends with its last running container, and a member started again would find no pod to join.
    if podman >= (5, 6):
        unit.add("Pod", "ExitPolicy", "continue")
    else:
        unit.add("Pod", "PodmanArgs", "--exit-policy=continue")
    _restart(unit, "always")
    unit.add("Install", "WantedBy", plan.MULTI_USER)
    return unit


def _container(container: plan.Container, service: plan.Service) -> UnitFile:
    unit = UnitFile()
    unit.add("Unit", "Description", encode_systemd(container.summary or f"Container {container.unit}"))
    needed = [f"{each}.service" for each in container.needs]
    if container.secrets:
        needed.append(secrets_unit(service.name))
    if any(mount.source == each.path for mount in container.mounts for each in service.certificates):
        needed.append(certificates_unit(service.name))
    if needed:
        unit.add("Unit", "Requires", " ".join(needed))
        unit.add("Unit", "After", " ".join(needed))
    if any(mount.source.startswith(plan.DATA_ROOT) for mount in container.mounts):
        unit.add("Unit", "RequiresMountsFor", plan.DATA_ROOT)
    unit.add("Unit", "StartLimitIntervalSec", "0")

    def add(key: str, *values: str) -> None:
        unit.add("Container", key, *(encode(key, value) for value in values))

    add("ContainerName", container.unit)
    add("Image", f"{container.image}.image")
    if container.pod:
        add("Pod", f"{container.pod}.pod")
    if container.network == plan.HOST:
        add("Network", container.network)  # its ports are the host's already
    else:
        if container.network:
            add("Network", f"{container.network}.network")
        add("PublishPort", *map(_port, container.publish))
    if container.user:
        add("User", str(container.user.uid))
        add("Group", str(container.user.gid))
    add("Environment", *(f"{key}={value}" for key, value in container.environment.items()))
    secrets = {secret.name: secret.unit for secret in service.secrets}
    reader = container.user or plan.ROOT
    add(
        "Secret",
        *(
            f"{secrets[name]},type=mount,target={name},uid={reader.uid},gid={reader.gid},mode=0400"
            for name in container.secrets
        ),
    )
    add("Volume", *map(_mount, container.mounts))
    add("Tmpfs", *(f"{path}:mode=1777" for path in container.tmpfs))
    if container.read_only:
        add("ReadOnly", "true")
    add("NoNewPrivileges", "true")
    add("DropCapability", "all")
    add("AddCapability", *container.capabilities)
    if container.command:
        unit.add("Container", "Exec", encode_words("Exec", container.command))
    if container.ready != "started":
        add("Notify", {"notify": "true", "healthy": "healthy"}[container.ready])
    if container.health:
        health = container.health
        unit.add("Container", "HealthCmd", encode_health(health.command))
        add("HealthInterval", f"{health.interval}s")
        add("HealthTimeout", f"{health.timeout}s")
        add("HealthRetries", str(health.retries))
        add("HealthStartPeriod", f"{health.start_period}s")
    add("StopSignal", container.stop_signal)
    add("StopTimeout", str(container.stop_timeout))
    if container.job:
        _job(unit, container)
    else:
        if container.update == "registry":
            add("AutoUpdate", "registry")
        _restart(unit, container.restart)
    if container.reload:
        unit.add("Service", "ExecReload", f"/usr/bin/podman kill --signal {container.reload} {container.unit}")
    unit.add("Service", "TimeoutStartSec", str(container.start_timeout))
    unit.add("Service", "TimeoutStopSec", str(container.stop_timeout + 15))
    if not container.pod and not (container.job and container.job.schedule):
        unit.add("Install", "WantedBy", plan.MULTI_USER)
    return unit


def _job(unit: UnitFile, container: plan.Container) -> None:
    """A run that fails is tried again, ever less often; what waits for one of the boot waits on.

    podman-auto-update(1) sees running containers alone: a job looks for a newer image when it runs, and takes the one that is there if no registry answers.
    """
    at_boot = container.job is not None and not container.job.schedule
    if container.update == "registry" and not at_boot:
        unit.add("Container", "Pull", "newer")
    unit.add("Container", "LogDriver", "passthrough")  # podman runs in front, and would log each line once more
    unit.add("Service", "Type", "oneshot")
    unit.add("Service", "Restart", "on-failure")
    if at_boot:
        _patiently(unit)
        unit.add("Service", "RemainAfterExit", "yes")
        return
    unit.add("Service", "RestartSec", "30")
    unit.add("Service", "RestartSteps", "8")
    unit.add("Service", "RestartMaxDelaySec", "3600")


def _patiently(unit: UnitFile) -> None:
    """Try again soon, and then every other minute; what waits goes on waiting meanwhile (systemd.service(5), RestartMode=)."""
    unit.add("Service", "RestartSec", "5")
    unit.add("Service", "RestartSteps", "6")
    unit.add("Service", "RestartMaxDelaySec", "120")
    unit.add("Service", "RestartMode", "direct")


def _restart(unit: UnitFile, policy: str) -> None:
    """Start again, soon at first and then ever more slowly; with no start limit it is never given up."""
    unit.add("Service", "Restart", policy)
    if policy != "no":
        unit.add("Service", "RestartSec", "1")
        unit.add("Service", "RestartSteps", "6")
        unit.add("Service", "RestartMaxDelaySec", "60")


def _others(
    unit: UnitFile, section: str, quadlet: tuple[plan.Key, ...], systemd: plan.Sections, report: Report
) -> None:
    """Add the keys that the stack gives under their own names; those that podhost writes itself have a field instead."""
    for name, keys in {section: quadlet, **systemd}.items():
        for key in keys:
            if key.name not in MANY and unit.get(name, key.name):
                report.error(
                    f"podhost writes {key.name}= of [{name}] itself",
                    key.mark,
                    "use the stack's own field for it",
                    "quadlet/key-twice",
                )
                continue
            try:
                values = [encode(key.name, value) if name == section else encode_systemd(value) for value in key.values]
            except ValueError as error:
                hint = error.args[1] if len(error.args) > 1 else ""
                report.error(str(error.args[0]), key.mark, hint, "quadlet/unwritable")
                continue
            unit.entries += [Entry(name, key.name, value, key.mark) for value in values]


def _port(port: plan.Port) -> str:
    address = f"{port.address}:" if port.address else ""
    protocol = f"/{port.protocol}" if port.protocol != "tcp" else ""
    host, inner = (
        f"{first}-{first + port.span - 1}" if port.span > 1 else str(first) for first in (port.host, port.inner)
    )
    return f"{address}{host}:{inner}{protocol}"


def _mount(mount: plan.Mount) -> str:
    options = f":{','.join(mount.options)}" if mount.options else ""
    return f"{mount.source}:{mount.target}{options}"
