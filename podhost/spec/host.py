"""A host file: one machine, and the services on it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from podhost.spec.certificates import Issuance
from podhost.spec.model import AllDefaults, Boolean, Model

Day = Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


class Window(Model):
    """When the machine may restart into a new system version, in UTC."""

    days: tuple[Day, ...] = Field(("Sun",), description="The days: Mon, Tue, Wed, Thu, Fri, Sat, Sun.", min_length=1)
    start: str = Field("02:00", description="When it begins, as HH:MM in UTC.")
    length: str = Field("2h", description="How long it lasts, from 30m.")


class Updates(Model):
    """What the machine does to keep itself up to date."""

    window: Annotated[Window, AllDefaults] = Field(default_factory=lambda: Window(), description="When it may restart.")
    containers: Boolean = Field(True, description="Whether containers follow the tags of their images, once a day.")


class DataDisk(Model):
    """A disk for the services' data, which outlives the system: a machine made anew finds it again."""

    device: str = Field(description="The disk, as in /dev/disk/by-id/…; a /dev/sdX name may change from boot to boot.")
    filesystem: Literal["xfs", "ext4"] = Field("xfs", description="The file system it is given when it has none.")


class OwnCertificate(Model):
    """A certificate that the administrator brings."""

    certificate: str = Field(description="A file with the certificate and its chain, in PEM.")
    key: str = Field(description="A file with its key, in PEM and without a password.")


class Certificates(Issuance):
    """How the host gets its certificates; what it says of files is about files beside the host file."""

    image: str = Field("ghcr.io/podhost/podhost:0.1", description="The image of podhost, which gets them on the host.")
    own: dict[str, dict[str, OwnCertificate]] = Field(
        default_factory=dict,
        description="Certificates that you bring: a stack's name, a certificate's name, its files.",
    )


class Edge(Model):
    """What has ports 80 and 443 of a host on which several stacks share them."""

    image: str = Field("docker.io/library/nginx:1.30", description="The image of nginx, which hands each name on.")


class Host(Model):
    """One machine, and the services on it."""

    hostname: str | None = Field(None, description="The machine's host name; the default is what the network says.")
    ssh_keys: tuple[str, ...] = Field((), description="Public keys that may log in as the user core.")
    time_zone: str = Field("UTC", description="The machine's time zone, as in Europe/Paris.")
    updates: Annotated[Updates, AllDefaults] = Field(
        default_factory=lambda: Updates(), description="What it does to keep itself up to date."
    )
    certificates: Annotated[Certificates, AllDefaults] = Field(
        default_factory=lambda: Certificates(), description="How it gets its certificates."
    )
    edge: Annotated[Edge, AllDefaults] = Field(
        default_factory=lambda: Edge(), description="What shares its ports 80 and 443 among several stacks."
    )
    data_disk: DataDisk | None = Field(None, description="A disk of its own for the services' data.")
    swap: str | None = Field(None, description="Compressed swap in memory, at most this size, as in 2G.")
    secrets: str | None = Field(
        None, description="A file with secrets to put into the Ignition file, instead of making them on the host."
    )
    butane: tuple[str, ...] = Field((), description="Your own Butane files; what they say wins over what podhost says.")
    silence: dict[str, str] = Field(
        default_factory=dict,
        description="Rules of podhost check that are not to speak of this host, each with the reason why not.",
    )
    stacks: dict[str, Annotated[dict[str, Any], AllDefaults]] = Field(
        description="The services: a stack's name, and its parameters.", min_length=1
    )
