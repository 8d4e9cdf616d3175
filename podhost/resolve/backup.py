"""How a host's data are saved and taken back, into the plan of one more service: restic, in a container."""

from __future__ import annotations

from collections.abc import Iterable

from podhost import plan
from podhost.document import Node, key_mark, locate
from podhost.library import Library
from podhost.problems import Report, Source
from podhost.quadlet.convert import certificates_unit, secrets_unit
from podhost.resolve.attachments import Attachments
from podhost.resolve.service import resolve_service
from podhost.spec.host import Host
from podhost.templates import Templates

SECTION = "backup"


def has_backup(host: Host) -> bool:
    """Whether the data of a host are saved, or taken back."""
    return host.backup is not None and (host.backup.save or host.backup.restore != "none")


def resolve_backup(
    host: Host,
    node: Node,
    services: Iterable[plan.Service],
    machine: plan.Machine,
    library: Library,
    templates: Templates,
    attachments: Attachments,
    report: Report,
) -> plan.Service | None:
    """Give the service that saves the data of all others, and takes them back before any of these starts; None for a host without backups."""
    settings = host.backup
    if settings is None or not has_backup(host):
        return None
    mark = locate(node, (SECTION, "repository"))[0]
    if "@" in settings.repository.partition("://")[2].partition("/")[0]:
        report.error(
            "the repository has a user in it",
            mark._replace(source=Source(mark.source.name, "", secret=True)),
            "put RESTIC_REST_USERNAME=… and RESTIC_REST_PASSWORD=… into the file that 'credentials' names",
        )
    if host.hostname is None:
        report.error(
            "a host with backups needs a name to find them by",
            key_mark(node, (SECTION,)),
            "give it a hostname, as in hostname: chat.example.org",
        )
        return None
    services = tuple(services)
    given = attachments.secrets.get(SECTION, {})
    values = {
        **{key: getattr(settings, key) for key in ("repository", "schedule", "spread", "restore", "image")},
        "save": settings.save,
        "report": settings.report or "",
        "name": host.hostname,
        "keep": " ".join(f"--keep-{span} {count}" for span, count in settings.keep if count),
        "ca_bundle": attachments.texts.get(SECTION, {}).get("ca_bundle", ""),
        "with_credentials": "credentials" in given,
        "unsaved": [each.path for service in services for each in service.volumes if each.path and not each.saved],
        "before": " ".join(unit for service in services for unit in _units(service)),
    }
    places = {key: locate(node, (SECTION, key))[0] for key in type(settings).model_fields}
    mark = key_mark(node, (SECTION,))
    return resolve_service(library.service(SECTION), values, places, machine, mark, templates, report)


def _units(service: plan.Service) -> Iterable[str]:
    """The units of a service that touch its data."""
    if service.secrets:
        yield secrets_unit(service.name)
    if service.certificates:
        yield certificates_unit(service.name)
    yield from (f"{container.unit}.service" for container in service.containers)
    yield from (unit.name for unit in service.units if unit.name.endswith(".service"))
