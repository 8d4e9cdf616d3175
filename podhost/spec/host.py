"""A host file: one machine, and the services on it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from podhost.spec.certificates import Issuance
from podhost.spec.model import AllDefaults, Boolean, Integer, Model

Day = Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


def _repository(text: str) -> str:
    """What restic calls a repository, of the kinds that need nothing beside a password and credentials."""
    if not re.fullmatch(r"(rest:https?://|s3:|b2:|azure:|swift:)[!-~]+", text):
        raise ValueError(
            f"'{text}' is not a repository",
            "write it as restic does: rest:https://backup.example.org/chat, s3:https://s3.example.org/bucket/chat, b2:bucket:chat, azure:container:/ or swift:container:/",
        )
    return text


def _snapshot(text: str) -> str:
    if not re.fullmatch(r"latest|none|[0-9a-f]{8,64}", text):
        raise ValueError(
            f"'{text}' is not a snapshot", "write latest, none, or the ID that restic snapshots shows, as in 1a2b3c4d"
        )
    return text


def _url(text: str) -> str:
    if not re.fullmatch(r"https?://[!-~]+", text):
        raise ValueError(f"'{text}' is not a URL", "write the whole of it, as in https://hc-ping.com/…")
    return text


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


class Keep(Model):
    """Which snapshots stay: the last of each of so many days, weeks, months and years that have one."""

    daily: Integer = Field(7, description="Of so many days.", ge=0)
    weekly: Integer = Field(5, description="Of so many weeks.", ge=0)
    monthly: Integer = Field(12, description="Of so many months.", ge=0)
    yearly: Integer = Field(0, description="Of so many years.", ge=0)


class Backup(Model):
    """How the host's data are saved, encrypted, to somewhere else."""

    repository: Annotated[str, AfterValidator(_repository)] = Field(
        description="Where to, as restic writes it: rest:https://…, s3:https://…, b2:…, azure:… or swift:…."
    )
    password: str = Field(
        description="A file with the password that everything is encrypted with; without it nobody reads a backup, you neither."
    )
    credentials: str | None = Field(
        None,
        description="A file with what the repository's server wants to know, a line NAME=VALUE for each of restic's variables, as in AWS_ACCESS_KEY_ID=….",
    )
    ca_bundle: str | None = Field(
        None, description="A file with the certificates that server is trusted by; the default is the usual ones."
    )
    schedule: str = Field("*-*-* 04:00:00", description='The times, as in systemd.time(7), "Calendar events".')
    spread: str = Field("30m", description="Each time is late by a random span of at most this.")
    keep: Annotated[Keep, AllDefaults] = Field(
        default_factory=lambda: Keep(),
        description="Which snapshots stay; with 0 everywhere all do, as a repository wants it that nothing can be removed from.",
    )
    save: Boolean = Field(
        True, description="Whether this host saves; without, it only takes back, as one does that tries a backup."
    )
    restore: Annotated[str, AfterValidator(_snapshot)] = Field(
        "latest",
        description="What a host without data takes back before anything starts: the latest snapshot, the one with this ID, or none.",
    )
    report: Annotated[str, AfterValidator(_url)] | None = Field(
        None,
        description="A URL to ask for after each backup on a host on which nothing has failed; who expects that tells you when it stays away.",
    )
    image: str = Field("docker.io/restic/restic:0.18.1", description="The image of restic.")


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
    backup: Backup | None = Field(
        None, description="Where its data are saved, and where it takes them back from when it has none."
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
