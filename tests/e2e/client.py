"""Asking a host over HTTP or TLS as a client outside it would, at an address of the test's choice."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered.

    `headers` have lower-case names; `certificate` is the server's in DER form, empty without TLS; `tls` is the protocol version.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    certificate: bytes = b""
    tls: str = ""

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


class _Connection(http.client.HTTPConnection):
    def __init__(
        self, address: str, url: urllib.parse.SplitResult, context: ssl.SSLContext | None, timeout: float
    ) -> None:
        port = url.port or (443 if url.scheme == "https" else 80)
        super().__init__(url.hostname or address, port, timeout=timeout)
        self._address, self._context = address, context

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._context:
            self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host)


def request(
    address: str,
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    authority: str | None = None,
    timeout: float = 10,
) -> Answer:
    """Send one request for `url` to `address`; SNI and Host are the URL's. Redirects are not followed.

    `authority` is a PEM text that the server's certificate must lead to; without it any certificate will do.
    Raises `OSError` (which TLS errors are) where there is no answer within `timeout` seconds, and
    `http.client.HTTPException` where it is none.
    """
    parts = urllib.parse.urlsplit(url)
    context = None
    if parts.scheme == "https":
        context = ssl.create_default_context(cadata=authority)
        if authority is None:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
    connection = _Connection(address, parts, context, timeout)
    try:
        connection.connect()
        socket_ = connection.sock
        certificate = (socket_.getpeercert(binary_form=True) or b"") if isinstance(socket_, ssl.SSLSocket) else b""
        tls = (socket_.version() or "") if isinstance(socket_, ssl.SSLSocket) else ""
        target = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        connection.request(method, target, body, dict(headers or {}))
        answer = connection.getresponse()
        fields = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, fields, answer.read(), certificate, tls)
    finally:
        connection.close()
