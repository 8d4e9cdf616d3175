"""A real ACME server on the hosts' network: Pebble, which validates a name where the hosts find it."""

from __future__ import annotations

import datetime
import json
import os
import ssl
import subprocess
import time
import urllib.request
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support import REPOSITORY

from . import processes
from .network import GATEWAY, Network

NAME = "acme.test"
PORT = 14000
MANAGEMENT = 15000
PROGRAM = REPOSITORY / "tests/.cache/bin/pebble"


class Pebble:
    """Pebble at `directory`, in strict mode, with a certificate that `ca_bundle` vouches for; it can be stopped and started."""

    directory = f"https://{NAME}:{PORT}/dir"

    def __init__(self, network: Network, folder: Path) -> None:
        network.name(NAME, GATEWAY)
        self.ca_bundle = folder / "ca.pem"
        self.log = folder / "pebble.log"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        certificate, key = self_signed(NAME)
        self.ca_bundle.write_bytes(certificate)
        (folder / "server.pem").write_bytes(certificate)
        (folder / "server.key").write_bytes(key)
        config = {
            "listenAddress": f"{GATEWAY}:{PORT}",
            "managementListenAddress": f"{GATEWAY}:{MANAGEMENT}",
            "certificate": str(folder / "server.pem"),
            "privateKey": str(folder / "server.key"),
            "httpPort": 80,
            "tlsPort": 443,
            # Certificates say where to ask about their revocation, as those of public authorities do; nobody asks here.
            "ocspResponderURL": f"http://{NAME}:4002",
            "keyAlgorithm": "ecdsa",
            "retryAfter": {"authz": 1, "order": 1},
        }
        (folder / "pebble.json").write_text(json.dumps({"pebble": config}))

    def start(self) -> None:
        """Start it, with a new root as each time, and return when it answers."""
        environment = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "5", "PEBBLE_AUTHZREUSE": "0"}
        command = [str(PROGRAM), "-strict", "-config", str(self._folder / "pebble.json"), "-dnsserver", f"{GATEWAY}:53"]
        self._process = processes.start(command, self.log, env={**os.environ, **environment})
        deadline = time.monotonic() + 20
        while True:
            try:
                self.root = self._get("/roots/0")
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"Pebble does not start:\n{self.log.read_text()}") from None
                time.sleep(0.02)

    def stop(self) -> None:
        """Stop it: from now on nobody answers at its address."""
        if self._process:
            processes.stop(self._process)
            self._process = None

    @property
    def runs(self) -> bool:
        """Whether it is there."""
        return self._process is not None

    @property
    def settings(self) -> tuple[str, str]:
        """What `--set` says for a host that is to ask this authority."""
        return (f"certificates.authority={self.directory}", f"certificates.ca_bundle={self.ca_bundle}")

    @property
    def orders(self) -> int:
        """How many orders it took, in all its lives."""
        return self.log.read_text().count("Added order ")

    def _get(self, path: str) -> str:
        context = ssl.create_default_context(cafile=str(self.ca_bundle))
        with urllib.request.urlopen(f"https://{NAME}:{MANAGEMENT}{path}", timeout=10, context=context) as answer:
            text: str = answer.read().decode()
            return text


def self_signed(name: str) -> tuple[bytes, bytes]:
    """A certificate for a name, which vouches for itself, and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=7))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM), key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
