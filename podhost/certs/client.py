"""The ACME protocol (RFC 8555, RFC 9773) as far as the `acme` package leaves it open, and its errors as plain sentences."""

from __future__ import annotations

import base64
import datetime
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NamedTuple

import requests
from acme import client, errors, messages
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from josepy.errors import Error as JoseError
from josepy.json_util import field
from josepy.jwa import ES256
from josepy.jwk import JWK, JWKEC

from podhost import __version__
from podhost.certs.failure import Failure, Kind

NONCES = 20  # tries; a server may forget nonces at any time, and one that always refuses them is broken
PATIENCE = 180  # seconds that an authority has for a validation, and again for a signature
TIMEOUT = 30  # seconds for one answer


class Network(client.ClientNetwork):
    """The signed requests, with what the answers say of time: `retry_after` in seconds, and `date`."""

    def __init__(self, key: JWK, trusted: Path | None) -> None:
        # `verify_ssl` goes to requests as it is, which takes a file of trusted certificates, too.
        verify: Any = str(trusted) if trusted else True
        super().__init__(key, alg=ES256, verify_ssl=verify, user_agent=f"podhost/{__version__}", timeout=TIMEOUT)
        self.retry_after: int | None = None
        self.date: int | None = None

    def _send_request(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:
        response = super()._send_request(method, url, *args, **kwargs)
        self.retry_after = _retry_after(response)
        self.date = _date(response.headers.get("Date"))
        return response

    def post(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Post, and again with another nonce for as long as it is only the nonce that is refused."""
        for _ in range(NONCES - 1):
            try:
                return self._post_once(*args, **kwargs)
            except messages.Error as error:
                if error.code != "badNonce":
                    raise
        return self._post_once(*args, **kwargs)


def _date(text: str | None) -> int | None:
    try:
        return int(parsedate_to_datetime(text or "").timestamp())
    except ValueError:
        return None


def _retry_after(response: requests.Response) -> int | None:
    text = response.headers.get("Retry-After", "")
    if text.isdigit():
        return int(text[:9])
    when = _date(text)
    return None if when is None else max(0, when - int(time.time()))


class NewOrder(messages.NewOrder):
    """An order that may name the certificate it replaces: RFC 9773, section 5."""

    replaces: str | None = field("replaces", omitempty=True)


class Suggestion(NamedTuple):
    """When the authority wants a certificate renewed, and when to ask again."""

    start: int
    end: int
    again: int


class Client(client.ClientV2):
    """One directory, and the account there."""

    net: Network

    def order(
        self, names: Sequence[str], profile: str | None, replaces: str | None = None
    ) -> tuple[str, messages.Order]:
        """Make an order; give its URL and what it is."""
        identifiers = [messages.Identifier(typ=messages.IDENTIFIER_FQDN, value=name) for name in names]
        order = NewOrder(identifiers=identifiers, profile=profile, replaces=replaces)
        response = self._post(self.directory["newOrder"], order)
        return response.headers["Location"], messages.Order.from_json(response.json())

    def order_at(self, url: str) -> messages.Order:
        """What an order is now."""
        order: messages.Order = messages.Order.from_json(self._post_as_get(url).json())
        return order

    def authorization(self, url: str) -> messages.AuthorizationResource:
        """What an authorization is now."""
        return self._authzr_from_response(self._post_as_get(url), uri=url)

    def finalize(self, order: messages.Order, request: x509.CertificateSigningRequest) -> None:
        """Ask for the certificate of an order that is ready."""
        try:
            self._post(order.finalize, messages.CertificateRequest(csr=request))
        except messages.Error as error:
            if error.code != "orderNotReady":  # a repetition of a request that did arrive
                raise

    def certificate(self, order: messages.Order) -> bytes:
        """The certificate of an order that is valid, with its chain, as PEM."""
        text: str = self._post_as_get(order.certificate).text
        return text.encode()

    @property
    def account(self) -> str:
        """The URL of the account that speaks."""
        assert self.net.account
        return str(self.net.account.uri)

    @property
    def knows_renewals(self) -> bool:
        """Whether the authority says when it wants certificates renewed."""
        return "renewalInfo" in self.directory.to_partial_json()

    def suggestion(self, certificate: x509.Certificate) -> Suggestion:
        """Ask when a certificate is to be renewed."""
        url = f"{self.directory['renewalInfo'].rstrip('/')}/{renewal_id(certificate)}"
        info = messages.RenewalInfo.from_json(self.net.get(url).json())
        window = info.suggested_window
        again = self.net.retry_after
        return Suggestion(
            int(window.start.timestamp()), int(window.end.timestamp()), 6 * 3600 if again is None else again
        )

    def wait(self, ask: Callable[[], Any], done: Callable[[Any], bool], what: str) -> Any:
        """Ask until it is done, as often as the server wants to be asked."""
        end = time.monotonic() + PATIENCE
        pause = 0.1
        while True:
            answer = ask()
            if done(answer):
                return answer
            left = end - time.monotonic()
            if left <= 0:
                raise Failure(
                    f"{what} took longer than {PATIENCE} s",
                    "nothing to do, the next run goes on with it",
                    Kind.UNREACHABLE,
                )
            pause = min(pause * 1.5, 5)
            asked = self.net.retry_after
            time.sleep(min(pause if asked is None else max(asked, 0.1), left, 30))


def renewal_id(certificate: x509.Certificate) -> str:
    """The name of a certificate in RFC 9773, section 4.1: its authority's key identifier and its serial number."""
    extension = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    serial = certificate.serial_number
    # DER's integers are signed: a number whose highest bit is set has a zero byte before it.
    return f"{_base64(extension.value.key_identifier or b'')}.{_base64(serial.to_bytes(serial.bit_length() // 8 + 1))}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def connect(url: str, key: JWK, trusted: Path | None) -> Client:
    """Read a directory."""
    net = Network(key, trusted)
    return Client(Client.get_directory(url, net), net)


def day(date: datetime.datetime) -> int:
    """A date in seconds since 1970."""
    return int(date.timestamp())


# -- errors

_PREFIX = "urn:ietf:params:acme:error:"
_TODO = {
    "accountDoesNotExist": "nothing to do, the next run makes a new account",
    "badCSR": "choose another 'key'",
    "caa": "add the authority to the CAA records of the domain, or remove them",
    "connection": "let port 80 of the name reach this host from the internet",
    "dns": "correct the DNS records of the name",
    "dnssec": "correct the DNSSEC records of the domain",
    "externalAccountRequired": "add 'external_account' with the credentials that the authority gives",
    "incorrectResponse": "let the name lead to this host, and to nothing in between that answers for it",
    "invalidContact": "correct 'email'",
    "invalidProfile": "choose another 'profile', or none",
    "rateLimited": "nothing to do, it is tried again when the authority allows it",
    "rejectedIdentifier": "choose another name, or another authority",
    "serverInternal": "nothing to do, it is tried again later",
    "tls": "correct the TLS server of the name",
    "unauthorized": "let the name lead to this host alone, over IPv4 and IPv6",
    "unsupportedContact": "correct 'email'",
    "userActionRequired": "do what the authority says there",
}


def explain(error: messages.Error, name: str = "") -> Failure:
    """What an authority refuses, as one line: its most particular reason, and what to do."""
    for each in error.subproblems or ():
        inner = each.identifier.value if each.identifier else name
        return explain(each, inner)
    code = str(error.typ).removeprefix(_PREFIX)
    of = f" for '{name}'" if name else ""
    detail = " ".join(str(error.detail or error.title or "without a reason").split())
    todo = _TODO.get(code, "see what the authority says")
    return Failure(f"the authority refuses{of} ({code}): {detail}", todo)


@contextmanager
def plainly(url: str) -> Iterator[None]:
    """Turn whatever goes wrong between here and the authority into a `Failure`."""
    try:
        yield
    except messages.Error as error:
        raise explain(error) from None
    except requests.exceptions.SSLError:
        raise Failure(
            f"the TLS certificate of '{url}' is not trusted",
            "name its authority's in 'ca_bundle', and see that this host's clock is right",
            Kind.UNREACHABLE,
        ) from None
    except requests.exceptions.RequestException as error:
        raise Failure(
            f"'{url}' does not answer ({_reason(error)})",
            "nothing to do if it is down, it is tried again; else see that this host reaches it",
            Kind.UNREACHABLE,
        ) from None
    except errors.ClientError as error:
        response = error.args[0] if error.args else None
        if not isinstance(response, requests.Response) or (response.status_code != 429 and response.status_code < 500):
            raise _nonsense(url, error) from None
        status = response.status_code
        raise Failure(
            f"'{url}' is not at work (status {status})",
            "nothing to do, it is tried again",
            Kind.UNREACHABLE,
            _retry_after(response) or 0,
        ) from None
    except (errors.Error, JoseError, KeyError, ValueError) as error:
        raise _nonsense(url, error) from None


def _nonsense(url: str, error: Exception) -> Failure:
    return Failure(
        f"'{url}' gives an answer that is not ACME ({type(error).__name__})",
        "see that 'authority' is the URL of a directory",
        Kind.UNREACHABLE,
    )


def _reason(error: requests.exceptions.RequestException) -> str:
    if isinstance(error, requests.exceptions.Timeout):
        return "timed out"
    text = str(error)
    for sign, reason in (
        ("refused", "connection refused"),
        ("resol", "its name does not resolve"),
        ("Name or service", "its name does not resolve"),
        ("unreachable", "no route"),
    ):
        if sign in text:
            return reason
    return type(error).__name__


def jwk(pem: bytes) -> JWKEC:
    """An account key from PEM."""
    key: Any = serialization.load_pem_private_key(pem, None)
    return JWKEC(key=key)
