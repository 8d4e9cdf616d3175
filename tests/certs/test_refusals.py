"""An authority that wants to be left alone for a while. Pebble never does, so a front of it says it in its place."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.certs.world import Home, Pebble, World, until

LIMITED = """\
429
Content-Type: application/problem+json
Retry-After: 172800

{"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many certificates already issued"}
"""
BUSY = """\
503
Content-Type: application/problem+json
Retry-After: 7200

{"type": "urn:ietf:params:acme:error:serverInternal", "detail": "the server is busy"}
"""
DOWN = """\
503
Content-Type: text/html
Retry-After: 7200

<html>maintenance</html>
"""


@pytest.fixture
def answer(world: World, home: Home, pebble: Pebble) -> Iterator[Callable[[str], None]]:
    """What the authority says to a new order; '' lets it through."""
    path = home.folder / "answer"
    tls = [str(world.root / "acme.crt"), str(world.root / "acme.key")]
    program = str(Path(__file__).with_name("moody.py"))
    process = world.start([sys.executable, program, "14400", str(pebble.port), *tls, str(path)], "moody")
    until(lambda: world.connects("127.0.0.1", 14400), "the front")
    home.set(authority="https://127.0.0.1:14400/dir")

    def say(text: str) -> None:
        path.unlink(missing_ok=True)
        if text:
            path.write_text(text)

    yield say
    process.kill()
    process.wait()


def test_a_rate_limit_is_waited_for(home: Home, answer: Callable[[str], None]) -> None:
    answer(LIMITED)
    assert home.fails() == (
        "error: web: the authority refuses (rateLimited): too many certificates already issued: "
        "nothing to do, it is tried again when the authority allows it"
    )
    answer("")
    assert "the next attempt is in 48 hours" in home.fails(later=60)
    assert "the next attempt is in" in home.fails(later=47 * 3600)
    home.run(later=48 * 3600 + 60)


def test_a_busy_authority_is_left_alone_for_all_certificates(home: Home, answer: Callable[[str], None]) -> None:
    answer(BUSY)
    home.set(certificates={"a": {"names": ["a.test"]}, "web": {"names": ["example.test"]}})
    result = home.podhost("run")
    assert result.returncode == 1
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert errors == [
        "error: a: the authority refuses (serverInternal): the server is busy: nothing to do, it is tried again later",
        "error: web: no order now (the authority asked to wait): nothing to do, the next one is possible in 2 hours",
    ]
    answer("")
    home.run(later=2 * 3600 + 60)


def test_a_page_instead_of_an_answer(home: Home, answer: Callable[[str], None]) -> None:
    answer(DOWN)
    assert home.fails() == (
        "error: web: 'https://127.0.0.1:14400/dir' is not at work (status 503): nothing to do, it is tried again"
    )
    answer("")
    assert "the next attempt is in 119 minutes" in home.fails(later=60)
    home.run(later=2 * 3600 + 60)
