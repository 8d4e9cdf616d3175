"""The small grammars of a stack file: what each text means, and what is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podhost.plan import Mount, Owner, Port, Segment, Volume
from podhost.resolve import values as read
from tests.support import MARK

VOLUMES = {
    "data": Volume("data", "x-data", "/var/srv/containers/x/data", Owner(0, 0), 0o700, MARK),
    "cache": Volume("cache", "x-cache", "", Owner(0, 0), 0o700, MARK),
}
GRAMMARS: dict[str, Callable[[str], Any]] = {
    "owner": read.owner,
    "mode": read.mode,
    "port": lambda text: read.port(text, MARK),
    "seconds": read.seconds,
    "signal": read.signal,
    "image": read.image,
    "mount": lambda text: read.mount(text, VOLUMES, MARK),
    "certificate_name": read.certificate_name,
    "calendar": read.calendar,
    "secret_content": read.secret_content,
}
DATA = "/var/srv/containers/x/data"


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("owner", "991:992", Owner(991, 992)),
        ("owner", "991", Owner(991, 991)),
        ("owner", "0:0", Owner(0, 0)),
        ("mode", "0750", 0o750),
        ("mode", "750", 0o750),
        ("mode", "1777", 0o1777),
        ("port", "443:8443", Port(443, 8443, MARK)),
        ("port", "127.0.0.1:53:5353/udp", Port(53, 5353, MARK, "127.0.0.1", "udp")),
        ("port", "[::1]:80:8080/tcp", Port(80, 8080, MARK, "[::1]", "tcp")),
        ("seconds", "5m", 300),
        ("signal", "SIGRTMIN+3", "SIGRTMIN+3"),
        ("image", "docker.io/library/nginx:1.30", "docker.io/library/nginx:1.30"),
        ("image", "localhost:5000/a/b_c:v1", "localhost:5000/a/b_c:v1"),
        ("image", f"quay.io/a/b@sha256:{'0' * 64}", f"quay.io/a/b@sha256:{'0' * 64}"),
        ("image", f"quay.io/a/b:1@sha256:{'0' * 64}", f"quay.io/a/b:1@sha256:{'0' * 64}"),
        ("mount", "data:/srv:Z", Mount(DATA, "/srv", ("Z",), MARK, "data")),
        ("mount", "data:/srv:ro,z", Mount(DATA, "/srv", ("ro", "z"), MARK, "data")),
        ("mount", "cache:/srv", Mount("x-cache.volume", "/srv", (), MARK, "cache")),
        ("mount", "/etc/hosts:/hosts:ro", Mount("/etc/hosts", "/hosts", ("ro",), MARK)),
        ("certificate_name", "*.example.org", "*.example.org"),
        ("calendar", "*-*-* 00,12:00:00", "*-*-* 00,12:00:00"),
        ("calendar", "Mon..Fri 04:30 Europe/Paris", "Mon..Fri 04:30 Europe/Paris"),
        ("secret_content", "${given}", (Segment("given", ""),)),
        ("secret_content", "${token}", (Segment("token", "32"),)),
        (
            "secret_content",
            "a ${hex:3}-${base64:32}${other}$z",
            (
                Segment("text", "a "),
                Segment("hex", "3"),
                Segment("text", "-"),
                Segment("base64", "32"),
                Segment("secret", "other"),
                Segment("text", "$z"),
            ),
        ),
    ],
)
def test_accepted(kind: str, text: str, value: object) -> None:
    assert GRAMMARS[kind](text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *(("owner", text) for text in ("", "root", "1:2:3", "-1", "4294967295", "1:4294967295", "1 :2", "1:", "1\n")),
        *(("mode", text) for text in ("", "75", "0799", "rwx", "00750", "01777", "7777777", "0o750", "750\n")),
        *(
            ("port", text)
            for text in ("", "443", "443:", ":443", "0:1", "1:65536", "1:2/sctp", "a:1:2", "::1:80:80", "1:2\n")
        ),
        *(("port", text) for text in ("999.1.1.1:80:80", "1.2.3:80:80", "[:::]:80:80", "1.2.3.4.5:80:80")),
        *(("signal", text) for text in ("", "INT", "9", "sigint", "SIG INT", "SIGINT\n")),
        *(
            ("image", text)
            for text in ("", "nginx", "nginx:1", "library/nginx:1", "docker.io/library/nginx", "docker.io/nginx:")
        ),
        *(
            ("image", text)
            for text in (
                "docker.io/Library/nginx:1",
                "docker.io/a:1 -v",
                "docker.io/a:1\n",
                "docker.io/a:%h",
                "http://docker.io/a:1",
            )
        ),
        *(
            ("image", text)
            for text in ("docker.io//a:1", "docker.io/a:" + "x" * 129, "docker.io/a@sha256:0", "docker.io/a:1$x")
        ),
        *(
            ("mount", text)
            for text in (
                "",
                "data",
                "data:",
                "data:srv",
                ":/srv",
                "nodata:/srv",
                "data:/srv:x",
                "data:/a b",
                "data:/srv:Z:ro",
            )
        ),
        *(("mount", text) for text in ("../x:/srv", "/a/../b:/srv", "data:/a/../b", "/a b:/srv", "data:/a,b")),
        *(("certificate_name", text) for text in ("", "*", "*.", "a.*.b", "**.b", "a_b", "*.a b")),
        *(("calendar", text) for text in ("", "daily\nPersistent=no", "%H", "at noon!")),
        *(
            ("secret_content", text)
            for text in (
                "",
                "fixed",
                "x${given}",
                "${given}x",
                "$",
                "${}",
                "${hex:0}",
                "${hex:1025}",
                "${hex:-1}",
                "${TOKEN}",
                "${a b}",
            )
        ),
        *(("secret_content", text) for text in ("${token}\n", "a\t${token}", "${token:5}", "${base64:²}")),
    ],
)
def test_refused(kind: str, text: str) -> None:
    with pytest.raises(ValueError) as caught:
        GRAMMARS[kind](text)
    assert all(isinstance(each, str) and each for each in caught.value.args)


@given(st.sampled_from(sorted(GRAMMARS)), st.text() | st.text("0123456789:/.-_a{}$[]%\n "))
def test_any_text_is_taken_or_refused(kind: str, text: str) -> None:
    try:
        result = GRAMMARS[kind](text)
    except ValueError as error:
        result = error.args[0]
    assert result is not None
