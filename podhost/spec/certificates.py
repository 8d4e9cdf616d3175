"""How certificates are had: a part of the host file, and the whole of the file that `podhost cert` reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from podhost.document import Node, key_mark, locate
from podhost.problems import Mark, Report, did_you_mean
from podhost.spec import types as kinds
from podhost.spec.model import AllDefaults, Boolean, Model

AUTHORITIES = ("letsencrypt", "letsencrypt-staging", "zerossl", "buypass", "internal")
MAX_NAMES = 100  # of one certificate; https://letsencrypt.org/docs/rate-limits/

KeyType = Literal["ecdsa-p256", "ecdsa-p384", "rsa-2048", "rsa-3072", "rsa-4096"]
Challenge = Literal["http-01", "dns-01"]
Algorithm = Literal["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"]
Path = tuple[str | int, ...]
Marker = Callable[[str], Mark]


def _authority(text: str) -> str:
    if text in AUTHORITIES:
        return text
    if "/" not in text:
        raise ValueError(
            f"'{text}' is no authority known here", did_you_mean(text, AUTHORITIES) or "give its https:// URL"
        )
    try:
        parts = urlsplit(text)
        good = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0 and not parts.username
    except ValueError:
        good = False
    if not good or not re.fullmatch(r"[!-~]+", text):
        raise ValueError(
            f"'{text}' is no address of an ACME directory",
            "write the whole URL, as in https://ca.example.org/directory",
        )
    return text


def _name(text: str) -> str:
    name = text.removeprefix("*.")
    kinds.hostname(name)
    if "." not in name:
        raise ValueError(f"'{text}' has no domain", "write the whole name, as in chat.example.org")
    return text


def _port(value: object) -> object:
    return kinds.port(value) if isinstance(value, str) else value


def _zone(text: str) -> str:
    return kinds.hostname(text.removesuffix("."))


def _token(text: str) -> str:
    if not re.fullmatch(r"[!-~]{1,255}", text):
        raise ValueError(f"'{text}' is not a single word", "it holds no spaces")
    return text


Name = Annotated[str, AfterValidator(_name)]
Names = Annotated[tuple[Name, ...], Field(min_length=1)]
Word = Annotated[str, AfterValidator(_token)]
Label = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]


class ExternalAccount(Model):
    """An account at the authority that the ACME account is bound to."""

    key_id: Word = Field(description="The identifier of the key, as the authority shows it.")
    key: str = Field(description="A file with the key itself, in base64url as the authority shows it.")


class Dns(Model):
    """How dns-01 sets its records: at a name server by RFC 2136, or by a program of yours."""

    hook: str | None = Field(
        None,
        description="A program, called with 'present NAME VALUE' and 'cleanup NAME VALUE'; other keys are then not used.",
    )
    server: str | None = Field(None, description="The name server that takes updates (RFC 2136): a name or an address.")
    port: Annotated[int, BeforeValidator(_port)] = Field(53, description="The port it takes them at.")
    zone: Annotated[str, AfterValidator(_zone)] | None = Field(
        None, description="The zone to update; the default is what the server says of the name."
    )
    key_name: Word | None = Field(None, description="The name of the TSIG key.")
    algorithm: Algorithm = Field("hmac-sha256", description="The algorithm of the TSIG key.")
    key: str | None = Field(None, description="A file with the TSIG key, in base64.")


class Issuance(Model):
    """How certificates are had."""

    authority: Annotated[str, AfterValidator(_authority)] = Field(
        "letsencrypt",
        description="Who issues them: letsencrypt, letsencrypt-staging, zerossl, buypass, internal (this host itself), or the URL of an ACME directory.",
    )
    email: Annotated[str, AfterValidator(kinds.email)] | None = Field(
        None, description="An address that the authority may write to."
    )
    ca_bundle: str | None = Field(
        None,
        description="A file with the certificates that the ACME server itself is trusted by; the default is the usual ones.",
    )
    profile: Word | None = Field(
        None, description="The profile to ask for, as in tlsserver or shortlived; the default is the authority's."
    )
    external_account: ExternalAccount | None = Field(
        None, description="The account at the authority to bind to, where it demands one."
    )
    key: KeyType = Field("ecdsa-p256", description="The type of the certificates' keys.")
    challenge: Challenge = Field(
        "http-01", description="How the authority is shown that the names lead here: http-01 or dns-01."
    )
    dns: Dns | None = Field(None, description="How dns-01 sets its records.")
    preflight: Boolean = Field(
        True,
        description="Whether each name is tried before an order, so that a mistake in DNS costs no failed validation.",
    )


class JobCertificate(Model):
    """One certificate, and what is different for it."""

    names: Names = Field(description="The host names it is for; the first one is its main name.")
    key: KeyType | None = Field(None, description="The type of its key.")
    challenge: Challenge | None = Field(None, description="How the authority is shown that its names lead here.")
    profile: Word | None = Field(None, description="The profile to ask for.")


class Job(Issuance):
    """What `podhost cert` works on: certificates, and where to keep them."""

    store: str = Field(description="The folder to keep certificates, keys, the account and the budget in.")
    webroot: str | None = Field(None, description="The folder that is served at port 80 of every name.")
    certificates: dict[Label, Annotated[JobCertificate, AllDefaults]] = Field(
        description="The certificates by name.", min_length=1
    )


def check_issuance(issuance: Issuance, node: Node, path: Path, report: Report) -> None:
    """Report what fits together in no way in an issuance that was read at `path` below `node`."""

    def mark(*steps: str) -> Mark:
        return key_mark(node, (*path, *steps)) if steps else locate(node, path)[0]

    if issuance.authority == "zerossl" and issuance.external_account is None:
        report.error(
            "zerossl needs an 'external_account'",
            mark("authority"),
            "make EAB credentials in the developer section of its site",
        )
    if issuance.challenge == "dns-01" and issuance.dns is None:
        report.error(
            "dns-01 needs to be told how to set records",
            mark("challenge"),
            "add 'dns:' with a 'server' and its key, or with a 'hook'",
        )
    if issuance.dns is not None:
        _check_dns(issuance.dns, lambda key: mark("dns", key) if key else mark("dns"), report)
    if issuance.authority == "internal":
        for key in ("external_account", "profile", "ca_bundle"):
            if getattr(issuance, key) is not None:
                report.warning(f"'{key}' has no meaning for the internal authority", mark(key))


def _check_dns(dns: Dns, mark: Marker, report: Report) -> None:
    if dns.hook is not None:
        if dns.server is not None:
            report.error("there are both a 'hook' and a 'server'", mark("hook"), "keep the one that sets the records")
    elif dns.server is None:
        report.error("'dns' says neither 'server' nor 'hook'", mark(""), "name the server that takes updates")
    else:
        for key in ("key_name", "key"):
            if getattr(dns, key) is None:
                report.error(
                    f"'{key}' is missing",
                    mark(""),
                    "updates are signed: make a key with tsig-keygen, and tell the server",
                )


def check_names(
    issuance: Issuance, names: Iterable[str], challenge: str | None, node: Node, path: Path, report: Report
) -> None:
    """Report names that cannot be had this way; `path` leads to their list, `challenge` is the certificate's own."""
    names = tuple(names)
    how = challenge or issuance.challenge
    if len(names) > MAX_NAMES:
        report.error(
            f"{len(names)} names are too many for one certificate", key_mark(node, path), f"at most {MAX_NAMES}"
        )
    seen: set[str] = set()
    for index, name in enumerate(names):
        where = locate(node, (*path, index))[0]
        if name in seen:
            report.error(f"'{name}' is there twice", where, "remove one")
        seen.add(name)
        if issuance.authority != "internal" and name.startswith("*.") and how != "dns-01":
            report.error(
                f"'{name}' cannot be shown over http-01",
                where,
                "a wildcard needs 'challenge: dns-01' and 'dns:'",
                "tls/wildcard-over-http",
            )
        elif not name.startswith("*.") and f"*.{name.partition('.')[2]}" in names and issuance.authority != "internal":
            report.error(f"'{name}' is one of those that the wildcard covers", where, "remove it, or the wildcard")


def check_job(job: Job, node: Node, report: Report) -> None:
    """Report what fits together in no way in a whole job."""
    check_issuance(job, node, (), report)
    for name, certificate in job.certificates.items():
        path = ("certificates", name)
        check_names(job, certificate.names, certificate.challenge, node, (*path, "names"), report)
        how = certificate.challenge or job.challenge
        if job.authority == "internal":
            continue
        if how == "dns-01" and job.dns is None and certificate.challenge is not None:
            report.error(
                "dns-01 needs to be told how to set records", key_mark(node, (*path, "challenge")), "add 'dns:'"
            )
        if how == "http-01" and job.webroot is None:
            report.error("http-01 needs a 'webroot'", key_mark(node, path), "name the folder that port 80 serves")
    for key in ("store", "webroot"):
        value = getattr(job, key)
        if value == "":
            report.error(f"'{key}' is empty", key_mark(node, (key,)))
