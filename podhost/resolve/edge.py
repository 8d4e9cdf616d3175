"""The edge of a host whose stacks share ports 80 and 443: one more service has them, and hands each name on to its stack."""

from __future__ import annotations

from collections.abc import Iterable

from podhost import plan
from podhost.document import Node, locate
from podhost.library import Library
from podhost.problems import Report
from podhost.resolve.ports import address
from podhost.resolve.service import resolve_service
from podhost.spec.host import Host
from podhost.templates import Templates


def resolve_edge(
    host: Host,
    node: Node,
    services: Iterable[plan.Service],
    machine: plan.Machine,
    library: Library,
    templates: Templates,
    report: Report,
) -> plan.Service | None:
    """Give the service that has the shared ports; the names that lead to a stack are those of its certificates."""
    stacks = []
    webroot = ""
    for service in services:
        listener = next((port for port in service.published if port.address == address(service.name)), None)
        if not listener:
            continue
        names = dict.fromkeys(name for each in service.certificates for name in each.names)
        if not names:
            report.error(
                f"the stack '{service.name}' has no certificate that says which names are its own",
                listener.mark,
                "a host with several stacks tells them apart by the names in their certificates",
            )
        if any(not each.pair for each in service.certificates):
            webroot = plan.WEBROOT
        stacks.append({"names": list(names), "listener": f"{listener.address}:{listener.host}"})
    values = {"image": host.edge.image, "stacks": stacks}
    places = {"image": locate(node, ("edge", "image"))[0]}
    mark, _ = locate(node, ("edge",) if "edge" in host.model_fields_set else ("stacks",))
    return resolve_service(library.service("edge"), values, places, machine, mark, templates, report, webroot=webroot)
