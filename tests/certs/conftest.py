"""Fixtures of the tests of certificates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.certs.world import Home, Pebble, World, tsig, world

__all__ = ["tsig", "world"]


@pytest.fixture(scope="session")
def pebble(world: World) -> Pebble:
    """An ACME server without moods."""
    return Pebble(world, 14000)


@pytest.fixture
def home(world: World, pebble: Pebble, tmp_path: Path) -> Iterator[Home]:
    """A host with one certificate to have, for chat.example.test and example.test."""
    tmp_path.chmod(0o755)
    (tmp_path / "home").mkdir(mode=0o755)
    certificates = {"web": {"names": ["example.test", "chat.example.test"]}}
    made = Home(tmp_path / "home", world, authority=pebble.url, certificates=certificates)
    with world.web(made.webroot):
        yield made
