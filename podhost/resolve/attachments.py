"""The files that a host file names for its certificates, read in one place: resolving itself reads none."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from podhost.document import Node, locate, read_text
from podhost.plan import Pair
from podhost.problems import Report, Source
from podhost.spec.host import Host

LIMIT = 256 * 1024


class Attachments(NamedTuple):
    """What stands in the files beside a host file.

    `texts` has the public ones and `secrets` the others, by their names in the certificates' service; `pairs` those brought for each stack.
    """

    texts: dict[str, str]
    secrets: dict[str, str]
    pairs: dict[str, dict[str, Pair]]


def attached(host: Host, node: Node, folder: Path, report: Report) -> Attachments:
    """Read the files that the section `certificates` names; what cannot be read is reported where it is named."""
    certificates = host.certificates

    def read(name: str | None, *path: str) -> str:
        if name is None:
            return ""
        return read_text(folder / name, report, LIMIT, locate(node, ("certificates", *path))[0]) or ""

    account, dns = certificates.external_account, certificates.dns
    texts = {
        "ca_bundle": read(certificates.ca_bundle, "ca_bundle"),
        "hook": read(dns.hook if dns else None, "dns", "hook"),
    }
    secrets = {
        "external_account_key": read(account.key if account else None, "external_account", "key").strip(),
        "dns_key": read(dns.key if dns else None, "dns", "key").strip(),
    }
    pairs = {
        stack: {
            name: Pair(
                Source(str(each.certificate), read(each.certificate, "own", stack, name, "certificate")),
                Source(str(each.key), read(each.key, "own", stack, name, "key"), secret=True),
                locate(node, ("certificates", "own", stack, name))[0],
            )
            for name, each in own.items()
        }
        for stack, own in certificates.own.items()
    }
    return Attachments(texts, {name: text for name, text in secrets.items() if text}, pairs)
