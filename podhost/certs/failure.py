"""Why a certificate could not be had."""

from __future__ import annotations

from enum import Enum


class Kind(Enum):
    """What a failure means for the next attempt."""

    FREE = "free"  # nobody was asked for anything: the next run may try at once
    UNREACHABLE = "unreachable"  # the authority did not answer: wait a little
    REFUSED = "refused"  # the authority said no: wait longer each time
    WAIT = "wait"  # it is not time yet


class Failure(Exception):
    """A certificate could not be had: what happened, and what to do about it, in one line together.

    `delay` is how many seconds the authority said to wait; 0 when it said nothing.
    """

    def __init__(self, message: str, todo: str, kind: Kind = Kind.REFUSED, delay: int = 0) -> None:
        super().__init__(message, todo)
        self.message = message
        self.todo = todo
        self.kind = kind
        self.delay = delay

    def __str__(self) -> str:
        return " ".join(f"{self.message}: {self.todo}".split())
