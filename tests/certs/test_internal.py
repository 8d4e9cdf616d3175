"""The authority of the host's own."""

from __future__ import annotations

import pytest
from cryptography import x509

from podhost.certs import keys
from tests.certs.world import Home


@pytest.fixture
def own(home: Home) -> Home:
    home.set(authority="internal", certificates={"web": {"names": ["chat.home.arpa", "*.home.arpa"]}})
    return home


def test_issue_and_renew(own: Home) -> None:
    """Names need no DNS; a client that trusts the root from port 80 trusts the certificate, and the next ones."""
    own.run()
    root = own.world.get("http://127.0.0.1/ca.crt")
    own.verified(root, "chat.home.arpa")
    own.verified(root, "any.home.arpa")
    first = own.chain()
    assert "good" in own.run(later=59 * 86400)
    assert "its time has come" in own.run(later=61 * 86400)
    assert own.chain() != first
    assert own.world.get("http://127.0.0.1/ca.crt") == root
    modes = {each.name: oct(each.stat().st_mode & 0o777) for each in (own.store / "internal").iterdir()}
    assert modes == {"ca.key": "0o600", "ca.pem": "0o644"}


def test_openssl_finds_nothing_wrong(own: Home) -> None:
    own.run()
    pem = own.current() / "fullchain.pem"
    result = own.world.run(
        "openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", own.webroot / "ca.crt", pem
    )
    assert (result.returncode, result.stdout) == (0, f"{pem}: OK\n")


@pytest.mark.parametrize("kind", ["ecdsa-p256", "ecdsa-p384", "rsa-2048"])
def test_key_types(own: Home, kind: str) -> None:
    own.set(key=kind)
    own.run()
    assert keys.kind(x509.load_pem_x509_certificate(own.chain())) == kind


def test_a_root_without_its_key_is_not_replaced(own: Home) -> None:
    """All clients trust the old root: a new one is made only when somebody says so."""
    own.run()
    (own.store / "internal/ca.key").unlink()
    result = own.podhost("run")
    assert result.returncode == 1
    assert "is gone" in result.stderr
    assert "bring it back" in result.stderr
