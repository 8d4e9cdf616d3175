"""The file that `podhost cert` works on, with the files that it names, read and checked."""

from __future__ import annotations

import base64
import binascii
import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509

from podhost.certs.authorities import INTERNAL, Authority, authority
from podhost.certs.records import Hook, Records, Updates
from podhost.certs.webroot import Webroot
from podhost.document import Node, key_mark, load, read_bytes
from podhost.problems import Report
from podhost.spec.certificates import Job, check_job
from podhost.spec.model import validate

MAX_SECRET = 64 * 1024
MAX_BUNDLE = 4 * 1024 * 1024


@dataclass(frozen=True)
class Wanted:
    """A certificate as the file wants it."""

    name: str
    names: tuple[str, ...]
    key: str
    challenge: str
    profile: str | None


@dataclass(frozen=True)
class Task:
    """All that a run needs to know."""

    authority: Authority
    certificates: tuple[Wanted, ...]
    store: Path
    webroot: Webroot | None
    records: Records | None = field(repr=False)
    external: tuple[str, str] | None = field(repr=False)
    trusted: Path | None
    email: str | None
    preflight: bool


def read(path: Path, report: Report) -> Task | None:
    """Read the file; what is wrong with it or the files it names goes to the report, and the result is then None.

    Paths in it begin at its own folder.
    """
    node = load(path, report)
    job = validate(Job, node, report) if node is not None else None
    if node is None or job is None:
        return None
    check_job(job, node, report)
    base = path.absolute().parent
    reader = _Reader(node, base, report)
    store = base / job.store
    if not store.is_dir() and not store.parent.is_dir():
        report.error(f"there is no folder '{store.parent}'", key_mark(node, ("store",)), "is the data disk mounted?")
    webroot = Webroot(base / job.webroot) if job.webroot is not None else None
    if webroot and not webroot.root.is_dir():
        report.error(f"there is no folder '{webroot.root}'", key_mark(node, ("webroot",)), "make it")
    task = Task(
        authority=authority(job.authority),
        certificates=tuple(_wanted(job, name) for name in job.certificates),
        store=store,
        webroot=webroot,
        records=reader.records(job),
        external=reader.external(job),
        trusted=reader.trusted(job),
        email=job.email,
        preflight=job.preflight,
    )
    return None if report.failed else task


def _wanted(job: Job, name: str) -> Wanted:
    own = job.certificates[name]
    return Wanted(
        name=name,
        names=own.names,
        key=own.key or job.key,
        challenge=own.challenge or job.challenge,
        profile=None if job.authority == INTERNAL else own.profile or job.profile,
    )


class _Reader:
    def __init__(self, node: Node, base: Path, report: Report) -> None:
        self.node = node
        self.base = base
        self.report = report

    def external(self, job: Job) -> tuple[str, str] | None:
        if job.external_account is None:
            return None
        path = ("external_account", "key")
        text = self._secret(job.external_account.key, path)
        if text is None:
            return None
        key = text.rstrip("=").replace("+", "-").replace("/", "_")
        if not _is_base64(key, b"-_"):
            self.report.error(
                f"'{job.external_account.key}' holds no key in base64url",
                key_mark(self.node, path),
                "copy the HMAC key, and nothing else, into it",
            )
            return None
        return job.external_account.key_id, key

    def records(self, job: Job) -> Records | None:
        if job.dns is None:
            return None
        if job.dns.hook is not None:
            program = self.base / job.dns.hook
            if not (program.is_file() and os.access(program, os.X_OK)):
                self.report.error(
                    f"'{program}' is no program", key_mark(self.node, ("dns", "hook")), "chmod +x makes it one"
                )
            return Hook(program)
        if job.dns.server is None or job.dns.key is None or job.dns.key_name is None:
            return None
        text = self._secret(job.dns.key, ("dns", "key"))
        if text is None:
            return None
        if not _is_base64(text.rstrip("="), b"+/"):
            self.report.error(
                f"'{job.dns.key}' holds no secret in base64",
                key_mark(self.node, ("dns", "key")),
                "copy what stands behind 'secret' in the key, without quotes, into it",
            )
            return None
        return Updates(job.dns, text)

    def trusted(self, job: Job) -> Path | None:
        if job.ca_bundle is None:
            return None
        path = self.base / job.ca_bundle
        mark = key_mark(self.node, ("ca_bundle",))
        data = read_bytes(path, self.report, MAX_BUNDLE, mark)
        if data is not None:
            try:
                x509.load_pem_x509_certificates(data)
            except ValueError:
                self.report.error(f"'{path}' holds no certificates", mark, "it begins with -----BEGIN CERTIFICATE-----")
        return path

    def _secret(self, name: str, path: tuple[str, ...]) -> str | None:
        mark = key_mark(self.node, path)
        data = read_bytes(self.base / name, self.report, MAX_SECRET, mark)
        if data is None:
            return None
        try:
            return data.decode("ascii").strip()
        except UnicodeDecodeError:
            self.report.error(f"'{name}' is not a text file", mark)
            return None


def _is_base64(text: str, extra: bytes) -> bool:
    try:
        return len(base64.b64decode(text + "=" * (-len(text) % 4), extra, validate=True)) >= 8
    except (ValueError, binascii.Error):
        return False
