"""dns-01: TXT records, set at a name server by RFC 2136 or by a program, and whether the zone's servers show them."""

from __future__ import annotations

import secrets
import socket
import subprocess
import time
from pathlib import Path
from typing import Protocol

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.tsig
import dns.tsigkeyring
import dns.update

from podhost.certs.failure import Failure, Kind
from podhost.spec.certificates import Dns

TTL = 60
TIMEOUT = 10  # seconds for one answer
PATIENCE = 120  # seconds until every server of the zone shows a record
HOOK_PATIENCE = 600  # seconds for a program, which may itself wait until records are seen


Server = list[tuple[str, int]]
"""The addresses and ports of one name server."""


class Records(Protocol):
    """What can set and remove a TXT record."""

    def present(self, name: str, value: str) -> None:
        """Add a record beside those that are there, and return when it can be seen."""

    def clean(self, name: str, value: str) -> None:
        """Remove it."""


def challenge_name(name: str) -> str:
    """Where the authority looks for the record of a name: RFC 8555, section 8.4."""
    return f"_acme-challenge.{name.removeprefix('*.')}"


def reach(records: Records, name: str) -> None:
    """Set a record for the name and remove it; raise what is wrong."""
    value = secrets.token_urlsafe(32)
    try:
        records.present(challenge_name(name), value)
    except Failure as failure:
        raise Failure(failure.message, failure.todo, Kind.FREE) from None
    finally:
        records.clean(challenge_name(name), value)


class Updates:
    """Records at a name server that takes signed updates."""

    def __init__(self, settings: Dns, key: str) -> None:
        assert settings.server
        assert settings.key_name
        self.settings = settings
        self.server = settings.server
        self.key_name = settings.key_name
        self._keyring = dns.tsigkeyring.from_text({settings.key_name: key})

    def present(self, name: str, value: str) -> None:
        """Add a record, and wait until every server of the zone shows it."""
        zone = self._zone(name)
        update = self._update(zone)
        update.add(dns.name.from_text(name), TTL, "TXT", f'"{value}"')
        self._send(update, zone)
        _wait(name, value, self._servers(zone))

    def clean(self, name: str, value: str) -> None:
        """Remove the record; that it stays behind is no failure of the certificate."""
        try:
            zone = self._zone(name)
            update = self._update(zone)
            update.delete(dns.name.from_text(name), "TXT", f'"{value}"')
            self._send(update, zone)
        except Failure:
            return

    def _update(self, zone: dns.name.Name) -> dns.update.UpdateMessage:
        return dns.update.UpdateMessage(
            zone,
            keyring=self._keyring,
            keyname=dns.name.from_text(self.key_name),
            keyalgorithm=dns.name.from_text(self.settings.algorithm),
        )

    def _send(self, update: dns.update.UpdateMessage, zone: dns.name.Name) -> None:
        answer = self._ask(update)
        code = answer.rcode()
        if code != dns.rcode.NOERROR:
            raise Failure(
                f"the name server '{self.server}' refuses the update of '{zone.to_text(True)}' ({dns.rcode.to_text(code)})",
                f"let the key '{self.key_name}' update TXT records there",
                Kind.UNREACHABLE,
            )

    def _ask(self, message: dns.message.Message) -> dns.message.Message:
        try:
            address = str(socket.getaddrinfo(self.server, self.settings.port, type=socket.SOCK_STREAM)[0][4][0])
            return dns.query.tcp(message, address, TIMEOUT, self.settings.port)
        except dns.tsig.PeerError as error:
            raise Failure(
                f"the name server '{self.server}' does not accept the key '{self.key_name}' ({type(error).__name__})",
                "compare name, algorithm and secret on both sides, and both clocks",
                Kind.UNREACHABLE,
            ) from None
        except (OSError, EOFError, dns.exception.DNSException) as error:
            raise Failure(
                f"the name server '{self.server}' does not answer ({getattr(error, 'strerror', None) or type(error).__name__})",
                "see that it runs, and that this host reaches its TCP port",
                Kind.UNREACHABLE,
            ) from None

    def _zone(self, name: str) -> dns.name.Name:
        """The zone that a name is in: whose SOA the server gives when asked for the name's own."""
        if self.settings.zone:
            return dns.name.from_text(self.settings.zone)
        answer = self._ask(dns.message.make_query(name, "SOA"))
        for section in (answer.answer, answer.authority):
            for each in section:
                if each.rdtype == dns.rdatatype.SOA:
                    return each.name
        raise Failure(
            f"the name server '{self.server}' has no zone that '{name}' is in",
            "name the zone in 'zone', or another 'server'",
            Kind.UNREACHABLE,
        )

    def _servers(self, zone: dns.name.Name) -> list[Server]:
        """The zone's servers, among which is the one that was updated."""
        answer = self._ask(dns.message.make_query(zone, "NS"))
        names = [str(each.target) for rrset in answer.answer for each in rrset if each.rdtype == dns.rdatatype.NS]
        address = str(socket.getaddrinfo(self.server, self.settings.port, type=socket.SOCK_STREAM)[0][4][0])
        return [[(address, self.settings.port)], *_addresses(names)]


class Hook:
    """Records set by a program."""

    def __init__(self, program: Path) -> None:
        self.program = program

    def present(self, name: str, value: str) -> None:
        """Call the program, and wait until every server of the zone shows the record, where they can be found."""
        self._call("present", name, value)
        _wait(name, value, _public_servers(name))

    def clean(self, name: str, value: str) -> None:
        """Call the program; that the record stays behind is no failure of the certificate."""
        try:
            self._call("cleanup", name, value)
        except Failure:
            return

    def _call(self, verb: str, name: str, value: str) -> None:
        todo = "run it by hand with these words, and see what it says"
        try:
            ended = subprocess.run(
                [self.program, verb, name, value],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=HOOK_PATIENCE,
                check=False,
            )
        except OSError as error:
            raise Failure(
                f"'{self.program}' cannot be run ({error.strerror})", "make it a program", Kind.UNREACHABLE
            ) from None
        except subprocess.TimeoutExpired:
            raise Failure(
                f"'{self.program} {verb} {name}' did not end in {HOOK_PATIENCE} s", todo, Kind.UNREACHABLE
            ) from None
        if ended.returncode:
            said = (ended.stderr.strip().splitlines() or ["without a word"])[-1]
            raise Failure(f"'{self.program} {verb} {name}' failed ({said})", todo, Kind.UNREACHABLE)


def _public_servers(name: str) -> list[Server]:
    """The servers of the zone that a name is in, as this host's resolver finds them; none where it does not."""
    try:
        zone = dns.resolver.zone_for_name(name, lifetime=TIMEOUT)
        answer = dns.resolver.resolve(zone, "NS", lifetime=TIMEOUT)
    except (dns.exception.DNSException, OSError):
        return []
    return _addresses([str(each.target) for each in answer])


def _addresses(names: list[str]) -> list[Server]:
    found: list[Server] = []
    for name in names:
        try:
            resolved = socket.getaddrinfo(name.rstrip("."), 53, type=socket.SOCK_DGRAM)
        except OSError:
            continue
        found.append([(str(each[4][0]), 53) for each in resolved])
    return found


def _wait(name: str, value: str, servers: list[Server]) -> None:
    """Wait until all `servers` show the record, each at one of its addresses; those that this host has no route to do not count."""
    end = time.monotonic() + PATIENCE
    left = servers
    pause = 0.1
    while left := [each for each in left if not any(_shows(name, value, *address) for address in each)]:
        if time.monotonic() > end:
            raise Failure(
                f"{left[0][0][0]} does not show the TXT record of '{name}' after {PATIENCE} s",
                "see that all name servers of the zone take its changes",
                Kind.UNREACHABLE,
            )
        pause = min(pause * 2, 5)
        time.sleep(pause)


def _shows(name: str, value: str, address: str, port: int) -> bool:
    try:
        answer = dns.query.udp_with_fallback(dns.message.make_query(name, "TXT"), address, 3, port)[0]
    except OSError as error:
        return "nreachable" in (error.strerror or "")
    except dns.exception.DNSException:
        return False
    return any(
        value.encode() == b"".join(each.strings)
        for rrset in answer.answer
        for each in rrset
        if each.rdtype == dns.rdatatype.TXT
    )
