"""The files that a host file names for its certificates and backups, read in one place: resolving itself reads none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from podhost.document import Node, locate, read_text
from podhost.plan import Pair
from podhost.problems import Mark, Report, Source
from podhost.spec.host import Host

LIMIT = 256 * 1024


class Attachments(NamedTuple):
    """What stands in the files beside a host file.

    `texts` has the public ones and `secrets` the others, each by the service and the name that it has there; `pairs` those brought for each stack.
    """

    texts: Mapping[str, Mapping[str, str]]
    secrets: Mapping[str, Mapping[str, str]]
    pairs: Mapping[str, Mapping[str, Pair]]


def attached(host: Host, node: Node, folder: Path, report: Report) -> Attachments:
    """Read the files that the sections `certificates` and `backup` name; what cannot be read is reported where it is named."""
    certificates, backup = host.certificates, host.backup

    def read(name: str | None, *path: str) -> str:
        if name is None:
            return ""
        return read_text(folder / name, report, LIMIT, locate(node, path)[0]) or ""

    def secret(name: str | None, *path: str) -> str:
        return read(name, *path).strip()

    account, dns = certificates.external_account, certificates.dns
    texts = {
        "certificates": {
            "ca_bundle": read(certificates.ca_bundle, "certificates", "ca_bundle"),
            "hook": read(dns.hook if dns else None, "certificates", "dns", "hook"),
        }
    }
    secrets = {
        "certificates": {
            "external_account_key": secret(account.key if account else None, "certificates", "external_account", "key"),
            "dns_key": secret(dns.key if dns else None, "certificates", "dns", "key"),
        }
    }
    if backup:
        texts["backup"] = {"ca_bundle": read(backup.ca_bundle, "backup", "ca_bundle")}
        secrets["backup"] = {
            "password": secret(backup.password, "backup", "password"),
            "credentials": secret(backup.credentials, "backup", "credentials"),
        }
        _check_password(secrets["backup"]["password"], locate(node, ("backup", "password"))[0], report)
        if backup.credentials:
            _check_credentials(secrets["backup"]["credentials"], str(folder / backup.credentials), report)
    pairs = {
        stack: {
            name: Pair(
                Source(
                    str(each.certificate), read(each.certificate, "certificates", "own", stack, name, "certificate")
                ),
                Source(str(each.key), read(each.key, "certificates", "own", stack, name, "key"), secret=True),
                locate(node, ("certificates", "own", stack, name))[0],
            )
            for name, each in own.items()
        }
        for stack, own in certificates.own.items()
    }
    given = {service: {name: text for name, text in each.items() if text} for service, each in secrets.items()}
    return Attachments(texts, given, pairs)


def _check_password(text: str, mark: Mark, report: Report) -> None:
    if "\n" in text or (not text and not report.failed):
        report.error(
            "the file has no password in it" if not text else "the password has several lines",
            mark,
            "write one line into it, as openssl rand -base64 32 does, and keep a copy away from the host",
        )


def _check_credentials(text: str, name: str, report: Report) -> None:
    """Hold each line to NAME=VALUE; the report shows none of them."""
    source = Source(name, text, secret=True)
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not re.match(r"[A-Z][A-Z0-9_]*=", line):
            report.error(
                "NAME=VALUE is expected here", Mark(source, number, 1, 1), "as in AWS_ACCESS_KEY_ID=… with no quotes"
            )
