"""The small grammars of a stack file: ports, mounts, users, modes, images, signals, secrets.

Each takes a text with its templates filled in, and raises `ValueError` with a message and a hint.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from podhost.plan import Mount, Owner, Port, Segment, Volume
from podhost.problems import Mark, did_you_mean
from podhost.spec import types as kinds

port_number = kinds.port

_OWNER = r"([0-9]{1,10})(?::([0-9]{1,10}))?"
_MODE = r"0?[0-7]{3}|[0-7]{4}"
_PORT = r"(?:(?P<address>[0-9.]+|\[[0-9a-fA-F:]+\]):)?(?P<host>[0-9]+):(?P<inner>[0-9]+)(?:/(?P<protocol>tcp|udp))?"
_SIGNAL = r"SIG[A-Z0-9+-]{2,12}"
# https://github.com/distribution/reference: a registry with a dot or a port, lower-case names, then a tag or a digest or both
_IMAGE = r"(?P<registry>[a-z0-9]+(?:[.-][a-z0-9]+)*(?::[0-9]+)?)/[a-z0-9]+(?:[._/-]+[a-z0-9]+)*(?P<tag>:[\w][\w.-]{0,127})?(?P<digest>@sha256:[0-9a-f]{64})?"
_SEGMENT = r"\$\{([^}]*)\}"
MAX_ID = 2**32 - 2
OPTIONS = ("ro", "rw", "z", "Z", "U", "nodev", "nosuid", "noexec", "dev", "suid", "exec")


def owner(text: str) -> Owner:
    """UID or UID:GID; the group is the same number when it is left out."""
    match = re.fullmatch(_OWNER, text)
    if not match:
        raise ValueError(
            f"'{text}' is not a user", "write numbers, UID:GID, as in 991:991: names differ between images and the host"
        )
    uid = int(match[1])
    gid = int(match[2]) if match[2] else uid
    if max(uid, gid) > MAX_ID:
        raise ValueError(f"'{text}' is not a user", f"the largest number is {MAX_ID}")
    return Owner(uid, gid)


def container_path(text: str) -> str:
    """An absolute path in a container; ':' and ',' mean something to podman's mounts."""
    kinds.path(text)
    if ":" in text or "," in text:
        raise ValueError(f"'{text}' has a ':' or ',' in it", "podman cannot mount such a path")
    return text


def capability(text: str) -> str:
    """The name of a kernel capability; capabilities(7)."""
    if not re.fullmatch(r"(CAP_)?[A-Z]+(_[A-Z]+)*", text):
        raise ValueError(f"'{text}' is not a capability", "write it in capitals, as in NET_BIND_SERVICE")
    return text


def mode(text: str) -> int:
    """An octal file mode."""
    if not re.fullmatch(_MODE, text):
        raise ValueError(f"'{text}' is not a mode", "write it in octal digits, as in 0750")
    return int(text, 8)


def port(text: str, mark: Mark) -> Port:
    """[ADDRESS:]HOST:INNER[/udp]."""
    match = re.fullmatch(_PORT, text)
    if not match:
        raise ValueError(
            f"'{text}' does not publish a port",
            "write HOST:CONTAINER, as in 443:8443, or 127.0.0.1:9000:9000, or 3478:3478/udp",
        )
    if match["address"]:
        import ipaddress  # few stacks name an address

        try:
            ipaddress.ip_address(match["address"].strip("[]"))
        except ValueError:
            raise ValueError(
                f"'{match['address']}' is not an IP address", "write it as in 127.0.0.1 or [::1]"
            ) from None
    return Port(
        kinds.port(match["host"]), kinds.port(match["inner"]), mark, match["address"] or "", match["protocol"] or "tcp"
    )


def seconds(text: str) -> int:
    """A duration, in seconds."""
    return kinds.duration(text).seconds


def signal(text: str) -> str:
    """The name of a signal; signal(7)."""
    if not re.fullmatch(_SIGNAL, text):
        raise ValueError(f"'{text}' is not a signal", "write its full name, as in SIGINT")
    return text


def image(text: str) -> str:
    """A reference with its registry; without tag or digest nobody knows what will run."""
    match = re.fullmatch(_IMAGE, text)
    if not match or not (re.search(r"[.:]", match["registry"]) or match["registry"] == "localhost"):
        raise ValueError(
            f"'{text}' is not a whole image reference",
            "write registry, name and tag, as in docker.io/library/nginx:1.29",
            "images/short-name",
        )
    if not match["tag"] and not match["digest"]:
        raise ValueError(
            f"'{text}' has no tag",
            "add the version to run, as in :1.29: without one it is whatever 'latest' happens to be",
            "images/no-tag",
        )
    return text


def mount(text: str, volumes: Mapping[str, Volume], mark: Mark) -> Mount:
    """SOURCE:TARGET[:OPTION,…], where SOURCE is a volume of the stack or an absolute path of the host."""
    source, _, rest = text.partition(":")
    target, _, options = rest.partition(":")
    if not target:
        raise ValueError(f"'{text}' is not a mount", "write VOLUME:/PATH:OPTIONS, as in data:/var/lib/data:Z")
    container_path(target)
    for option in filter(None, options.split(",")):
        if option not in OPTIONS:
            raise ValueError(f"unknown mount option '{option}'", did_you_mean(option, OPTIONS))
    chosen = tuple(filter(None, options.split(",")))
    if source.startswith("/"):
        return Mount(kinds.path(source), target, chosen, mark)
    if source not in volumes:
        raise ValueError(f"the stack has no volume '{source}'", did_you_mean(source, volumes))
    volume = volumes[source]
    return Mount(volume.path or f"{volume.unit}.volume", target, chosen, mark, volume=source)


def certificate_name(text: str) -> str:
    """A host name, or one with `*.` in front."""
    kinds.hostname(text.removeprefix("*."))
    return text


def calendar(text: str) -> str:
    """A calendar event of systemd.time(7), as far as its characters go; `systemd-analyze calendar` knows the rest."""
    if not re.fullmatch(r"[A-Za-z0-9*:.,/~ -]+(/[A-Za-z_]+)?", text):
        raise ValueError(f"'{text}' is not a calendar event", "write it as in *-*-* 03:00:00, or Sun 04:30")
    return text


def secret_content(text: str) -> tuple[Segment, ...]:
    """Text with ${token}, ${hex:BYTES}, ${base64:BYTES} or ${SECRET} in it."""
    segments = []
    position = 0
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise ValueError("a secret is made of one line without tabs")
    for match in re.finditer(_SEGMENT, text):
        if match.start() > position:
            segments.append(Segment("text", text[position : match.start()]))
        segments.append(_segment(match[1]))
        position = match.end()
    if position < len(text):
        segments.append(Segment("text", text[position:]))
    if all(segment.kind == "text" for segment in segments):
        raise ValueError(
            "a secret made of fixed text is none",
            "use ${token}, ${hex:BYTES}, ${base64:BYTES} or ${NAME} of another secret",
        )
    if Segment("given", "") in segments[1:] or (segments[0].kind == "given" and segments[1:]):
        raise ValueError("a secret that is given has nothing else in it", "write ${given} alone")
    return tuple(segments)


def _segment(inner: str) -> Segment:
    kind, colon, argument = inner.partition(":")
    if inner == "token":
        return Segment("token", "32")
    if inner == "given":
        return Segment("given", "")
    if kind in ("hex", "base64") and re.fullmatch("[0-9]{1,4}", argument) and 1 <= int(argument) <= 1024:
        return Segment(kind, argument)
    if colon or not re.fullmatch(r"[a-z][a-z0-9_-]*", inner):
        raise ValueError(
            f"'${{{inner}}}' makes no secret",
            "use ${token}, ${hex:BYTES}, ${base64:BYTES} or ${NAME} of another secret",
        )
    return Segment("secret", inner)
