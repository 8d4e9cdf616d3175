"""The part `relay` alone: Exim, with its image's files and the configuration of a host, between a program and a mail server."""

from __future__ import annotations

import json
import os
import smtplib
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

import pytest

from podhost.build import Builder
from tests import systemd
from tests.support import build, contents, make_library

from . import processes
from .acme import self_signed
from .bed import Bed
from .mailserver import PORT, MailServer
from .network import GATEWAY

SERVER, USER = "smtp.example.org", 'notes "@" \\ example^'
STACK = """\
stack: example
summary: It sends mail
parts:
  mail: {part: relay, pod: example}
pods:
  example:
containers:
  web: {image: "docker.io/library/nginx:1.30", pod: example}
"""
HOST = """\
hostname: notes.example.org
secrets: secrets.yaml
stacks:
  example: {{mail_host: {host}, mail_port: {port}, mail_security: {security}, mail_user: {user}}}
"""
PASSWORDS = (
    "plain",
    " spaces, \"quotes\" and 'quotes' ",
    '\\ \\\\ \\n \\x41 \\N \\"',
    "$ ${readfile{/etc/passwd}{}} $tod_log {{ } $1",
    "100 % and #: ; , a:b::c < <; x",
    "^ begins, ^^ in ^^^ it and at the end ^",
    "^^",
    "Zoë 日本",
)
Security = Literal["none", "starttls", "tls"]


@pytest.fixture(scope="module")
def root(bed: Bed) -> Iterator[Path]:
    """The files of the image, and /dev and /proc, as every container has them."""
    folder = bed.folder("relay")
    for name in ("root", "upper", "work"):
        (folder / name).mkdir()
    lower = ":".join(str(bed.layer(name)) for name in ("exim-relay", "base"))
    found = folder / "root"
    with mounted("overlay", found, f"lowerdir={lower},upperdir={folder}/upper,workdir={folder}/work"):
        (found / "etc/hosts").write_text(f"127.0.0.1 localhost\n{GATEWAY} {SERVER}\n")
        (found / "run/secrets").mkdir()
        with mounted("proc", found / "proc"), mounted("bind", found / "dev"):
            yield found


@contextmanager
def mounted(kind: str, target: Path, options: str = "") -> Iterator[None]:
    how = ["--bind", "/dev"] if kind == "bind" else ["--types", kind, kind]
    subprocess.run(["mount", *how, target, *(["--options", options] if options else [])], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", target], check=True)


def context(folder: Path, *, vouched_for_in: Path | None) -> ssl.SSLContext:
    """What the mail server encrypts with, by a certificate that the authorities in a root vouch for, or none at all."""
    certificate, key = self_signed(SERVER)
    (folder / "pair.pem").write_bytes(certificate + key)
    found = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    found.load_cert_chain(folder / "pair.pem")
    if vouched_for_in:
        authorities = vouched_for_in / "etc/ssl/certs/ca-certificates.crt"
        authorities.write_bytes(authorities.read_bytes() + certificate)
    return found


class Relay:
    """Exim as its container is started, without a right, for as long as it is entered; `log` is what it says."""

    def __init__(self, root: Path, folder: Path, security: Security) -> None:
        builder = Builder(make_library(folder / "library", STACK))
        (folder / "secrets.yaml").write_text("example: {mail_password: x}\n")
        (folder / "host.yaml").write_text(
            HOST.format(host=SERVER, port=PORT, security=security, user=json.dumps(USER, ensure_ascii=False))
        )
        files = contents(build(builder, folder / "host.yaml"))
        (root / "etc/exim/exim.conf").write_text(files["/var/srv/containers/example/config/mail/exim.conf"])
        unit = files["/etc/containers/systemd/example-mail.container"]
        (command,) = (line.removeprefix("Exec=") for line in unit.splitlines() if line.startswith("Exec="))
        self.command = systemd.words(command, dollars=True)
        secrets = dict(line.split("\t", 1) for line in files["/etc/podhost/example.secrets"].splitlines())
        self.login = secrets["mail_login"].removeprefix("text:").partition("\t")[0]
        self.root = root
        self.path = folder / "log"
        self.path.touch()
        os.chown(self.path, 100, 101)  # as podman does with a container's output

    def __enter__(self) -> Relay:
        with ExitStack() as ends:
            ends.enter_context(mounted("tmpfs", self.root / "tmp", "mode=1777"))
            ends.enter_context(mounted("tmpfs", self.root / "var/spool/exim", "mode=0700,uid=100,gid=101"))
            process = processes.start(self._inside(*self.command), self.path)
            ends.callback(processes.stop, process)
            self.wait_for("listening for SMTP on [127.0.0.1]:8025")
            self._ends = ends.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def _inside(self, *command: str) -> list[str]:
        rights = ("--reuid=100", "--regid=101", "--clear-groups", "--no-new-privs", "--bounding-set=-all")
        return ["chroot", str(self.root), "setpriv", *rights, *command]

    def run(self, *command: str) -> str:
        """Run a command as `podman exec` does."""
        return subprocess.run(self._inside(*command), capture_output=True, text=True, check=True).stdout

    def knows(self, password: str) -> None:
        """Give it a password, in the secret that podhost-secrets makes."""
        secret = self.root / "run/secrets/mail_login"
        secret.write_text(self.login + json.dumps(password, ensure_ascii=False))
        os.chown(secret, 100, 101)
        secret.chmod(0o400)

    def send(self, subject: str) -> None:
        """Send a mail, as a program of the pod does."""
        with smtplib.SMTP("127.0.0.1", 8025) as program:
            program.sendmail("notes@example.org", ["a@elsewhere.example"], f"Subject: {subject}\r\n\r\nHello\r\n")

    def wait_for(self, text: str) -> None:
        """Wait until it has said something."""
        deadline = time.monotonic() + 30
        while text not in self.path.read_text():
            assert time.monotonic() < deadline, self.path.read_text()
            time.sleep(0.02)


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
def test_mail_is_handed_on_with_any_password(root: Path, tmp_path: Path, security: Security) -> None:
    known = context(tmp_path, vouched_for_in=root)
    with Relay(root, tmp_path, security) as relay:
        for number, password in enumerate(PASSWORDS):
            relay.knows(password)
            with MailServer(USER, password, security, known) as server:
                relay.send(f"Letter {number}")
                assert server.mails.get(timeout=30)["Subject"] == f"Letter {number}"
            assert server.logins == [(USER, password)]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_that_nobody_vouches_for_is_told_nothing(root: Path, tmp_path: Path, security: Security) -> None:
    unknown = context(tmp_path, vouched_for_in=None)
    with Relay(root, tmp_path, security) as relay, MailServer(USER, "plain", security, unknown) as server:
        relay.knows("plain")
        relay.send("A letter")
        relay.wait_for("certificate verification failed")
        assert (server.logins, server.mails.qsize()) == ([], 0)
        assert relay.run("exim", "-bpc") == "1\n"


def test_a_server_that_does_not_encrypt_is_told_nothing(root: Path, tmp_path: Path) -> None:
    with Relay(root, tmp_path, "starttls") as relay, MailServer(USER, "plain") as server:
        relay.knows("plain")
        relay.send("A letter")
        relay.wait_for("a TLS session is required")
        assert (server.logins, server.mails.qsize()) == ([], 0)
        assert relay.run("exim", "-bpc") == "1\n"


def test_a_wrong_password_loses_no_mail(root: Path, tmp_path: Path) -> None:
    with Relay(root, tmp_path, "none") as relay, MailServer(USER, "plain") as server:
        relay.knows("guessed")
        relay.send("A letter")
        relay.wait_for("== a@elsewhere.example")
        assert server.mails.qsize() == 0
        relay.knows("plain")
        relay.run("exim", "-qff")
        assert server.mails.get(timeout=30)["Subject"] == "A letter"
