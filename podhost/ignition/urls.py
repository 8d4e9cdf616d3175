"""Which URLs Ignition can fetch, by its spec version."""

from __future__ import annotations

import re

from podhost.ignition import dataurl

FETCHED = {"http": 0, "https": 0, "tftp": 0, "data": 0, "s3": 0, "gs": 2, "arn": 4}
"""The schemes of a resource, with the minor number of the Ignition spec that brought them."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_USERINFO = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")
_HOST = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:\[\]<>\"]|[^\x00-\x7f]|%25|%[89A-Fa-f][0-9A-Fa-f])*")
_PORT = re.compile(r"(?::[0-9]*)?")
_ARN = re.compile(r"arn:[^:]*:([^:]*):[^:]*:[^:]*:(.*)", re.DOTALL)


def scheme(url: str) -> str | None:
    """Give the scheme of a URL in lower case, empty where it has none, and None for what is no URL at all."""
    if _CONTROL.search(url) or url.startswith(":"):
        return None
    url, _, fragment = url.partition("#")
    if _BAD_PERCENT.search(fragment):
        return None
    match = _SCHEME.match(url)
    rest = (url[match.end() :] if match else url).partition("?")[0]
    name = match[1].lower() if match else ""
    if match and not rest.startswith("/"):
        return name
    if not match and ":" in rest.partition("/")[0]:
        return None
    if rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        if not _good_authority(name, authority):
            return None
        rest = slash + path
    return None if _BAD_PERCENT.search(rest) else name


def _good_authority(name: str, authority: str) -> bool:
    user, at, host = authority.rpartition("@")
    if at and not (_USERINFO.fullmatch(user) and not _BAD_PERCENT.search(user)):
        return False
    if "[" in host:
        address, bracket, port = host[1:].rpartition("]")
        return host[0] == "[" and bool(bracket) and bool(_PORT.fullmatch(port)) and _is_ipv6(address)
    colon = host.find(":") if name in ("http", "https") else host.rfind(":")
    if colon >= 0 and not _PORT.fullmatch(host, colon):
        return False
    return _HOST.fullmatch(host) is not None


def _is_ipv6(text: str) -> bool:
    import ipaddress  # seldom needed

    try:
        ipaddress.IPv6Address(text.replace("%25", "%"))
    except ValueError:
        return False
    return True


def mistake(url: str, spec: int) -> str:
    """Say what keeps spec 3.`spec` from fetching a URL; empty if nothing does."""
    name = "data" if url.startswith("data:") else scheme(url)
    if name is None:
        return "this is not a URL"
    if FETCHED.get(name, NEVER) > spec:
        known = ", ".join(sorted(each for each, since in FETCHED.items() if since <= spec))
        return (
            f"the URL has the scheme '{name}', and Ignition 3.{spec}.0 fetches {known}"
            if name
            else "the URL has no scheme"
        )
    if name == "data" and (why := dataurl.mistake(url)):
        return f"not a good data: URL: {why}"
    if name in ("s3", "arn"):
        return _s3_mistake(name, url)
    return ""


NEVER = 1000


def _s3_mistake(name: str, url: str) -> str:
    url, _, query = url.partition("#")[0].partition("?")
    if name == "arn":
        match = _ARN.fullmatch("arn" + url[3:])
        slashes = url.count("/")
        if not match or match[1] != "s3" or slashes < (2 if match[2].startswith("accesspoint/") else 1):
            return "not the ARN of an S3 object: it has the form arn:PARTITION:s3:::BUCKET/OBJECT"
    for part in query.split("&"):
        key, _, value = part.partition("=")
        if key == "versionId":
            return "" if value else "the versionId of the S3 object is empty"
    return ""
