"""An authority of the host's own, for names that no public one gives certificates for."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from podhost.certs import keys, store
from podhost.certs.failure import Failure, Kind
from podhost.certs.store import Store

ROOT_YEARS = 20
DAYS = 90  # of a certificate; clients refuse those above 398 days, and 825 of private authorities
EARLY = datetime.timedelta(hours=1)  # clocks of clients that are a little behind
FILE = "ca.crt"  # in the webroot, for people to download


class Internal:
    """The root key and certificate in the store; the certificate follows from the key, which is made once."""

    def __init__(self, kept: Store) -> None:
        self.folder = kept.folder("internal")

    def root(self, now: int) -> tuple[keys.Key, x509.Certificate]:
        """The root, made at the first use."""
        key_path, path = self.folder / "ca.key", self.folder / "ca.pem"
        if not key_path.is_file():
            if path.exists():
                raise Failure(
                    f"the key of the internal authority, '{key_path}', is gone",
                    f"bring it back; or move '{path}' away, and let all clients trust the new one that is then made",
                    Kind.FREE,
                )
            store.write(key_path, keys.to_pem(keys.make("ecdsa-p256")))
        key = keys.from_pem(key_path.read_bytes())
        if not path.is_file():
            store.write(path, _root(key, now).public_bytes(serialization.Encoding.PEM), 0o644)
        return key, x509.load_pem_x509_certificate(path.read_bytes())

    def publish(self, webroot: Path, now: int) -> None:
        """Put the root certificate where people can download it."""
        data = self.root(now)[1].public_bytes(serialization.Encoding.PEM)
        path = webroot / FILE
        if not (path.is_file() and path.read_bytes() == data):
            store.write(path, data, 0o644)

    def issue(self, names: Sequence[str], key: keys.Key, now: int) -> bytes:
        """A certificate for the names, as PEM."""
        root_key, root = self.root(now)
        begin = datetime.datetime.fromtimestamp(now, datetime.UTC) - EARLY
        end = min(begin + EARLY + datetime.timedelta(days=DAYS), root.not_valid_after_utc)
        usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(root.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(max(begin, root.not_valid_before_utc))
            .not_valid_after(end)
            # Without a subject the names are critical: RFC 5280, section 4.2.1.6.
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=True)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        )
        return builder.sign(root_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _root(key: keys.Key, now: int) -> x509.Certificate:
    begin = datetime.datetime.fromtimestamp(now, datetime.UTC) - EARLY
    # Two hosts' roots have different names, so that a client can trust both.
    mark = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest.hex()[:8]
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"podhost internal authority {mark}")])
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=365 * ROOT_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
