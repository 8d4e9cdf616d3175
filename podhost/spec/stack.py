"""A stack file: what a service consists of, before anybody has said for whom.

Any text may hold Jinja expressions over the stack's parameters; `podhost.resolve` fills them in and checks the results.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from podhost.spec.model import AllDefaults, Boolean, Integer, Model

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Texts = dict[str, str]
Key = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]*$")]


def one_or_many(value: object) -> object:
    """A value alone is a list of one."""
    return (value,) if isinstance(value, str) else value


Keys = dict[Key, Annotated[tuple[str, ...], BeforeValidator(one_or_many)]]
"""Keys of a unit file, each with one value or a list of them."""


class Part(Model):
    """A part of a stack that some hosts have and others do not."""

    when: Annotated[tuple[str, ...], BeforeValidator(one_or_many)] = Field(
        (),
        description="Whether the host has it, true or false, or how many of something it has; of a list, all have to hold. What names a part that is left out goes without it.",
    )


class Parameter(Model):
    """A value that the host file gives to the stack."""

    type: Literal[
        "string",
        "integer",
        "boolean",
        "hostname",
        "address",
        "email",
        "port",
        "duration",
        "size",
        "path",
        "enum",
        "list",
    ] = Field(description="What kind of value it is.")
    summary: str = Field(description="What the parameter is for, in one line.")
    default: Any = Field(
        None,
        description="The value when the host file gives none; a parameter without a default has to be given, and an empty default is a value of every type.",
    )
    option: Name | None = Field(
        None, description="The parameter declared before it that switches on what this one is for."
    )
    example: str | None = Field(None, description="A value to show in a new host file.")
    values: tuple[str, ...] = Field((), description="The values of an enum.")
    items: Literal["string", "integer", "hostname", "address", "email", "port", "path"] = Field(
        "string", description="The type of a list's items."
    )
    minimum: Integer | None = Field(None, description="The smallest integer allowed.")
    maximum: Integer | None = Field(None, description="The largest integer allowed.")


class Secret(Part):
    """A secret that the host makes for itself at first boot, and keeps on the data volume."""

    summary: str = Field("", description="What the secret is for, in one line.")
    content: str = Field(
        "${token}",
        description="How to make it: text with ${token}, ${hex:BYTES}, ${base64:BYTES} of fresh randomness, ${NAME} of another secret of the stack, or ${json:NAME} for the same in JSON's quotes; ${given} alone is one that only the administrator can give.",
    )


class Certificate(Part):
    """A TLS certificate that the service presents."""

    names: tuple[str, ...] = Field(
        min_length=1, description="The host names it is for; the first one is its main name."
    )


class Volume(Part):
    """Data of the service."""

    summary: str = Field("", description="What is kept there, in one line.")
    lasting: Boolean = Field(
        True,
        description="Whether the data outlives the system: true puts it below /var/srv/containers, false makes a podman volume on the system disk.",
    )
    owner: str | None = Field(
        None, description="UID:GID that owns the folder; the default is the user of the container that writes there."
    )
    mode: str = Field("0700", description="The folder's mode.")
    large: Boolean = Field(
        False, description="Whether it grows to many files or gigabytes, so that labelling it anew takes minutes."
    )
    saved: Boolean = Field(
        True,
        description="Whether backups of the host have it; false for files that cannot be copied while their program writes them.",
    )
    local: str = Field(
        "",
        description="A folder beside the host file, whose files make the volume: they come with the host, and nothing in it lasts. When it is empty the volume is a lasting one.",
    )


class Network(Part):
    """A podman network of the stack's own."""

    ipv6: Boolean = Field(True, description="Whether it has IPv6 beside IPv4.")
    internal: Boolean = Field(False, description="Whether it has no way to the outside.")
    quadlet: Keys = Field(default_factory=dict, description="Other keys of the [Network] section.")


class Pod(Part):
    """Containers that share one network, and are started and stopped together."""

    network: str | None = Field(
        None, description="The network of the stack that the pod is on; the default is podman's own."
    )
    publish: tuple[str, ...] = Field(
        (), description="Ports of the host: [ADDRESS:]HOST:POD[/udp], or as many of each: FIRST-LAST:FIRST-LAST."
    )
    quadlet: Keys = Field(default_factory=dict, description="Other keys of the [Pod] section.")
    systemd: dict[Literal["Unit", "Service", "Install"], Keys] = Field(
        default_factory=dict, description="Other keys of the systemd sections."
    )


class Health(Model):
    """A check that podman runs in the container from time to time."""

    command: tuple[str, ...] = Field(
        min_length=1, description="The command and its arguments; it is healthy when it ends with 0."
    )
    interval: str = Field("60s", description="The time from one check to the next.")
    timeout: str = Field("10s", description="The time after which a check has failed.")
    retries: Integer = Field(3, description="How many failures in a row make the container unhealthy.", ge=1)
    start_period: str = Field("60s", description="The time after the start in which failures do not count.")


class Stop(Model):
    """How the container is asked to end."""

    signal: str = Field("SIGTERM", description="The signal that asks it.")
    timeout: str = Field("30s", description="The time it has before it is killed.")


class Job(Model):
    """When a container runs that does its work and ends."""

    schedule: str = Field(
        "",
        description='The times, as in systemd.time(7), "Calendar events": *-*-* 03:00:00. Without, once at each boot.',
    )
    spread: str = Field("1h", description="Each time is late by a random span of at most this.")


class Container(Part):
    """A program and everything it needs to run."""

    summary: str = Field("", description="What the container does, in one line.")
    count: str = Field(
        "1",
        description="How many of it there are, if not one: NAME-1 and so on; its templates and files know their 'number'.",
    )
    image: str = Field(description="The image, with registry and tag: docker.io/library/nginx:1.29.")
    pod: str | None = Field(None, description="The pod of the stack it is a member of; without one it stands alone.")
    network: str | None = Field(
        None,
        description="The network of the stack that a container without pod is on; host is the host's own, where it listens on the host's ports.",
    )
    publish: tuple[str, ...] = Field(
        (),
        description="Ports of the host, for a container without pod: [ADDRESS:]HOST:CONTAINER[/udp], or as many of each: FIRST-LAST:FIRST-LAST. On the host's own network both are the same.",
    )
    listens: tuple[str, ...] = Field((), description="The ports its program listens on.")
    user: str | None = Field(None, description="UID:GID it runs as; the default is the image's own.")
    command: tuple[str, ...] = Field((), description="The command's arguments, in place of the image's own.")
    environment: dict[Variable, str] = Field(
        default_factory=dict, description="Environment variables. Never a secret: podman shows them to everybody."
    )
    secrets: tuple[str, ...] = Field(
        (), description="Secrets of the stack, each a file /run/secrets/NAME that only the container's user reads."
    )
    certificates: tuple[str, ...] = Field(
        (),
        description="Certificates of the stack, each a folder /run/certificates/NAME with fullchain.pem and privkey.pem.",
    )
    reload: str | None = Field(
        None,
        description="The signal that makes the program read its certificates anew; without one it is started again.",
    )
    webroot: str | None = Field(
        None,
        description="Where in the container the answers to certificate authorities' challenges are, for the container that serves port 80.",
    )
    volumes: tuple[str, ...] = Field(
        (), description="VOLUME:/PATH[:OPTIONS]; z labels for all containers, Z for this pod or container alone."
    )
    files: Texts = Field(
        default_factory=dict,
        description="Templates of the stack's files/ folder, by the path in the container that they are mounted at. One that comes out empty is left out; one that begins with #! may be run.",
    )
    tmpfs: tuple[str, ...] = Field((), description="Folders in memory, writable by everybody in the container.")
    read_only: Boolean = Field(True, description="Whether the image's file system is read-only.")
    capabilities: tuple[str, ...] = Field((), description="The kernel capabilities it keeps; the default is none.")
    ready: Literal["started", "notify", "healthy"] = Field(
        "started",
        description="When others may rely on it: once started, once it says so by sd_notify, or once its health check succeeds.",
    )
    health: Health | None = Field(None, description="A check that watches it.")
    needs: tuple[str, ...] = Field((), description="Containers that have to be ready before this one starts.")
    stop: Stop = Field(default_factory=lambda: Stop(), description="How it is ended.")
    start_timeout: str = Field("5m", description="The time it has to become ready, once its image is there.")
    job: Job | None = Field(
        None, description="For a container that does its work and ends: when it does so. A failed run is tried again."
    )
    restart: Literal["always", "on-failure", "no"] = Field("always", description="When systemd starts it again.")
    update: Literal["registry", "no"] = Field(
        "registry", description="Whether podman's auto-update follows the image's tag."
    )
    quadlet: Keys = Field(default_factory=dict, description="Other keys of the [Container] section.")
    systemd: dict[Literal["Unit", "Service", "Install"], Keys] = Field(
        default_factory=dict, description="Other keys of the systemd sections."
    )


class Unit(Part):
    """A systemd unit of the stack's own."""

    template: str = Field(description="The template in the stack's files/ folder.")
    enabled: Boolean = Field(False, description="Whether it is enabled at first boot.")


class Stack(Model):
    """A service that podhost can put on a host."""

    stack: Name = Field(description="The stack's name, the same as its folder's.")
    summary: str = Field(description="What the service is, in one line.")
    parameters: dict[Name, Parameter] = Field(default_factory=dict, description="What the host file may say about it.")
    secrets: dict[Name, Annotated[Secret, AllDefaults]] = Field(
        default_factory=dict, description="Secrets made on the host."
    )
    certificates: dict[Name, Certificate] = Field(default_factory=dict, description="TLS certificates.")
    volumes: dict[Name, Annotated[Volume, AllDefaults]] = Field(default_factory=dict, description="Where data is kept.")
    networks: dict[Name, Annotated[Network, AllDefaults]] = Field(
        default_factory=dict, description="Networks of its own."
    )
    pods: dict[Name, Annotated[Pod, AllDefaults]] = Field(
        default_factory=dict, description="Groups of containers on one network."
    )
    containers: dict[Name, Container] = Field(description="The programs.", min_length=1)
    units: dict[str, Unit] = Field(default_factory=dict, description="Other systemd units, by their names.")
    addresses: tuple[str, ...] = Field((), description="The URLs by which people reach the service.")
    silence: Texts = Field(
        default_factory=dict,
        description="Rules of podhost check that are not to speak of this stack, each with the reason why not.",
    )


def by_option(parameters: dict[str, Parameter]) -> dict[str, Parameter]:
    """The parameters in the order in which people read them: what belongs to an option stands below it, be it the stack's or a part's."""
    found: dict[str, Parameter] = {}

    def add(name: str) -> None:
        if name not in found:
            found[name] = parameters[name]
            for below, each in parameters.items():
                if each.option == name:
                    add(below)

    for name, parameter in parameters.items():
        if parameter.option not in parameters:
            add(name)
    return found | parameters


KINDS = ("parameters", "secrets", "certificates", "volumes", "networks", "pods", "containers", "units")
"""What a stack consists of, and parts can bring."""
