"""A real server of restic's repositories on the hosts' network, with TLS and a user."""

from __future__ import annotations

import base64
import hashlib
import socket
import subprocess
import time
from pathlib import Path

from tests.support import REPOSITORY

from . import processes
from .acme import self_signed
from .network import GATEWAY, Network

NAME = "backup.test"
PORT = 8000
PROGRAM = REPOSITORY / "tests/.cache/bin/rest-server"
USER, PASSWORD = "chat", "who saves here?"


class RestServer:
    """rest-server with a certificate that `ca_bundle` vouches for; it can be stopped and started, and keeps what it has."""

    def __init__(self, network: Network, folder: Path) -> None:
        network.name(NAME, GATEWAY)
        self.ca_bundle, key = folder / "ca.pem", folder / "server.key"
        for path, content in zip((self.ca_bundle, key), self_signed(NAME), strict=True):
            path.write_bytes(content)
        self.repositories = folder / "repositories"
        self.repositories.mkdir()
        digest = base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()
        (self.repositories / ".htpasswd").write_text(f"{USER}:{{SHA}}{digest}\n")
        self._log = folder / "rest-server.log"
        self._command = [
            str(PROGRAM),
            f"--listen={GATEWAY}:{PORT}",
            f"--path={self.repositories}",
            "--tls",
            f"--tls-cert={self.ca_bundle}",
            f"--tls-key={key}",
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it listens."""
        self._process = processes.start(self._command, self._log)
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection((GATEWAY, PORT), 1).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"rest-server does not start:\n{self._log.read_text()}") from None
                time.sleep(0.02)

    def stop(self) -> None:
        """Stop it: from now on nobody answers at its address."""
        if self._process:
            processes.stop(self._process)
            self._process = None

    def repository(self, name: str) -> str:
        """A repository of it, as a host file names it."""
        return f"rest:https://{NAME}:{PORT}/{name}/"
