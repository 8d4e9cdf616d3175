"""Units as Ignition reads them."""

from __future__ import annotations

import pytest

from podhost.ignition.unitfile import BadUnit, escape_path, sections


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", set()),
        ("[Unit]\n", set()),
        ("[Unit]\nA=b\n[Install]\n", {"Unit"}),
        ("[Unit]\nA=b \\\n[Install]\nC=d\n", {"Unit"}),  # the header continues the value, and C is in Unit
        ("# [A]\n; [B]\n[C]\nd=e", {"C"}),
        ("text before [A]\nb=c", {"A"}),
        ("[A]\r\nb=c\r\n", {"A"}),
        ("[A]\n  b = c\n", {"A"}),
        ("[A]\n=\n", {"A"}),
        ("# \\\n[A]\nb=c", set()),
    ],
)
def test_a_section_counts_when_it_holds_an_option(text: str, found: set[str]) -> None:
    assert sections(text) == found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[Unit", "has no ']'"),
        ("[Unit] x\n", "text after a section header: 'x'"),
        ("[Unit]\nDescription\n", "the line 'Description' has no '='"),
        ("[Unit]\nDescription", "the line 'Description' has no '='"),
        ("[Unit]\nA=" + "x" * 2100, "longer than 2048 bytes"),
    ],
)
def test_what_ignition_refuses_is_refused(text: str, why: str) -> None:
    with pytest.raises(BadUnit, match=why.replace("]", r"\]")):
        sections(text)


@pytest.mark.parametrize(
    ("path", "escaped"),
    [
        ("/", "-"),
        ("", "-"),
        ("/var/lib/containers", "var-lib-containers"),
        ("//var///lib/", "var-lib"),
        ("/dev/disk/by-label/data", r"dev-disk-by\x2dlabel-data"),
        ("/.hidden/.x", r"\x2ehidden-.x"),
        ("/a b", r"a\x20b"),
        ("/é", r"\xc3\xa9"),
    ],
)
def test_paths_are_escaped_as_systemd_does(path: str, escaped: str) -> None:
    assert escape_path(path) == escaped
