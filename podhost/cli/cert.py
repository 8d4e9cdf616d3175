"""`podhost cert`."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from podhost.cli.output import fail, note, print_report, write
from podhost.problems import Report, did_you_mean, printable

if TYPE_CHECKING:
    from podhost.certs.task import Task

_CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path, readable=False),
    required=True,
    metavar="FILE",
    help="What certificates there are, and how they are had.",
)


@click.group()
def cert() -> None:
    """Have certificates, from an ACME server or an authority of one's own, and renew them."""


@cert.command()
@_CONFIG
def run(config: Path) -> None:
    """Have or renew what is due, and end.

    What cannot be had is said, in one line each, and the others are had all the same; the exit status is then 1.
    """
    _run(_read(config), ())


@cert.command()
@_CONFIG
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def issue(config: Path, names: tuple[str, ...]) -> None:
    """Have the certificates called NAME now, due or not, as far as the authority's limits allow."""
    task = _read(config)
    known = [each.name for each in task.certificates]
    for name in names:
        if name not in known:
            raise fail(f"there is no certificate '{name}' in '{config}'", did_you_mean(name, known))
    _run(task, names)


@cert.command()
@_CONFIG
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def status(config: Path, as_json: bool) -> None:
    """Tell of each certificate its names, issuer, expiry, next renewal and last failure."""
    import json

    from podhost.certs.failure import Failure
    from podhost.certs.status import status

    try:
        found = status(_read(config), now())
    except Failure as failure:
        raise fail(failure.message, failure.todo) from None
    if as_json:
        write(None, (json.dumps([each._asdict() for each in found], indent=2) + "\n").encode(), False)
        return
    lines = []
    for each in found:
        lines.append(f"{each.name}: {', '.join(each.names)}")
        if each.version is None:
            lines.append(f"  there is none yet, it is to come from {each.authority}")
        else:
            lines.append(f"  issued by {each.issuer} at {each.issued}, expires at {each.expires}")
            lines.append(f"  to be renewed at {each.renewal}, from {each.authority}")
        if each.failure:
            lines.append(f"  failed at {each.failed}: {each.failure}")
            lines.append(f"  tried again from {each.next_attempt}")
    write(None, printable("\n".join(lines) + "\n").encode(), False)


@cert.command()
@_CONFIG
def check(config: Path) -> None:
    """Try whether the names lead here, as before an order, but order nothing."""
    from podhost.certs import preflight
    from podhost.certs.failure import Failure
    from podhost.certs.renew import told

    _end_on_term()
    task = _read(config)
    good = True
    for wanted in task.certificates:
        try:
            with told(task.store):
                found = [str(each) for each in preflight.failures(task, wanted)]
        except Failure as failure:
            found = [str(failure)]
        for each in found:
            _error(wanted.name, each)
        if not found:
            note(f"{wanted.name}: all names lead here")
        good = good and not found
    if not good:
        sys.exit(1)


def now() -> int:
    """The time, in seconds since 1970."""
    return int(time.time())


def _read(config: Path) -> Task:
    from podhost.certs.task import read

    report = Report()
    task = read(config, report)
    report.raise_if_failed()
    print_report(report)
    assert task
    return task


def _run(task: Task, by_hand: tuple[str, ...]) -> None:
    from podhost.certs.failure import Failure
    from podhost.certs.renew import run

    _end_on_term()
    try:
        outcomes = run(task, lambda: now(), note, by_hand)
    except Failure as failure:
        raise fail(failure.message, failure.todo) from None
    for outcome in outcomes:
        if outcome.failure:
            _error(outcome.name, str(outcome.failure))
    if any(outcome.failure for outcome in outcomes):
        sys.exit(1)


def _error(name: str, text: str) -> None:
    click.echo(f"{click.style('error: ', fg='red', bold=True)}{name}: {printable(text, line=True)}", err=True)


def _end_on_term() -> None:
    """Let SIGTERM end the run as an exception does, so that what is served for a challenge is taken away."""

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        sys.exit(1)

    signal.signal(signal.SIGTERM, end)
