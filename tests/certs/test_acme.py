"""Certificates from a real ACME server: Pebble, in strict mode."""

from __future__ import annotations

import json
import shutil

from cryptography import x509

from podhost.certs import keys
from tests.certs.world import MAC_KEY, Home, Pebble, World


def test_issue_and_keep(home: Home, pebble: Pebble) -> None:
    """The first run has a certificate; the second one asks nobody for another."""
    before = pebble.orders()
    home.run()
    home.verified(pebble.root, "chat.example.test")
    assert pebble.orders() == before + 1
    files = {each.name: oct(each.stat().st_mode & 0o777) for each in home.current().iterdir()}
    assert files == {"fullchain.pem": "0o644", "privkey.pem": "0o600", "issued.json": "0o600"}
    chain = home.chain()
    assert "good, to be renewed in" in home.run()
    assert home.chain() == chain
    assert pebble.orders() == before + 1
    assert (home.store / "changed").read_text() == f"web {home.current().name}\n"
    assert list((home.webroot / ".well-known/acme-challenge").iterdir()) == []


def test_key_types(home: Home) -> None:
    home.run()
    for kind in ("ecdsa-p384", "rsa-2048"):
        home.set(key=kind)
        assert "the type of its key has changed" in home.run()
        assert keys.kind(x509.load_pem_x509_certificate(home.chain())) == kind


def test_renewal_by_ari(home: Home, pebble: Pebble) -> None:
    """When the authority says so the certificate is renewed, in an order that names the old one; an order with it is not counted."""
    home.run()
    first = home.chain()
    assert "good" in home.run()
    pebble.renew_in(first, -7200, -3600)
    assert "good" in home.run(), "the window was asked for a short while ago, and is kept"
    assert "its time has come" in home.run(later=25 * 3600)
    second = home.chain()
    assert second != first
    assert "is a replacement of" in pebble.log()
    orders = home.state()["authorities"][pebble.url]["orders"]
    assert [(each["issued"], each["exempt"]) for each in orders] == [(True, False), (True, True)]
    assert len([each for each in (home.store / "certificates/web").iterdir() if each.name[:1] == "2"]) == 2


def test_a_moment_is_drawn_once(home: Home, pebble: Pebble) -> None:
    home.run()
    pebble.renew_in(home.chain(), 1000, 2_000_000)
    home.run()
    window = home.state()["certificates"]["web"]["window"]
    home.run(later=window["again"])
    asked_again = home.state()["certificates"]["web"]["window"]
    assert asked_again["asked"] >= window["asked"] + window["again"]
    assert {**asked_again, "asked": 0} == {**window, "asked": 0}
    assert window["start"] <= window["moment"] <= window["end"]


def test_replaced_already(home: Home, pebble: Pebble) -> None:
    """A certificate that was replaced in a run that was lost is no obstacle: the order is made without naming it."""
    home.run()
    kept = home.store.parent / "kept"
    shutil.copytree(home.store, kept, symlinks=True)
    home.run("issue", "web")
    shutil.rmtree(home.store)
    kept.rename(home.store)
    home.run("issue", "web")
    orders = home.state()["authorities"][pebble.url]["orders"]
    assert [(each["issued"], each["exempt"]) for each in orders] == [(True, False), (False, True), (True, False)]


def test_the_account_is_found_by_its_key(home: Home, pebble: Pebble) -> None:
    home.run()
    (registration,) = (home.store / "account").glob("*/registration.json")
    before = registration.read_text()
    registration.unlink()
    home.run("issue", "web")
    assert registration.read_text() == before
    assert len(home.state()["authorities"][pebble.url]["accounts"]) == 1


def test_the_contact_follows(home: Home) -> None:
    home.run()
    home.set(email="admin@example.org")
    home.run("issue", "web")
    (registration,) = (home.store / "account").glob("*/registration.json")
    assert json.loads(registration.read_text())["contact"] == ["mailto:admin@example.org"]


def test_changed_names(home: Home, pebble: Pebble) -> None:
    home.run()
    home.set(certificates={"web": {"names": ["example.test", "www.example.test"]}})
    assert "its names have changed" in home.run()
    home.verified(pebble.root, "www.example.test")


def test_profiles(home: Home) -> None:
    """A certificate of six days is renewed after four; nothing is made for ninety."""
    home.set(profile="shortlived")
    home.run()
    leaf = x509.load_pem_x509_certificate(home.chain())
    assert round((leaf.not_valid_after_utc - leaf.not_valid_before_utc).total_seconds() / 86400) == 6
    assert "good" in home.run(later=2 * 86400)
    assert "its time has come" in home.run(later=6 * 86400 - 3600)
    home.set(profile=None)
    assert "its profile has changed" in home.run()
    home.set(profile="unheard")
    assert "(invalidProfile)" in home.fails()
    assert "choose another 'profile', or none" in home.podhost("status").stdout


def test_from_staging_to_production(world: World, home: Home, pebble: Pebble) -> None:
    home.run()
    other = Pebble(world, 14010)
    home.set(authority=other.url)
    assert "its authority has changed" in home.run()
    home.verified(other.root, "example.test")
    assert sorted(each.name for each in (home.store / "account").iterdir()) == [
        "127.0.0.1_14000_dir",
        "127.0.0.1_14010_dir",
    ]


def test_external_account(world: World, home: Home) -> None:
    bound = Pebble(world, 14020, externalAccountBindingRequired=True, externalAccountMACKeys={"kid-1": MAC_KEY})
    home.set(authority=bound.url)
    assert "add 'external_account'" in home.fails()
    (home.folder / "wrong").write_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n")
    home.set(external_account={"key_id": "kid-1", "key": "wrong"})
    assert "error: web: the authority refuses" in home.fails("issue", "web")
    (home.folder / "eab").write_text(f"{MAC_KEY}\n")
    home.set(external_account={"key_id": "kid-1", "key": "eab"})
    home.run("issue", "web")
    home.verified(bound.root, "example.test")


def test_nonces_that_are_refused(world: World, home: Home) -> None:
    moody = Pebble(world, 14030, env={"PEBBLE_WFE_NONCEREJECT": "50"})
    home.set(authority=moody.url)
    home.run()
    assert "badNonce" not in home.podhost("status").stdout
    assert "JWS has an invalid anti-replay nonce" in moody.log() or "nonce" in moody.log().lower()
    home.verified(moody.root, "example.test")


def test_a_slow_validation(world: World, home: Home) -> None:
    slow = Pebble(
        world, 14040, env={"PEBBLE_VA_NOSLEEP": "0", "PEBBLE_VA_SLEEPTIME": "4"}, retryAfter={"authz": 2, "order": 2}
    )
    home.set(authority=slow.url)
    home.run()
    home.verified(slow.root, "example.test")


def test_authorizations_that_are_valid_already(world: World, home: Home) -> None:
    """Names that were shown a short while ago need no challenge again."""
    reusing = Pebble(world, 14050, env={"PEBBLE_AUTHZREUSE": "100"})
    home.set(authority=reusing.url)
    home.run()
    validations = reusing.log().count("Attempting to validate")
    home.run("issue", "web")
    assert reusing.log().count("Attempting to validate") == validations
