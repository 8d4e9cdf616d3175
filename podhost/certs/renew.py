"""A run: what is due is had, and what was had is made current."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from cryptography import x509

from podhost.certs import budget, keys
from podhost.certs.authorities import HOUR, INTERNAL
from podhost.certs.client import day, renewal_id
from podhost.certs.failure import Failure, Kind
from podhost.certs.internal import Internal
from podhost.certs.order import Authorizer, Clock, span
from podhost.certs.state import Entry, Hold, State, Trouble, Window
from podhost.certs.store import Pair, Store
from podhost.certs.task import Task, Wanted

DAY = 24 * HOUR


class Outcome(NamedTuple):
    """How a certificate fared; `failure` is None when it is current."""

    name: str
    failure: Failure | None


def run(task: Task, clock: Clock, tell: Callable[[str], None], by_hand: Sequence[str] = ()) -> list[Outcome]:
    """Have all certificates that are due, or those named `by_hand` whether or not they are; `tell` is given lines of progress."""
    store = Store(task.store, tell)
    with told(task.store), store.lock():
        return _Run(task, store, clock, tell).all(by_hand)


class told:  # noqa: N801 - a context manager, used like a function
    """Turn errors of the file system into a `Failure`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        """Nothing is to be done."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            where = error.filename2 or error.filename or self.path
            raise Failure(
                f"'{where}' cannot be read or written ({error.strerror or error})",
                "see that the disk has space, and that the folder belongs to the user this runs as",
                Kind.FREE,
            ) from None


class _Run:
    def __init__(self, task: Task, store: Store, clock: Clock, tell: Callable[[str], None]) -> None:
        self.task = task
        self.store = store
        self.clock = clock
        self.tell = tell
        self.state = self._load()
        self.ledger = self.state.ledger(task.authority.directory)
        self.internal = task.authority.directory == INTERNAL

    def _load(self) -> State:
        now = self.clock()
        state, whole = self.store.load(now)
        ledger = state.ledger(self.task.authority.directory)
        if not whole:
            # Every certificate that may still count is kept, so the long limits are known. An hour's rest covers the short ones.
            ledger.orders += [
                budget.issued(keys.names(each), day(each.not_valid_before_utc) + HOUR) for each in self.store.versions()
            ]
            ledger.hold = Hold(at=now, delay=HOUR, reason="what was done before is not known")
        for entry in state.certificates.values():
            if entry.trouble:  # the clock was set back: the delay begins anew
                entry.trouble.at = min(entry.trouble.at, now)
        return state

    def save(self) -> None:
        self.store.save(self.state)

    def all(self, by_hand: Sequence[str]) -> list[Outcome]:
        self.save()
        if (self.store.root / "certificates").is_dir():
            self.store.announce()
        if self.task.webroot and not self.internal:
            self.task.webroot.sweep(self.clock())
        self.authorizer = Authorizer(self.task, self.store, self.ledger, self.save, self.clock)
        if self.task.webroot and self.internal:
            Internal(self.store).publish(self.task.webroot.root, self.clock())
        chosen = [each for each in self.task.certificates if not by_hand or each.name in by_hand]
        return [self._one(each, bool(by_hand)) for each in chosen]

    def _one(self, wanted: Wanted, by_hand: bool) -> Outcome:
        entry = self.state.entry(wanted.name)
        try:
            with told(self.task.store):
                current = self.store.current(wanted.name)
                reason = "asked for" if by_hand else self._due(wanted, current, entry)
                if reason is None:
                    assert current
                    self.tell(
                        f"{wanted.name}: good, to be renewed in {span(renewal(current, entry.window) - self.clock())}"
                    )
                    entry.trouble = None
                    self.save()
                else:
                    self._have(wanted, current, entry, reason, by_hand)
        except Failure as failure:
            self._remember(wanted, entry, failure)
            return Outcome(wanted.name, failure)
        return Outcome(wanted.name, None)

    def _have(self, wanted: Wanted, current: Pair | None, entry: Entry, reason: str, by_hand: bool) -> None:
        trouble = entry.trouble
        if (
            trouble
            and not by_hand
            and trouble.directory == self.task.authority.directory
            and trouble.names == sorted(wanted.names)
            and (wait := budget.trouble(trouble, self.clock()))
        ):
            raise Failure(
                f"not tried now, {wait.reason} ({trouble.message})",
                f"{trouble.todo}; the next attempt is in {span(wait.seconds)}",
                Kind.WAIT,
            )
        if (
            not self.internal
            and (wait := budget.hold(self.ledger, self.clock()))
            and not self.ledger.ahead(self.clock())
        ):
            raise Failure(
                f"no order now ({wait.reason})",
                f"nothing to do, the next one is possible in {span(wait.seconds)}",
                Kind.WAIT,
            )
        self.tell(f"{wanted.name}: {reason}, for {', '.join(wanted.names)} from {self.task.authority.name}")
        if self.internal:
            key = keys.make(wanted.key)
            fullchain, pem = Internal(self.store).issue(wanted.names, key, self.clock()), keys.to_pem(key)
        else:
            fullchain, pem = self.authorizer.obtain(wanted, current)
        version = self.store.put(wanted.name, fullchain, pem, self.task.authority.directory, wanted.profile)
        self.store.announce()
        self.store.forget(wanted.name)
        self.store.sweep(wanted.name, self.clock())
        entry.trouble = entry.window = None
        self.save()
        self.tell(f"{wanted.name}: new, version {version}")

    def _remember(self, wanted: Wanted, entry: Entry, failure: Failure) -> None:
        """Keep a failure, so that what waits for it outlives this run; what only waits is no failure of its own."""
        if failure.kind is not Kind.WAIT:
            counts = failure.kind is not Kind.FREE
            count = (entry.trouble.count if entry.trouble else 0) + counts
            entry.trouble = Trouble(
                at=self.clock(),
                count=count,
                delay=max(budget.delay(failure.kind, max(count, 1)), min(failure.delay, budget.MAX_HOLD)),
                message=failure.message,
                todo=failure.todo,
                kind=failure.kind.value,
                directory=self.task.authority.directory,
                names=sorted(wanted.names),
            )
        try:
            self.save()
        except OSError as error:
            self.tell(f"'{self.task.store}' cannot be written ({error.strerror}): free some space")

    # -- what is due

    def _due(self, wanted: Wanted, current: Pair | None, entry: Entry) -> str | None:
        """Why a certificate is to be had now, or None when the current one is good."""
        if current is None:
            return "there is none yet"
        if why := differs(wanted, current, self.task.authority.directory):
            return why
        if not self.internal:
            self._ask(wanted, current, entry)
        return "its time has come" if renewal(current, entry.window) <= self.clock() else None

    def _ask(self, wanted: Wanted, current: Pair, entry: Entry) -> None:
        """Ask the authority when it wants the certificate renewed, unless it said so a short while ago; without an answer the old one holds."""
        now, window = self.clock(), entry.window
        name = renewal_id(current.leaf)
        fresh = window and window.certificate == name and window.asked <= now < window.asked + window.again
        # After its end a certificate is not asked about: RFC 9773, section 4.3.
        if fresh or budget.hold(self.ledger, now) or day(current.leaf.not_valid_after_utc) <= now:
            return
        try:
            with self.authorizer.plainly():
                client = self.authorizer.client()
                if not client.knows_renewals:
                    return
                said = client.suggestion(current.leaf)
        except Failure as failure:
            self.tell(f"{wanted.name}: when to renew it is not known anew: {failure}")
            return
        same = window and (window.certificate, window.start, window.end) == (name, said.start, said.end)
        # A random moment, so that not everybody comes at once; drawn once, so that it is not drawn until it is early.
        moment = window.moment if window and same else random.randint(said.start, max(said.start, said.end))
        again = max(60, min(said.again, DAY))
        entry.window = Window(certificate=name, start=said.start, end=said.end, moment=moment, asked=now, again=again)
        self.save()


def differs(wanted: Wanted, current: Pair, directory: str) -> str | None:
    """What of a pair is not as it is wanted."""
    leaf = current.leaf
    if set(keys.names(leaf)) != set(wanted.names):
        return "its names have changed"
    if keys.kind(leaf) != wanted.key:
        return "the type of its key has changed"
    if current.directory != directory:
        return "its authority has changed"
    if current.profile != wanted.profile:
        return "its profile has changed"
    if keys.from_pem(current.key).public_key() != leaf.public_key():
        return "its key is another one's"
    return None


def renewal(current: Pair, window: Window | None) -> int:
    """When a pair is to be renewed: at the moment drawn from the authority's window, or else at two thirds of its life."""
    leaf = current.leaf
    begin, end = day(leaf.not_valid_before_utc), day(leaf.not_valid_after_utc)
    if window and window.certificate == _name(current) and window.moment < end:
        return window.moment
    return begin + (end - begin) * 2 // 3


def _name(current: Pair) -> str:
    try:
        return renewal_id(current.leaf)
    except x509.ExtensionNotFound:  # it has no such name
        return ""
