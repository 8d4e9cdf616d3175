"""Hosts of a stack, rendered and booted: what the tests of all stacks begin with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from podhost import ignition
from podhost.build import Builder
from podhost.library import Library
from podhost.problems import Report

from .acme import Pebble
from .bed import Bed
from .testhost import Host


def rendered(target: str | Path, *settings: str, paths: Iterable[Path] = ()) -> str:
    """The Ignition file of a host, as `podhost render TARGET --set … --stack-path …` writes it."""
    builder, report = Builder(Library(paths=paths)), Report()
    file = builder.read(str(target), report, settings)
    built = builder.build(file, report) if file else None
    report.raise_if_failed()
    assert built
    return ignition.dumps(built.config)


@contextmanager
def booted(bed: Bed, acme: Pebble, name: str, config: str, *domains: str, path: str = "/") -> Iterator[Host]:
    """A host after its first boot, which answers under its names with certificates of the authority."""
    host = bed.host(name, config, data=bed.folder(name))
    for domain in domains:
        bed.network.name(domain, host.address)
    host.provision()
    host.boot()
    for domain in domains:
        host.wait_until_answers(f"https://{domain}{path}", authority=acme.root)
    host.wait_booted()
    healthy(host)
    yield host
    host.destroy()


def healthy(host: Host) -> None:
    """Nothing failed, and nothing was started twice."""
    assert host.failed_units() == [], host.account()
    assert host.restarts() == {}
