"""Which ports of this computer lead to a machine's, and whether what answers there is ready."""

from __future__ import annotations

import http.client
import socket
import ssl
import urllib.parse
from collections.abc import Iterable, Iterator

from podhost.plan import Plan, Port
from podhost.vm.qemu import Forward

SSH = 22
ABOVE = 8000  # added to a port that only root may open: 443 becomes 8443
SSH_HOST = 2222


def published(plan: Plan) -> list[Port]:
    """Every port that a host's services open to the world."""
    found: list[Port] = []
    for service in plan.services:
        for pod in service.pods:
            found += pod.publish
        for container in service.containers:
            found += container.publish
    return found


def forwards(ports: Iterable[Port]) -> tuple[Forward, ...]:
    """A free port of 127.0.0.1 for ssh and for each of these: the same number if it may be had."""
    wanted: list[tuple[int, str, tuple[int, ...]]] = [(SSH, "tcp", (SSH_HOST,))]
    wanted += [(port.host, port.protocol, (port.host, port.host + ABOVE)) for port in ports]
    # A port that somebody asks for by its own number is not to be given away as the second choice for another.
    own = {(port.host, port.protocol) for port in ports}
    found: dict[tuple[int, str], Forward] = {}
    taken: set[tuple[int, str]] = set()
    for guest, protocol, choices in wanted:
        if (guest, protocol) in found:
            continue
        good = (
            port
            for port in choices
            if (port, protocol) not in taken
            and (port == guest or (port, protocol) not in own)
            and _free(port, protocol)
        )
        host = next(good, 0) or next(port for port in _any(protocol) if (port, protocol) not in taken | own)
        taken.add((host, protocol))
        found[guest, protocol] = Forward(host, guest, protocol)
    return tuple(found.values())


def _free(port: int, protocol: str) -> bool:
    if not 0 < port < 65536:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM) as probe:
        if protocol == "tcp":  # as QEMU does: what a closed connection left behind is no hindrance
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _any(protocol: str) -> Iterator[int]:
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            yield probe.getsockname()[1]


def here(address: str, forwards: Iterable[Forward]) -> str:
    """The address of a service as it is reached from this computer: with the port that leads there."""
    parts = urllib.parse.urlsplit(address)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    for each in forwards:
        if each.guest == port and each.protocol == "tcp":
            return address if each.host == port else parts._replace(netloc=f"{parts.hostname}:{each.host}").geturl()
    return address


def answers(address: str, timeout: float = 3) -> bool:
    """Whether a web server answers at this address without an error of its own, asked at 127.0.0.1 under its name.

    The certificate is not checked: a host on this computer has none that anybody trusts.
    """
    parts = urllib.parse.urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return True  # nothing that could be asked
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        plain = socket.create_connection(("127.0.0.1", parts.port or (443 if parts.scheme == "https" else 80)), timeout)
        with plain:
            # A connection made while the machine has nobody there yet is taken and hangs, hence the short time.
            plain.settimeout(timeout)
            asked = context.wrap_socket(plain, server_hostname=parts.hostname) if parts.scheme == "https" else plain
            connection = http.client.HTTPConnection(parts.hostname)
            connection.sock = asked
            connection.request("GET", parts.path or "/", headers={"Host": parts.hostname})
            status = connection.getresponse().status
            connection.close()
            return status < 500
    except (OSError, http.client.HTTPException):
        return False
