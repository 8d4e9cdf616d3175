"""What there is: each certificate, until when it holds, and what went wrong."""

from __future__ import annotations

import datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.x509.oid import NameOID

from podhost.certs import renew
from podhost.certs.client import day
from podhost.certs.failure import Failure
from podhost.certs.state import Entry, State, parse
from podhost.certs.store import Pair, Store
from podhost.certs.task import Task, Wanted


class Status(NamedTuple):
    """One certificate; dates are ISO 8601 in UTC, and None where there is nothing to say."""

    name: str
    names: list[str]
    authority: str
    version: str | None
    issuer: str | None
    issued: str | None
    expires: str | None
    renewal: str | None
    current: bool
    failure: str | None
    failed: str | None
    next_attempt: str | None


def status(task: Task, now: int) -> list[Status]:
    """Tell of all certificates; nothing is changed, and nobody is asked."""
    store = Store(task.store, lambda _: None)
    with renew.told(task.store):
        try:
            state = parse((task.store / "state.json").read_bytes())
        except (FileNotFoundError, ValueError):
            state = State()
        return [_one(task, each, store.current(each.name), state.entry(each.name), now) for each in task.certificates]


def _one(task: Task, wanted: Wanted, pair: Pair | None, entry: Entry, now: int) -> Status:
    leaf = pair.leaf if pair else None
    trouble = entry.trouble
    due = None
    if pair:
        due = now if renew.differs(wanted, pair, task.authority.directory) else renew.renewal(pair, entry.window)
    return Status(
        name=wanted.name,
        names=list(wanted.names),
        authority=task.authority.name,
        version=pair.version if pair else None,
        issuer=_issuer(leaf) if leaf else None,
        issued=_iso(day(leaf.not_valid_before_utc)) if leaf else None,
        expires=_iso(day(leaf.not_valid_after_utc)) if leaf else None,
        renewal=_iso(due) if due is not None else None,
        current=bool(leaf and now < day(leaf.not_valid_after_utc) and due is not None and due > now),
        failure=str(Failure(trouble.message, trouble.todo)) if trouble else None,
        failed=_iso(trouble.at) if trouble else None,
        next_attempt=_iso(trouble.at + trouble.delay) if trouble else None,
    )


def _issuer(leaf: x509.Certificate) -> str:
    names = leaf.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else leaf.issuer.rfc4514_string()


def _iso(at: int) -> str:
    return f"{datetime.datetime.fromtimestamp(at, datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"
