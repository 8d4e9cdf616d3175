"""One certificate from an ACME server: the order, its challenges, its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from acme import challenges, errors, messages
from cryptography import x509

from podhost.certs import budget, keys, preflight
from podhost.certs.account import Account
from podhost.certs.authorities import HOUR
from podhost.certs.client import Client, explain, plainly, renewal_id
from podhost.certs.failure import Failure, Kind
from podhost.certs.records import challenge_name
from podhost.certs.state import Failed, Hold, Ledger, Ordered
from podhost.certs.store import Pair, Store
from podhost.certs.task import Task, Wanted

Clock = Callable[[], int]
OPEN = (messages.STATUS_PENDING, messages.STATUS_PROCESSING)


class Authorizer:
    """The authority, as one run meets it: connected when it is first needed."""

    def __init__(self, task: Task, store: Store, ledger: Ledger, save: Callable[[], None], clock: Clock) -> None:
        self.task = task
        self.store = store
        self.ledger = ledger
        self.save = save
        self.clock = clock
        self.account = Account(store, task.authority)
        self._client: Client | None = None

    @contextmanager
    def plainly(self) -> Iterator[None]:
        """Turn what goes wrong into a `Failure`, with the time that the authority wants to be left alone."""
        with plainly(self.task.authority.directory):
            try:
                yield
            except messages.Error as error:
                asked = (self._client.net.retry_after or 0) if self._client else 0
                if error.code == "serverInternal" and asked:  # it is too busy, whoever asks
                    self.ledger.hold = Hold(at=self.clock(), delay=asked, reason="the authority asked to wait")
                if error.code == "rateLimited":
                    failure = explain(error)
                    failure.delay = asked or HOUR
                    raise failure from None
                raise

    def client(self) -> Client:
        """The directory, read once; a ledger that was written with a wrong clock is then set right."""
        if self._client is None:
            self._client = self.account.connect(self.task.trusted)
            now = self.clock()
            if self.ledger.ahead(now) and abs((self._client.net.date or 0) - now) < HOUR:
                self.ledger.settle(now)
                self.save()
        return self._client

    def _enter(self) -> Client:
        client = self.client()
        if client.net.account is None:
            self.account.enter(client, self.task.email, self.task.external, self.ledger, self.save, self.clock())
        return client

    def obtain(self, wanted: Wanted, current: Pair | None) -> tuple[bytes, bytes]:
        """Get a certificate; give it with its chain, and its key, both as PEM."""
        with self.plainly():
            try:
                return self._obtain(wanted, current)
            except messages.Error as error:
                if error.code != "accountDoesNotExist":
                    raise
            self.account.forget()
            self.store.forget(wanted.name)
            self._client = None
            return self._obtain(wanted, current)

    def _obtain(self, wanted: Wanted, current: Pair | None) -> tuple[bytes, bytes]:
        client = self._enter()
        resumed = self._resume(client, wanted)
        needs_challenges = resumed is None or resumed[1].status == messages.STATUS_PENDING
        if needs_challenges and self.task.preflight:
            preflight.check(self.task, wanted)
        if resumed is None:
            key = keys.to_pem(keys.make(wanted.key))
            url, order, record = self._order(client, wanted, current, key)
        else:
            url, order, record, key = resumed
            # What this order may still cost was counted when it was made; its validations are counted as they come.
            if needs_challenges and (
                wait := budget.order(
                    self.ledger, self.task.authority.limits, order_names(wanted), self.clock(), exempt=True
                )
            ):
                raise waiting(wait)
        try:
            fullchain = self._finish(client, wanted, url, order, record, key)
        except Failure as failure:
            if failure.kind is Kind.REFUSED:
                self.store.forget(wanted.name)
            raise
        except messages.Error as error:
            if error.code not in ("serverInternal", "rateLimited"):
                self.store.forget(wanted.name)
            raise
        _verify(fullchain, key, wanted)
        return fullchain, key

    def _resume(self, client: Client, wanted: Wanted) -> tuple[str, messages.Order, Ordered, bytes] | None:
        """The order that an earlier run left, when it is still good for what is wanted now."""
        kept = self.store.pending(wanted.name)
        if kept is None:
            return None
        key, described = kept
        url = str(described.get("url"))
        if {**described, "url": None} == self._describe(wanted, None):
            try:
                order = client.order_at(url)
            except messages.Error as error:
                if error.code in ("serverInternal", "rateLimited"):
                    raise
            else:
                if order.status != messages.STATUS_INVALID:
                    return url, order, self._record(wanted), key
        self.store.forget(wanted.name)
        return None

    def _describe(self, wanted: Wanted, url: str | None) -> dict[str, object]:
        return {
            "url": url,
            "directory": self.task.authority.directory,
            "account": self.client().account,
            "names": sorted(wanted.names),
            "profile": wanted.profile,
            "key": wanted.key,
        }

    def _record(self, wanted: Wanted) -> Ordered:
        names = sorted(wanted.names)
        for each in reversed(self.ledger.orders):
            if each.names == names:
                return each
        record = Ordered(at=self.clock(), names=names)
        self.ledger.orders.append(record)
        return record

    def _order(
        self, client: Client, wanted: Wanted, current: Pair | None, key: bytes
    ) -> tuple[str, messages.Order, Ordered]:
        replaces = None
        shared = current and set(wanted.names) & set(keys.names(current.leaf))
        if current and shared and client.knows_renewals and current.directory == self.task.authority.directory:
            replaces = renewal_id(current.leaf)
        self.store.begin(wanted.name, key)
        try:
            url, order, record = self._make(client, wanted, replaces)
        except errors.ConflictError:  # what the package makes of "replaced already"
            url, order, record = self._make(client, wanted, None)
        except messages.Error as error:
            # There are many codes for what is wrong with the old certificate, and the order may do well without it.
            if replaces is None or error.code in ("accountDoesNotExist", "rateLimited", "rejectedIdentifier"):
                raise
            url, order, record = self._make(client, wanted, None)
        self.store.ordered(wanted.name, self._describe(wanted, url))
        return url, order, record

    def _make(self, client: Client, wanted: Wanted, replaces: str | None) -> tuple[str, messages.Order, Ordered]:
        """Make an order, written down before it is asked for: whatever happens then, it is counted."""
        exempt = replaces is not None
        now = self.clock()
        if wait := budget.order(self.ledger, self.task.authority.limits, wanted.names, now, exempt):
            raise waiting(wait)
        record = Ordered(at=now, names=sorted(wanted.names), exempt=exempt)
        self.ledger.orders.append(record)
        self.save()
        url, order = client.order(wanted.names, wanted.profile, replaces)
        return url, order, record

    def _finish(
        self, client: Client, wanted: Wanted, url: str, order: messages.Order, record: Ordered, key: bytes
    ) -> bytes:
        if order.status == messages.STATUS_PENDING:
            self._authorize(client, wanted, order)
            what = "the check of the order"
            order = client.wait(lambda: client.order_at(url), lambda each: each.status != messages.STATUS_PENDING, what)
        if order.status == messages.STATUS_READY:
            record.issued = True
            self.save()
            client.finalize(order, keys.request(keys.from_pem(key), wanted.names))
        ended = (messages.STATUS_VALID, messages.STATUS_INVALID)
        order = client.wait(lambda: client.order_at(url), lambda each: each.status in ended, "the signature")
        if order.status == messages.STATUS_INVALID:
            raise explain(order.error) if order.error else Failure("the order failed", "the authority gives no reason")
        record.issued = True  # which an order that was taken up again may not have said yet
        return client.certificate(order)

    def _authorize(self, client: Client, wanted: Wanted, order: messages.Order) -> None:
        """Answer the challenges of all names, and see that they are accepted."""
        begun: list[tuple[str, Failed]] = []
        clean: list[Callable[[], None]] = []
        try:
            for url in order.authorizations:
                authorization = client.authorization(url)
                if authorization.body.status == messages.STATUS_VALID:
                    continue
                name = authorization.body.identifier.value
                if authorization.body.status in OPEN:
                    challenge = _challenge(authorization, wanted.challenge, name)
                    response, validation = challenge.response_and_validation(client.net.key)
                    self._present(wanted, name, challenge, validation, clean)
                    # A validation has failed until it is seen to have succeeded: a run that is killed here is counted, too.
                    record = Failed(at=self.clock(), name=name)
                    self.ledger.failures.append(record)
                    self.save()
                    if challenge.status == messages.STATUS_PENDING:
                        client.answer_challenge(challenge, response)
                    begun.append((url, record))
                else:
                    raise _invalid(authorization, name)
            failed: list[Failure] = []
            for url, record in begun:
                authorization = client.wait(
                    lambda url=url: client.authorization(url),  # type: ignore[misc]
                    lambda each: each.body.status not in OPEN,
                    f"the validation of '{record.name}'",
                )
                if authorization.body.status == messages.STATUS_VALID:
                    self.ledger.failures.remove(record)
                    self.save()
                else:
                    failed.append(_invalid(authorization, record.name))
            if failed:
                raise failed[0]
        finally:
            for each in clean:
                each()

    def _present(
        self, wanted: Wanted, name: str, challenge: Any, validation: str, clean: list[Callable[[], None]]
    ) -> None:
        """Show what the challenge demands; what takes it away again is in `clean` before it is there."""
        if wanted.challenge == "dns-01":
            records, record = self.task.records, challenge_name(name)
            assert records
            clean.append(lambda: records.clean(record, validation))
            records.present(record, validation)
            return
        webroot, token = self.task.webroot, challenge.chall.encode("token")
        assert webroot
        clean.append(lambda: webroot.clean(token))
        webroot.present(token, validation)


def order_names(wanted: Wanted) -> list[str]:
    """The names whose validations a certificate needs."""
    return [name.removeprefix("*.") for name in wanted.names]


def waiting(wait: budget.Wait) -> Failure:
    """It is not time yet."""
    return Failure(
        f"no order now ({wait.reason})", f"nothing to do, the next one is possible in {span(wait.seconds)}", Kind.WAIT
    )


def span(seconds: int) -> str:
    """A time span for people."""
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{-(-seconds // length)} {unit}"
    return f"{seconds} s"


def _challenge(authorization: messages.AuthorizationResource, kind: str, name: str) -> messages.ChallengeBody:
    wanted = challenges.DNS01 if kind == "dns-01" else challenges.HTTP01
    for each in authorization.body.challenges:
        if isinstance(each.chall, wanted):
            return each
    raise Failure(f"the authority offers no {kind} for '{name}'", "choose another 'challenge'")


def _invalid(authorization: messages.AuthorizationResource, name: str) -> Failure:
    for each in authorization.body.challenges:
        if each.error is not None:
            return explain(each.error, name)
    return Failure(
        f"the authority calls the validation of '{name}' {authorization.body.status.name}", "it is tried anew"
    )


def _verify(fullchain: bytes, key: bytes, wanted: Wanted) -> None:
    """See that the certificate is what was asked for, before it takes the place of a good one."""
    leaf = x509.load_pem_x509_certificate(fullchain)
    if leaf.public_key() != keys.from_pem(key).public_key():
        raise Failure("the authority gave a certificate for another key", "nothing to do, it is tried anew")
    if set(keys.names(leaf)) != set(wanted.names):
        raise Failure("the authority gave a certificate for other names", "see that 'authority' is the right one")
