"""A certificate and a key that somebody brings: whether they will do."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterable

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa

from podhost.certs import keys
from podhost.problems import Mark, Report, Source

SOON = datetime.timedelta(days=21)
MIN_RSA = 2048  # bits; https://cabforum.org/working-groups/server/baseline-requirements/, section 6.1.5


def clock() -> datetime.datetime:
    """Tell the time of this machine."""
    return datetime.datetime.now(datetime.UTC)


def check(
    certificate: Source, key: Source, names: Iterable[str], now: datetime.datetime, mark: Mark | None, report: Report
) -> None:
    """Report what is wrong with a certificate, its chain and its key for a server of these names; nothing of the key is shown."""
    chain = _chain(certificate, mark, report)
    private = _key(key, mark, report)
    if not chain:
        return
    _order(certificate, chain, mark, report)
    leaf = chain[0]
    if private is not None and private.public_key() != leaf.public_key():
        report.error(
            f"the key in '{key.name}' is not that of the certificate in '{certificate.name}'",
            mark,
            "give the two that were made together, with the server's own certificate first in its file",
        )
    _names(certificate, leaf, names, mark, report)
    for index, each in enumerate(chain):
        _dates(certificate, each, index == 0, now, mark, report)


def _chain(source: Source, mark: Mark | None, report: Report) -> list[x509.Certificate]:
    if "PRIVATE KEY-----" in source.text:
        report.error(f"'{source.name}' holds a private key", mark, "it is public: leave in it the certificates alone")
        return []
    try:
        return x509.load_pem_x509_certificates(source.text.encode("utf-8", "replace"))
    except ValueError:
        report.error(
            f"'{source.name}' holds no certificates in PEM",
            mark,
            "PEM begins with -----BEGIN CERTIFICATE-----; openssl x509 -inform der makes it of other forms",
        )
        return []


def _key(source: Source, mark: Mark | None, report: Report) -> keys.Key | None:
    try:
        key = keys.from_pem(source.text.encode("utf-8", "replace"))
    except TypeError:
        report.error(f"the key in '{source.name}' is encrypted", mark, "decrypt it: openssl pkey -in OLD -out NEW")
    except (ValueError, UnsupportedAlgorithm):
        report.error(
            f"'{source.name}' holds no private key of a server",
            mark,
            "a key is ECDSA or RSA, in PEM: -----BEGIN PRIVATE KEY-----",
        )
    else:
        if isinstance(key, rsa.RSAPrivateKey) and key.key_size < MIN_RSA:
            report.error(
                f"the key in '{source.name}' has {key.key_size} bits",
                mark,
                f"clients want {MIN_RSA} of an RSA key, or ECDSA",
            )
        return key
    return None


def _order(source: Source, chain: list[x509.Certificate], mark: Mark | None, report: Report) -> None:
    for lower, upper in itertools.pairwise(chain):
        if lower.issuer != upper.subject:
            report.error(
                f"the chain in '{source.name}' is broken: after {_called(lower)} comes {_called(upper)}, which did not issue it",
                mark,
                "the server's own certificate comes first, and then each one's issuer",
            )
            return
        try:
            lower.verify_directly_issued_by(upper)
        except (InvalidSignature, ValueError, TypeError):
            report.error(
                f"in '{source.name}', {_called(lower)} is not signed by {_called(upper)}",
                mark,
                "take the chain that came with the certificate",
            )
            return
    last = chain[-1]
    if len(chain) == 1 and last.issuer != last.subject:
        report.warning(
            f"'{source.name}' holds no issuer's certificate",
            mark,
            f"if {_named(last.issuer)} is not a root that clients know, append the chain",
        )


def _names(source: Source, leaf: x509.Certificate, names: Iterable[str], mark: Mark | None, report: Report) -> None:
    covered = keys.names(leaf)
    missing = [name for name in names if not any(_matches(name.lower(), each) for each in covered)]
    if missing:
        report.error(
            f"the certificate in '{source.name}' is not for {', '.join(missing)}",
            mark,
            f"it is for {', '.join(covered)}" if covered else "it names no hosts (subjectAltName)",
        )


def _matches(name: str, pattern: str) -> bool:
    """A wildcard stands for one whole label: RFC 6125, section 6.4.3."""
    return name == pattern or (pattern.startswith("*.") and name.partition(".")[2] == pattern[2:] and name[0] != "*")


def _dates(
    source: Source, each: x509.Certificate, first: bool, now: datetime.datetime, mark: Mark | None, report: Report
) -> None:
    what = f"the certificate in '{source.name}'" if first else f"{_called(each)} in '{source.name}'"
    if each.not_valid_after_utc <= now:
        report.error(f"{what} expired on {each.not_valid_after_utc:%Y-%m-%d}", mark, "give a new one")
    elif each.not_valid_before_utc > now:
        report.error(
            f"{what} is not valid before {each.not_valid_before_utc:%Y-%m-%d}", mark, "is this machine's clock right?"
        )
    elif each.not_valid_after_utc - now < SOON:
        report.warning(
            f"{what} expires on {each.not_valid_after_utc:%Y-%m-%d}",
            mark,
            "podhost does not renew it: have the next one ready",
        )


def _called(certificate: x509.Certificate) -> str:
    return _named(certificate.subject)


def _named(name: x509.Name) -> str:
    return f"'{name.rfc4514_string()}'" if name.rdns else "the certificate without a subject"
