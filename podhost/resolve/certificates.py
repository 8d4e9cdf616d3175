"""How a host gets the certificates of its stacks, into the plan of one more service: podhost itself, in a container."""

from __future__ import annotations

from collections.abc import Iterable

from podhost import plan
from podhost.document import Mapping, Node, locate
from podhost.library import Library
from podhost.problems import Report, did_you_mean
from podhost.quadlet.convert import certificates_unit
from podhost.resolve.attachments import Attachments
from podhost.resolve.service import SECRETS, resolve_service
from podhost.spec.certificates import check_issuance, check_names
from podhost.spec.host import Host
from podhost.templates import Templates

SECTION = "certificates"
CONFIG = "/config"  # the paths in the container, as its stack file has them


def check_own(host: Host, node: Node, services: Iterable[plan.Service], report: Report) -> None:
    """Report certificates that the host file brings for what the host does not have."""
    known = {service.name: {each.name for each in service.certificates} for service in services}
    for stack, pairs in host.certificates.own.items():
        holder = locate(node, (SECTION, "own"))[1]
        mark = holder.key_marks[stack] if isinstance(holder, Mapping) else holder.mark
        if stack not in host.stacks:
            report.error(f"the host has no stack '{stack}'", mark, did_you_mean(stack, host.stacks))
        for name in pairs.keys() - known.get(stack, pairs.keys()):
            report.error(
                f"the stack '{stack}' has no certificate '{name}'",
                locate(node, (SECTION, "own", stack, name))[0],
                did_you_mean(name, known[stack]),
            )


def resolve_certificates(
    host: Host,
    node: Node,
    services: Iterable[plan.Service],
    machine: plan.Machine,
    library: Library,
    templates: Templates,
    attachments: Attachments,
    report: Report,
) -> plan.Service | None:
    """Give the service that gets certificates; None where the administrator brings all of them."""
    wanted = {
        f"{service.name}-{each.name}": each for service in services for each in service.certificates if not each.pair
    }
    if not wanted:
        return None
    settings = host.certificates
    check_issuance(settings, node, (SECTION,), report)
    for each in wanted.values():
        problems = Report()
        check_names(settings, each.names, None, node, (SECTION,), problems)
        for problem in problems.problems:  # the names are the stack's: there they are shown
            report.error(problem.message, each.mark, problem.hint, problem.rule)
    job = settings.model_dump(mode="json", exclude={"image", "own"}, exclude_defaults=True)
    if settings.ca_bundle:
        job["ca_bundle"] = f"{CONFIG}/ca.pem"
    if settings.external_account:
        job["external_account"]["key"] = f"{SECRETS}/external_account_key"
    if settings.dns and settings.dns.key:
        job["dns"]["key"] = f"{SECRETS}/dns_key"
    if settings.dns and settings.dns.hook:
        job["dns"]["hook"] = f"{CONFIG}/hook"
    job |= {"store": "/store", "webroot": "/webroot"}
    job["certificates"] = {name: {"names": list(each.names)} for name, each in wanted.items()}
    given = attachments.secrets.get(SECTION, {})
    servers = (
        f"{container.unit}.service"
        for service in services
        for container in service.containers
        if any(mount.source == plan.WEBROOT for mount in container.mounts)
    )
    values = {
        "image": settings.image,
        "job": job,
        "with_external_account": "external_account_key" in given,
        "with_dns_key": "dns_key" in given,
        "after": " ".join(["network-online.target", *servers]),
        "takers": " ".join(
            certificates_unit(service.name)
            for service in services
            if any(not each.pair for each in service.certificates)
        ),
        **attachments.texts.get(SECTION, {}),
    }
    mark, _ = locate(node, (SECTION,))
    places = {"image": locate(node, (SECTION, "image"))[0]}
    return resolve_service(library.service("certificates"), values, places, machine, mark, templates, report)
