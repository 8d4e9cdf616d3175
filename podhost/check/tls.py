"""The family `tls`: names that are served, names that certificates are for, and how they are shown to be the host's."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from podhost import plan
from podhost.check.rules import WARNING, Finding, early, rule
from podhost.check.subject import Subject

_HTTP = 80

early(
    "tls/wildcard-over-http",
    """
    A wildcard is to be shown over http-01.

    Why: a file on one web server shows nothing about all names below a domain; no authority accepts it.

    Mend: write `challenge: dns-01` in `certificates` of the host file, and how records are set under `dns`; or name each host.

    Source: RFC 8555, section 8.3; Let's Encrypt, 'Challenge Types'.
    """,
)


def _covers(certificate: plan.Certificate, name: str) -> bool:
    """Whether a certificate is for a host name: RFC 6125, section 6.4; a wildcard stands for one label."""
    return name in certificate.names or f"*.{name.partition('.')[2]}" in certificate.names


@rule("tls/name-not-covered", WARNING)
def name_not_covered(subject: Subject) -> Iterator[Finding]:
    """An https:// address of a service, for which no certificate of the host is.

    Why: browsers and clients refuse the connection; only people who know better get past the warning.

    Mend: add the name to `names` of the certificate, or correct the address.
    If something before the machine ends TLS, silence the rule and say so.

    Source: RFC 6125, section 6.
    """
    certificates = [each for service in subject.plan.services for each in service.certificates]
    for service in subject.plan.services:
        for index, address in enumerate(service.addresses):
            url = urlsplit(address)
            if url.scheme == "https" and url.hostname and not any(_covers(each, url.hostname) for each in certificates):
                yield Finding(
                    f"no certificate is for '{url.hostname}'",
                    service.places.mark("addresses", index),
                    "add the name to a certificate's 'names', or correct the address",
                    service.name,
                )


@rule("tls/nobody-serves", WARNING)
def nobody_serves(subject: Subject) -> Iterator[Finding]:
    """A certificate that no container has.

    Why: it is ordered and renewed for nobody, and counts for the authority's limits.

    Mend: add it to `certificates` of the container that serves its names, or leave it out.
    """
    for service in subject.plan.services:
        for certificate in service.certificates:
            if not certificate.readers:
                yield Finding(
                    f"no container has the certificate '{certificate.name}'",
                    certificate.mark,
                    "add it to 'certificates' of the container that serves its names, or leave it out",
                    service.name,
                )


@rule("tls/nobody-answers-challenges", WARNING)
def nobody_answers_challenges(subject: Subject) -> Iterator[Finding]:
    """Certificates are to be had over http-01, and nothing on port 80 answers.

    Why: the authority asks port 80 of each name for a file; where nobody answers there is no certificate, and after five failures an hour it stops asking.

    Mend: give the container that has port 80 `webroot: PATH`, and let it serve that folder at `/.well-known/acme-challenge/`.
    Where port 80 cannot be had, write `challenge: dns-01` in `certificates` of the host file.
    If something before the machine leads port 80 elsewhere, silence the rule and say so.

    Source: RFC 8555, section 8.3; Let's Encrypt, 'Rate Limits'.
    """
    if subject.plan.challenge != "http-01":
        return
    for each in subject.published:
        answers = any(mount.source == plan.WEBROOT for member in each.members for mount in member.container.mounts)
        if each.port.host == _HTTP and each.port.protocol == "tcp" and answers:
            return
    for service in subject.plan.services:
        for certificate in service.certificates:
            if not certificate.pair:
                yield Finding(
                    f"nothing on port 80 answers challenges for '{certificate.name}'",
                    certificate.mark,
                    "give the container that has port 80 'webroot: PATH', or take 'challenge: dns-01'",
                    service.name,
                )
