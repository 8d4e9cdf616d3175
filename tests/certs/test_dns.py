"""Wildcards, and names that no port 80 leads to: dns-01 by a program, and at a real BIND by RFC 2136."""

from __future__ import annotations

import pytest

from tests.certs.world import Home, Pebble, World

# What an administrator would write for a provider with an HTTP API: here, that of the challenge server.
HOOK = """\
#!/bin/sh
set -eu
case $1 in
  present) body="{\\"host\\":\\"$2.\\",\\"value\\":\\"$3\\"}"; path=set-txt;;
  cleanup) body="{\\"host\\":\\"$2.\\"}"; path=clear-txt;;
esac
echo "$1 $2" >>"$0.log"
curl -sSf -d "$body" http://127.0.0.1:8055/$path
"""


@pytest.fixture(scope="session")
def with_bind(world: World, tsig: str) -> Pebble:
    """An ACME server that asks BIND."""
    return Pebble(world, 14100, dns="127.0.0.2:53")


@pytest.fixture
def dynamic(home: Home, with_bind: Pebble, tsig: str) -> Home:
    """A host that has a wildcard by RFC 2136; both of its names have their record in the same place."""
    (home.folder / "tsig").write_text(f"{tsig}\n")
    dns = {"server": "127.0.0.2", "key_name": "podhost", "key": "tsig"}
    certificates = {"web": {"names": ["dyn.test", "*.dyn.test"]}}
    home.set(authority=with_bind.url, challenge="dns-01", dns=dns, webroot=None, certificates=certificates)
    return home


def test_a_wildcard_by_a_hook(home: Home, pebble: Pebble) -> None:
    hook = home.folder / "hook"
    hook.write_text(HOOK)
    hook.chmod(0o755)
    home.set(challenge="dns-01", dns={"hook": "hook"}, certificates={"web": {"names": ["*.example.test"]}})
    home.run()
    home.verified(pebble.root, "any.example.test")
    calls = (home.folder / "hook.log").read_text().splitlines()
    assert calls == ["present _acme-challenge.example.test", "cleanup _acme-challenge.example.test"] * 2


def test_a_hook_that_fails(home: Home, pebble: Pebble) -> None:
    """Its last words are told, and nothing is ordered."""
    hook = home.folder / "hook"
    hook.write_text("#!/bin/sh\necho no such zone >&2\nexit 3\n")
    hook.chmod(0o755)
    home.set(challenge="dns-01", dns={"hook": "hook"}, certificates={"web": {"names": ["*.example.test"]}})
    before = pebble.orders()
    assert home.fails() == (
        f"error: web: '{hook} present _acme-challenge.example.test' failed (no such zone): "
        "run it by hand with these words, and see what it says"
    )
    assert pebble.orders() == before


def test_a_wildcard_by_rfc_2136(dynamic: Home, with_bind: Pebble) -> None:
    dynamic.run()
    dynamic.verified(with_bind.root, "any.dyn.test")
    dynamic.verified(with_bind.root, "dyn.test")
    assert dynamic.podhost("check").returncode == 0
    zone = dynamic.world.run("dig", "+short", "@127.0.0.2", "TXT", "_acme-challenge.dyn.test")
    assert (zone.returncode, zone.stdout) == (0, ""), "the records are removed"


def test_a_key_that_the_server_refuses(dynamic: Home, with_bind: Pebble) -> None:
    (dynamic.folder / "tsig").write_text("bm90IHRoZSByaWdodCBzZWNyZXQgYXQgYWxsIQ==\n")
    before = with_bind.orders()
    message = dynamic.fails()
    assert "does not accept the key 'podhost'" in message
    assert "compare name, algorithm and secret on both sides, and both clocks" in message
    assert "bm90" not in message
    assert with_bind.orders() == before


def test_a_name_in_no_zone_of_the_server(dynamic: Home) -> None:
    dynamic.set(certificates={"web": {"names": ["other.test"]}})
    assert "the name server '127.0.0.2'" in dynamic.fails()


def test_a_name_server_that_is_away(dynamic: Home) -> None:
    dynamic.set(
        dns={"server": "127.0.0.3", "key_name": "podhost", "key": "tsig"}, certificates={"web": {"names": ["dyn.test"]}}
    )
    assert dynamic.fails() == (
        "error: web: the name server '127.0.0.3' does not answer (Connection refused): "
        "see that it runs, and that this host reaches its TCP port"
    )
