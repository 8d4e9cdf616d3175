"""Whether names lead here, tried before an order: DNS that is not there yet then costs no failed validation."""

from __future__ import annotations

from collections.abc import Iterator

from podhost.certs import records
from podhost.certs.authorities import INTERNAL
from podhost.certs.failure import Failure, Kind
from podhost.certs.task import Task, Wanted


def failures(task: Task, wanted: Wanted) -> Iterator[Failure]:
    """What is wrong with each name of a certificate."""
    if task.authority.directory == INTERNAL:
        return
    for name in wanted.names:
        try:
            if wanted.challenge == "dns-01":
                assert task.records
                records.reach(task.records, name)
            else:
                assert task.webroot
                task.webroot.reach(name)
        except Failure as failure:
            yield failure


def check(task: Task, wanted: Wanted) -> None:
    """Raise what is wrong with the names of a certificate, all of it in one line."""
    found = list(failures(task, wanted))
    if len(found) == 1:
        raise found[0]
    if found:
        raise Failure(f"{len(found)} names fail the preflight", "; ".join(map(str, found)), Kind.FREE)
