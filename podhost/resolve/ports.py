"""Ports 80 and 443, which the stacks of a host share: where several publish them, the edge has them in their place.

A stack is then published for the edge alone, at an address of the host's loopback that follows from the stack's name:
so nothing of it changes when other stacks come and go.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from podhost import plan
from podhost.library import StackFolder
from podhost.problems import Report
from podhost.resolve import values as read
from podhost.resolve.fill import Filler
from podhost.resolve.parts import present
from podhost.templates import Templates

HTTP, HTTPS = 80, 443
LISTENER = 8443
"""What 443 becomes; it is another number because the edge has 443 of every address."""


def publishes(folder: StackFolder, values: Mapping[str, object], machine: plan.Machine, templates: Templates) -> bool:
    """Whether a stack, alone on a host, publishes one of the shared ports."""
    filled = {**values, "stack": folder.spec.stack, "host": machine, "edge": False}
    filler = Filler(folder, filled, {}, templates, Report())
    spec, mark = present(filler)[0].spec, folder.node.mark
    publishers = [*(pod.publish for pod in spec.pods.values()), *(each.publish for each in spec.containers.values())]
    for text in (text for texts in publishers for text in texts):
        try:
            if _is_shared(read.port(templates.text(text, mark, filled, filler.report), mark)):
                return True
        except ValueError:
            continue  # it is reported when the stack is resolved
    return False


def address(stack: str) -> str:
    """The address of the host's loopback at which the edge finds a stack, away from 127.0, where others are."""
    number = zlib.crc32(stack.encode())
    return f"127.{64 + (number >> 16) % 128}.{(number >> 8) % 256}.{1 + number % 254}"


def through_edge(port: plan.Port, edge: str, report: Report) -> plan.Port:
    """Give a port as a host with an edge publishes it: `edge` is the stack's address there, and empty where there is no edge."""
    if not edge or not _is_shared(port):
        return port
    if port.host == HTTP:
        report.error(
            f"port {HTTP} of a host with several stacks is the edge's, which answers challenges and leads to HTTPS",
            port.mark,
            'leave out what answers there on such a host, with when: "{{ not edge }}"',
        )
    return port._replace(host=LISTENER, address=edge)


def _is_shared(port: plan.Port) -> bool:
    return port.host in (HTTP, HTTPS) and port.protocol == "tcp"
