"""What has to be remembered from run to run, whatever happens in between: `state.json` in the store.

All times are whole seconds since 1970; delays are in seconds.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

KEPT = 500  # of each list; more than any limit counts


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Ordered(_Part):
    """An order: `issued` from the moment that a certificate may come of it, `exempt` when it renews one by ARI."""

    at: int
    names: list[str]
    issued: bool = False
    exempt: bool = False


class Failed(_Part):
    """A validation of a name that failed, or that was begun and nobody knows how it ended."""

    at: int
    name: str


class Hold(_Part):
    """A time in which the authority is not asked for anything."""

    at: int
    delay: int
    reason: str


class Ledger(_Part):
    """What was asked of one authority."""

    orders: list[Ordered] = Field(default_factory=list)
    failures: list[Failed] = Field(default_factory=list)
    accounts: list[int] = Field(default_factory=list)
    hold: Hold | None = None

    def settle(self, now: int) -> None:
        """Bring what lies in the future to `now`, once it is sure that now is now: the clock was wrong when it was written."""
        for each in self._dated():
            each.at = min(each.at, now)
        self.accounts = [min(at, now) for at in self.accounts]

    def ahead(self, now: int) -> bool:
        """Whether something was written at a time that is still to come."""
        return any(at > now for at in [*self.accounts, *(each.at for each in self._dated())])

    def _dated(self) -> list[Ordered | Failed | Hold]:
        return [*self.orders, *self.failures, *([self.hold] if self.hold else [])]

    def trim(self) -> None:
        """Forget the oldest; by number and not by time, so that a clock that is wrong makes nobody forget."""
        for each in (self.orders, self.failures, self.accounts):
            del each[:-KEPT]


class Trouble(_Part):
    """Failures of one certificate since it was last had, and how long to wait after the last one."""

    at: int
    count: int
    delay: int
    message: str
    todo: str
    kind: str
    directory: str
    names: list[str]


class Window(_Part):
    """When the authority wants a certificate renewed (RFC 9773), and the moment in it that was drawn."""

    certificate: str
    start: int
    end: int
    moment: int
    asked: int
    again: int  # seconds until it may be asked anew


class Entry(_Part):
    """What is remembered of one certificate."""

    trouble: Trouble | None = None
    window: Window | None = None


class State(_Part):
    """The whole file."""

    version: int = 1
    authorities: dict[str, Ledger] = Field(default_factory=dict)
    certificates: dict[str, Entry] = Field(default_factory=dict)

    def ledger(self, directory: str) -> Ledger:
        """What was asked of the authority with that directory."""
        return self.authorities.setdefault(directory, Ledger())

    def entry(self, name: str) -> Entry:
        """What is remembered of a certificate."""
        return self.certificates.setdefault(name, Entry())

    def dump(self) -> bytes:
        """The file's content."""
        for ledger in self.authorities.values():
            ledger.trim()
        return self.model_dump_json(indent=1).encode() + b"\n"


def parse(data: bytes) -> State:
    """Read a file's content; raise `ValueError` when it is broken."""
    state = State.model_validate_json(data)
    if state.version != 1:
        raise ValueError("written by another version")
    return state
