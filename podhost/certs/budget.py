"""What may be asked of an authority, and when: pure functions over what was asked before.

Times that lie in the future count as now: a clock that was set back neither frees what was used nor uses it twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from podhost.certs.authorities import HOUR, WEEK, Limits
from podhost.certs.failure import Kind
from podhost.certs.state import Ledger, Ordered, Trouble

DAY = 24 * HOUR
MAX_HOLD = 14 * DAY  # no authority means to be left alone for longer


class Wait(NamedTuple):
    """How many seconds to wait, and for what."""

    seconds: int
    reason: str


def order(ledger: Ledger, limits: Limits, names: Iterable[str], now: int, exempt: bool = False) -> Wait | None:
    """Tell how long an order for `names` has to wait, or None when it may be made; `exempt` is one that renews by ARI."""
    names = sorted(names)
    waits = [hold(ledger, now)]
    for name in sorted({name.removeprefix("*.") for name in names}):
        failures = [each.at for each in ledger.failures if each.name == name]
        waits.append(_window(failures, limits.failures, HOUR, now, f"failed validations of {name} in an hour"))
    if not exempt:
        counted = [each for each in ledger.orders if not each.exempt]
        issued = [each for each in counted if each.issued]
        same = [each.at for each in issued if sorted(each.names) == names]
        waits.append(_window([each.at for each in counted], limits.orders, 3 * HOUR, now, "orders in three hours"))
        waits.append(_window(same, limits.same_names, WEEK, now, "certificates for these names in a week"))
        for domain in sorted({registered(name) for name in names}):
            below = [each.at for each in issued if domain in map(registered, each.names)]
            waits.append(_window(below, limits.domain, WEEK, now, f"certificates below {domain} in a week"))
    return max((each for each in waits if each), default=None)


def account(ledger: Ledger, limits: Limits, now: int) -> Wait | None:
    """Tell how long a new account has to wait."""
    return hold(ledger, now) or _window(ledger.accounts, limits.accounts, 3 * HOUR, now, "accounts in three hours")


def hold(ledger: Ledger, now: int) -> Wait | None:
    """Tell how long the authority has to be left alone altogether."""
    if ledger.hold is None:
        return None
    left = _left(ledger.hold.at, min(ledger.hold.delay, MAX_HOLD), now)
    return Wait(left, ledger.hold.reason) if left > 0 else None


def trouble(entry: Trouble | None, now: int) -> Wait | None:
    """Tell how long a certificate that failed has to wait before it is tried again."""
    if entry is None:
        return None
    left = _left(entry.at, entry.delay, now)
    return Wait(left, "the last attempt failed") if left > 0 else None


# The first delay after a failure, and the longest; each failure doubles it.
# Three attempts fit into the first hour after a refusal, and fewer into any other: less than the failed validations that are allowed.
DELAYS = {Kind.FREE: (0, 0), Kind.WAIT: (0, 0), Kind.UNREACHABLE: (30, HOUR), Kind.REFUSED: (15 * 60, DAY)}


def delay(kind: Kind, count: int) -> int:
    """The seconds to wait after the failure with that number, counting from 1."""
    first, longest = DELAYS[kind]
    return min(longest, first << min(count - 1, 20))


def registered(name: str) -> str:
    """The registered domain of a name, taken to be its last two labels.

    For a name below a public suffix of two labels, as in example.co.uk, that is too much: it then shares its budget with its neighbours' names, which this host does not order anyway.
    """
    return ".".join(name.split(".")[-2:])


def issued(names: Iterable[str], at: int) -> Ordered:
    """The record of a certificate that is known to have been issued."""
    return Ordered(at=at, names=sorted(names), issued=True)


def _left(at: int, length: int, now: int) -> int:
    return min(at, now) + length - now


def _window(times: Iterable[int], limit: int, length: int, now: int, what: str) -> Wait | None:
    """The time until fewer than `limit` of the `times` are less than `length` ago."""
    recent = sorted(at for each in times if (at := min(each, now)) > now - length)
    if len(recent) < limit:
        return None
    return Wait(recent[-limit] + length - now, f"{len(recent)} of {limit} {what}")
