"""What may be asked of an authority, and when, over restarts and clocks that jump."""

from __future__ import annotations

import hypothesis.strategies as some
from hypothesis import given

from podhost.certs import budget
from podhost.certs.authorities import DIRECTORIES, HOUR, STAGING, STRICT, WEEK, authority
from podhost.certs.budget import DAY, Wait
from podhost.certs.failure import Kind
from podhost.certs.state import Failed, Hold, Ledger, Ordered, State, Trouble, parse

NOW = 1_800_000_000
NAMES = ["chat.example.org", "example.org"]


def had(*times: int, names: list[str] = NAMES, issued: bool = True, exempt: bool = False) -> Ledger:
    return Ledger(orders=[Ordered(at=at, names=sorted(names), issued=issued, exempt=exempt) for at in times])


def kept(ledger: Ledger) -> Ledger:
    """The ledger after a restart."""
    state = State(authorities={"a": ledger})
    return parse(state.dump()).ledger("a")


def test_five_for_the_same_names_in_a_week() -> None:
    ledger = kept(had(*(NOW + number * HOUR for number in range(5))))
    now = NOW + 10 * HOUR
    assert budget.order(ledger, STRICT, reversed(NAMES), now) == Wait(
        NOW + WEEK - now, "5 of 5 certificates for these names in a week"
    )
    assert budget.order(ledger, STRICT, NAMES, NOW + WEEK - 1) == Wait(
        1, "5 of 5 certificates for these names in a week"
    )
    assert budget.order(ledger, STRICT, NAMES, NOW + WEEK) is None
    assert budget.order(ledger, STRICT, ["example.org"], now) is None
    assert budget.order(ledger, STRICT, NAMES, now, exempt=True) is None
    assert budget.order(ledger, STAGING, NAMES, now) is None


def test_renewals_by_ari_use_nothing_up() -> None:
    assert budget.order(had(*[NOW] * 400, exempt=True), STRICT, NAMES, NOW) is None


def test_fifty_below_a_domain_in_a_week() -> None:
    ledger = Ledger(orders=[Ordered(at=NOW, names=[f"a{number}.example.org"], issued=True) for number in range(50)])
    assert budget.order(ledger, STRICT, ["new.example.org"], NOW + DAY) == Wait(
        6 * DAY, "50 of 50 certificates below example.org in a week"
    )
    assert budget.order(ledger, STRICT, ["example.net"], NOW + DAY) is None


def test_three_hundred_orders_in_three_hours() -> None:
    ledger = Ledger(orders=[Ordered(at=NOW, names=[f"a{number}.test"]) for number in range(300)])
    assert budget.order(ledger, STRICT, NAMES, NOW) == Wait(3 * HOUR, "300 of 300 orders in three hours")
    assert budget.order(ledger, STRICT, NAMES, NOW + 3 * HOUR) is None


def test_five_failed_validations_of_a_name_in_an_hour() -> None:
    ledger = Ledger(failures=[Failed(at=NOW + number, name="example.org") for number in range(5)])
    wait = Wait(HOUR - 10, "5 of 5 failed validations of example.org in an hour")
    assert budget.order(ledger, STRICT, NAMES, NOW + 10) == wait
    assert budget.order(ledger, STRICT, ["*.example.org"], NOW + 10, exempt=True) == wait
    assert budget.order(ledger, STRICT, ["chat.example.org"], NOW + 10) is None


def test_ten_accounts_in_three_hours() -> None:
    assert budget.account(Ledger(accounts=[NOW] * 10), STRICT, NOW) == Wait(
        3 * HOUR, "10 of 10 accounts in three hours"
    )
    assert budget.account(Ledger(accounts=[NOW] * 9), STRICT, NOW) is None


def test_what_the_authority_asks_for() -> None:
    ledger = Ledger(hold=Hold(at=NOW, delay=600, reason="it asked"))
    assert budget.order(ledger, STRICT, NAMES, NOW + 1, exempt=True) == Wait(599, "it asked")
    assert budget.order(ledger, STRICT, NAMES, NOW + 600) is None
    ledger.hold = Hold(at=NOW, delay=10**9, reason="it asked")
    assert budget.order(ledger, STRICT, NAMES, NOW + budget.MAX_HOLD) is None


def test_a_clock_that_is_set_back_frees_nothing_and_locks_nothing_for_ever() -> None:
    """Orders of a time to come count as made now; once the time is sure, they are written as made now."""
    ledger = kept(had(*[NOW + 10 * 365 * DAY] * 5))
    assert ledger.ahead(NOW)
    assert budget.order(ledger, STRICT, NAMES, NOW) == Wait(WEEK, "5 of 5 certificates for these names in a week")
    ledger.settle(NOW)
    assert not ledger.ahead(NOW)
    assert budget.order(ledger, STRICT, NAMES, NOW + WEEK - 1) is not None
    assert budget.order(ledger, STRICT, NAMES, NOW + WEEK) is None


def test_a_clock_that_is_ahead_for_a_while_makes_nobody_forget() -> None:
    ledger = had(*[NOW] * 5)
    assert budget.order(ledger, STRICT, NAMES, NOW + 100 * DAY) is None
    assert budget.order(kept(ledger), STRICT, NAMES, NOW + DAY) is not None


@given(
    some.lists(some.tuples(some.integers(0, 3 * WEEK), some.booleans()), max_size=60),
)
def test_no_week_ever_has_more_than_five(tries: list[tuple[int, bool]]) -> None:
    """Whenever it is tried, with restarts in between: by true time, any seven days have five certificates at most."""
    ledger, made = Ledger(), []
    for at, restart in sorted(tries):
        if budget.order(ledger, STRICT, NAMES, NOW + at) is None:
            ledger.orders.append(budget.issued(NAMES, NOW + at))
            made.append(at)
        if restart:
            ledger = kept(ledger)
    assert all(later - earlier >= WEEK for earlier, later in zip(made, made[5:], strict=False))


def test_failures_back_off_below_the_limit() -> None:
    """Somebody who tries every minute for a day makes fewer attempts in any hour than validations may fail."""
    attempts: list[int] = []
    trouble = None
    for at in range(NOW, NOW + 2 * DAY, 60):
        if budget.trouble(trouble, at) is None:
            attempts.append(at)
            count = len(attempts)
            delay = budget.delay(Kind.REFUSED, count)
            fields = {"message": "", "todo": "", "kind": "refused", "directory": "", "names": []}
            trouble = Trouble(at=at, count=count, delay=delay, **fields)
    assert [(at - NOW) // 60 for at in attempts] == [0, 15, 45, 105, 225, 465, 945, 1905]
    assert max(sum(start <= at < start + HOUR for at in attempts) for start in attempts) == 3
    assert budget.delay(Kind.REFUSED, 1000) == DAY


def test_only_staging_gives_more() -> None:
    assert authority("letsencrypt-staging").limits == STAGING
    assert {authority(name).limits for name in [*DIRECTORIES, "https://ca.test/dir"] if "staging" not in name} == {
        STRICT
    }
    assert authority("letsencrypt").folder == "acme-v02.api.letsencrypt.org_directory"
