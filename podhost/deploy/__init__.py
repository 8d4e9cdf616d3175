"""The user data that a provider of machines is given, as large as it may be, and the commands that start a machine there."""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from podhost import ignition
from podhost.deploy.providers import PROVIDERS, Encoding, Provider
from podhost.ignition.specs import parse_spec
from podhost.problems import Report

__all__ = ["PROVIDERS", "Deployment", "commands", "decode", "deploy"]


class Deployment(NamedTuple):
    """What to give to a provider: `user_data`, and `remote`, the file for a web server, or None where none is needed.

    `form` is 'plain', 'gzip' or 'pointer', the way the host was made to fit.
    """

    form: str
    user_data: bytes
    remote: bytes | None


def deploy(config: Mapping[str, Any], provider: Provider, url: str | None, report: Report) -> Deployment | None:
    """Make a config fit into what a provider takes; where nothing helps, or a tool cannot read it, the report says so.

    `url` is where the whole config can be fetched from, if it has to be.
    """
    whole = ignition.dumps(dict(config))
    if not _readable(config["ignition"]["version"], provider, report):
        return None
    for form, text in (("plain", whole), ("gzip", ignition.dumps(ignition.wrap(whole)))):
        user_data = encode(text.encode(), provider.encoding)
        if provider.limit is None or len(user_data) <= provider.limit:
            return Deployment(form, user_data, None)
    size, limit = len(user_data), provider.limit
    if url is None:
        report.error(
            f"the host does not fit into the user data of {provider.title}: compressed it takes {size:,} bytes of {limit:,}",
            hint="with --url URL the machine fetches it from there, and checks its hash",
        )
        return None
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        report.error(
            f"--url: '{url}' is not where a machine can fetch a file", hint="as in https://example.org/host.ign"
        )
        return None
    return Deployment("pointer", encode(_pointer(whole, url).encode(), provider.encoding), whole.encode())


def _readable(version: str, provider: Provider, report: Report) -> bool:
    """Whether the provider's usual tool reads the config's spec: those that look into a config lag behind Ignition."""
    if provider.newest_spec and parse_spec(version) > parse_spec(provider.newest_spec):
        report.error(
            f"{provider.tool} reads Ignition configs up to {provider.newest_spec}, and this one is {version}",
            hint=f"something in your own Butane needs {version}; podhost render --spec {provider.newest_spec} says what",
        )
        return False
    return True


def _pointer(whole: str, url: str) -> str:
    """A config that replaces itself with the one at `url`, if that has the right hash; spec 3.1.0 is the first with SHA-256."""
    digest = hashlib.sha256(whole.encode()).hexdigest()
    replace = {"source": url, "verification": {"hash": f"sha256-{digest}"}}
    return json.dumps({"ignition": {"config": {"replace": replace}, "version": "3.1.0"}}, separators=(",", ":"))


def encode(data: bytes, encoding: Encoding) -> bytes:
    """Write a config the way that the provider's commands hand it over."""
    match encoding:
        case Encoding.PLAIN:
            return data
        case Encoding.BASE64:
            return base64.b64encode(data)
        case Encoding.GZIP_BASE64:
            packer = zlib.compressobj(9, zlib.DEFLATED, 31)  # no time and no name in it: equal data give equal bytes
            return base64.b64encode(packer.compress(data) + packer.flush())


def decode(data: bytes, encoding: Encoding) -> bytes:
    """Give the config back, as the machine's Ignition reads it."""
    match encoding:
        case Encoding.PLAIN:
            return data
        case Encoding.BASE64:
            return base64.b64decode(data, validate=True)
        case Encoding.GZIP_BASE64:
            return zlib.decompress(base64.b64decode(data, validate=True), 47)


def commands(provider: Provider, name: str, file: str) -> str:
    """The commands that start a machine called `name` with the user data in `file`."""
    return provider.commands.format(name=shlex.quote(name), file=shlex.quote(file))
