"""The account at an authority: its key, made once, and its registration, found again by that key."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from acme import errors, messages

from podhost.certs import budget, keys, store
from podhost.certs.authorities import Authority
from podhost.certs.client import Client, connect, jwk
from podhost.certs.failure import Failure, Kind
from podhost.certs.state import Ledger
from podhost.certs.store import Store

KEY = "key.pem"
REGISTRATION = "registration.json"


class Account:
    """The account of a store at an authority."""

    def __init__(self, kept: Store, authority: Authority) -> None:
        self.folder = kept.folder("account", authority.folder)
        self.authority = authority

    def key(self) -> bytes:
        """The account's key as PEM, made at the first use."""
        path = self.folder / KEY
        if not path.is_file():
            store.write(path, keys.to_pem(keys.make("ecdsa-p256")))
        return path.read_bytes()

    def connect(self, trusted: Path | None) -> Client:
        """Read the authority's directory."""
        return connect(self.authority.directory, jwk(self.key()), trusted)

    def enter(
        self,
        client: Client,
        email: str | None,
        external: tuple[str, str] | None,
        ledger: Ledger,
        save: Callable[[], None],
        now: int,
    ) -> None:
        """Let `client` speak for the account, and make it where there is none; `external` is the key's identifier and the key."""
        contact = (f"mailto:{email}",) if email else ()
        kept = self._kept()
        if kept and kept["directory"] == self.authority.directory:
            body = messages.Registration(contact=contact)
            client.net.account = messages.RegistrationResource(uri=kept["uri"], body=body)
            if kept["contact"] != list(contact):
                client.update_registration(client.net.account, messages.Registration(contact=contact))
                self._keep(client, contact)
            return
        if not self._find(client):
            self._make(client, contact, external, ledger, save, now)
        self._keep(client, contact)

    def forget(self) -> None:
        """Forget the registration: the authority does not know it any more."""
        (self.folder / REGISTRATION).unlink(missing_ok=True)

    def _kept(self) -> dict[str, object] | None:
        try:
            kept = json.loads((self.folder / REGISTRATION).read_bytes())
            good = isinstance(kept["uri"], str) and isinstance(kept["directory"], str) and "contact" in kept
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None
        return kept if good else None

    def _keep(self, client: Client, contact: tuple[str, ...]) -> None:
        kept = {"uri": client.account, "directory": self.authority.directory, "contact": contact}
        store.write(self.folder / REGISTRATION, json.dumps(kept).encode())

    def _find(self, client: Client) -> bool:
        """Ask whether the key has an account already: RFC 8555, section 7.3.1."""
        registration = messages.RegistrationResource(uri="", body=messages.Registration())
        try:
            client.query_registration(registration)
        except messages.Error as error:
            client.net.account = None
            if error.code in ("accountDoesNotExist", "externalAccountRequired", "malformed"):
                return False
            raise
        return True

    def _make(
        self,
        client: Client,
        contact: tuple[str, ...],
        external: tuple[str, str] | None,
        ledger: Ledger,
        save: Callable[[], None],
        now: int,
    ) -> None:
        if wait := budget.account(ledger, self.authority.limits, now):
            raise Failure(
                f"no new account now ({wait.reason})", f"nothing to do, it is made in {wait.seconds} s", Kind.WAIT
            )
        if client.external_account_required() and external is None:
            raise Failure(
                "the authority demands an account of its own to bind to",
                "add 'external_account' with the credentials that it gives",
            )
        binding = None
        if external:
            binding = messages.ExternalAccountBinding.from_data(
                jwk(self.key()).public_key(), *external, directory=client.directory
            )
        ledger.accounts.append(now)
        save()
        fields = {"contact": contact} if contact else {}
        try:
            client.new_account(
                messages.NewRegistration(terms_of_service_agreed=True, external_account_binding=binding, **fields)
            )
        except errors.ConflictError as error:  # it is there after all
            client.net.account = messages.RegistrationResource(uri=error.location, body=messages.Registration())
