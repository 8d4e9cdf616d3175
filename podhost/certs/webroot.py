"""http-01: files that are served at port 80 of the name, and whether they can be reached there."""

from __future__ import annotations

import errno
import http.client
import ipaddress
import os
import re
import secrets
import socket
import warnings
from pathlib import Path

import requests

from podhost.certs import store
from podhost.certs.failure import Failure, Kind

PATH = ".well-known/acme-challenge"
PORT = 80  # RFC 8555, section 8.3: no other
TIMEOUT = 10  # seconds for one address
# This host has no way to that kind of address, as to IPv6 from many networks: the authority has one, and nothing is known of it.
NO_ROUTE = (errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
STALE = 3600  # seconds after which what a killed run left is removed
NO_HAIRPIN = "if it does, and a router between does not lead it back here, say 'preflight: false'"


class Webroot:
    """The folder that port 80 serves; who serves it may be another user, so what is in it is for all to read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / PATH

    def present(self, token: str, content: str) -> None:
        """Serve a challenge."""
        path = self._path(token)
        self.make()
        store.write(path, content.encode(), 0o644)

    def clean(self, token: str) -> None:
        """Serve it no longer."""
        self._path(token).unlink(missing_ok=True)

    def _path(self, token: str) -> Path:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,200}", token):  # it becomes a file's name
            raise Failure("the authority gave a token that is none", "see that 'authority' is the right one")
        return self.folder / token

    def make(self) -> None:
        """Make the folder of challenges; the webroot itself has to be there."""
        path = self.root
        for name in PATH.split("/"):
            path = path / name
            path.mkdir(exist_ok=True)
            if path.stat().st_uid == os.geteuid():
                path.chmod(0o755)

    def sweep(self, now: int) -> None:
        """Remove what runs left that were killed."""
        if self.folder.is_dir():
            for each in self.folder.iterdir():
                if each.is_file() and each.stat().st_mtime < now - STALE:
                    each.unlink(missing_ok=True)

    def reach(self, name: str) -> None:
        """Fetch a file of this webroot through the name, over every address that it has; raise what is wrong."""
        token, content = f"podhost-{secrets.token_hex(16)}", secrets.token_hex(16)
        try:
            self.present(token, content)
            addresses = resolve(name)
            routes = [_fetch(name, address, token, content) for address in addresses]
            if not any(routes):
                raise Failure(
                    f"this host has no route to '{name}' ({', '.join(addresses)})",
                    "see that it reaches the internet, or say 'preflight: false'",
                    Kind.FREE,
                )
        finally:
            self.clean(token)


def resolve(name: str) -> list[str]:
    """The addresses of a name, as this host resolves it.

    For its own name systemd-resolved gives the addresses of its interfaces (systemd-resolved.service(8), "Synthetic records");
    the link-local ones among them are of no use to anybody, and least in a container.
    """
    try:
        found = socket.getaddrinfo(name, PORT, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            raise Failure(
                f"the resolver does not answer for '{name}'", "see that DNS works on this host", Kind.FREE
            ) from None
        raise Failure(
            f"'{name}' does not resolve", "add an A or AAAA record that leads to this host", Kind.FREE
        ) from None
    except UnicodeError:
        raise Failure(f"'{name}' is not a name that DNS can have", "correct it", Kind.FREE) from None
    addresses = dict.fromkeys(str(each[4][0]).partition("%")[0] for each in found)
    return [each for each in addresses if not ipaddress.ip_address(each).is_link_local]


def _fetch(name: str, address: str, token: str, content: str) -> bool:
    """Fetch the file from one address; False when this host has no way to its kind of address, so that nothing is known of it."""
    connection = http.client.HTTPConnection(address, PORT, timeout=TIMEOUT)
    try:
        connection.request("GET", f"/{PATH}/{token}", headers={"Host": name, "User-Agent": "podhost"})
        answer = connection.getresponse()
        body = answer.read(4096)
        location = answer.headers.get("Location")
    except OSError as error:
        if error.errno in NO_ROUTE:
            return False
        what = "is closed" if isinstance(error, ConnectionRefusedError) else "does not answer"
        raise Failure(
            f"port 80 of '{name}' ({address}) {what}",
            f"open it in the firewall, or let the name lead to this host; {NO_HAIRPIN}",
            Kind.FREE,
        ) from None
    except http.client.HTTPException:
        raise Failure(
            f"port 80 of '{name}' ({address}) is no web server's",
            f"let the name lead to this host; {NO_HAIRPIN}",
            Kind.FREE,
        ) from None
    finally:
        connection.close()
    status = f"status {answer.status}"
    if 300 <= answer.status < 400 and location:
        status, body = _follow(location)
    if body.strip() != content.encode():
        raise Failure(
            f"'{name}' leads elsewhere: {address} answers without this host's file ({status})",
            f"let the name lead to this host; {NO_HAIRPIN}",
            Kind.FREE,
        )
    return True


def _follow(location: str) -> tuple[str, bytes]:
    """Go where an answer leads, as the authority does, which minds no certificate on the way."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = requests.get(location, timeout=TIMEOUT, verify=False, stream=True)
            return f"redirected, status {answer.status_code}", answer.raw.read(4096, decode_content=True)
    except requests.exceptions.RequestException:
        return "redirected to what does not answer", b""
