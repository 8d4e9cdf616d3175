"""A mail server as administrators have one elsewhere: it takes mail from whoever knows a password."""

from __future__ import annotations

import ssl
from email import message_from_bytes, policy
from email.message import EmailMessage
from queue import Queue
from typing import Any, Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from .network import GATEWAY

PORT = 2587


class MailServer:
    """At `PORT` of the gateway, while it is entered: `mails` are those that it took, `logins` all that were tried.

    `security` is when a connection is encrypted, by the `context`: after its start (starttls), from its start (tls), or not at all (none).
    """

    def __init__(
        self,
        user: str,
        password: str,
        security: Literal["none", "starttls", "tls"] = "none",
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.mails: Queue[EmailMessage] = Queue()
        self.logins: list[tuple[str, str]] = []
        self._known = (user, password)
        self._controller = Controller(
            self,
            hostname=GATEWAY,
            port=PORT,
            authenticator=self._knows,
            ssl_context=context if security == "tls" else None,
            tls_context=context if security == "starttls" else None,
            require_starttls=security == "starttls",
            auth_require_tls=security == "starttls",
        )

    def __enter__(self) -> MailServer:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (its library's name)
        if not session.authenticated:
            return "530 5.7.0 Authentication required"
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.put(mail)
        return "250 OK"

    def _knows(self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=self.logins[-1] == self._known, handled=False)  # the server answers
