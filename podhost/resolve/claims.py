"""What only one service of a host can have: a name, a port, a unit, a folder. Where two claim it, both are told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from podhost import plan
from podhost.problems import Mark, Report


class _Claim(NamedTuple):
    """What a service claims, in words that are the same for whoever claims it; the hint says how it can be let go."""

    what: str
    mark: Mark
    hint: str


def check_claims(services: Iterable[plan.Service], report: Report) -> None:
    """Report what two services claim, at the line of either."""
    owners: dict[str, tuple[plan.Service, _Claim]] = {}
    for service in services:
        for claim in _claims(service):
            owner, first = owners.setdefault(claim.what, (service, claim))
            if owner is not service:
                report.error(f"{claim.what} is claimed by '{owner.name}' too", claim.mark, claim.hint)
                report.error(f"{claim.what} is claimed by '{service.name}' too", first.mark, first.hint)


def _claims(service: plan.Service) -> Iterator[_Claim]:
    for certificate in service.certificates:
        for name, place in zip(certificate.names, certificate.places, strict=True):
            yield _Claim(f"the name '{name}'", place, "give each stack names of its own")
    for port in service.published:
        for number in range(port.host, port.host + port.span):
            yield _port(port, number)
    for container in service.containers:
        for mount in container.mounts:
            if mount.source.startswith("/") and "Z" in mount.options:
                yield _Claim(f"the folder '{mount.source}'", mount.mark, "mount it with z, which is for several")
    for name, mark in _units(service):
        yield _Claim(f"the unit '{name}'", mark, "names on a host are STACK-NAME: rename one of the two")


def _port(port: plan.Port, number: int) -> _Claim:
    place = f" of {port.address}" if port.address else ""
    return _Claim(f"port {number}/{port.protocol}{place}", port.mark, "publish one of them at another port of the host")


def _units(service: plan.Service) -> Iterator[tuple[str, Mark]]:
    """The names that systemd knows the parts of a service by, which are those of podman too."""
    for kind, parts in (
        ("", service.containers),
        ("-pod", service.pods),
        ("-network", service.networks),
        ("-volume", service.volumes),
        ("-image", service.images),
        ("-secret", service.secrets),
    ):
        for part in parts:
            yield f"{part.unit}{kind}.service", part.mark
    for unit in service.units:
        yield unit.name, unit.mark
