from __future__ import annotations

import re

import pytest

from podhost.problems import Report, Source
from podhost.quadlet.keys import Release, check_keys, first_releases, release
from podhost.quadlet.unitfile import parse


def check(text: str, podman: Release = (5, 4)) -> list[tuple[str, str, str]]:
    report = Report()
    check_keys(parse(Source("f", text), report), podman, report)
    return [(str(each.mark), each.message, each.hint) for each in report.problems]


def test_keys_that_the_target_knows_are_no_problem() -> None:
    text = "[Unit]\nAnything=x\n[Container]\nImage=x\nNotify=healthy\nStopTimeout=3\n[Pod]\nPodName=x\n[Service]\nX=1\n[Install]\nX=1\n"
    assert check(text) == []
    assert check("[Pod]\nPodName=x\n", (5, 0)) == []


@pytest.mark.parametrize(
    ("text", "podman", "expected"),
    [
        (
            "[Image]\nPolicy=missing",
            (5, 4),
            (
                "f:2:1",
                "the key 'Policy' of [Image] came with podman 5.6, and the host's podman is 5.4",
                "leave it out, or render with --podman 5.6 for a host that has it",
            ),
        ),
        (
            "[Pod]\nPodName=x",
            (4, 9),
            (
                "f:2:1",
                "the key 'PodName' of [Pod] came with podman 5.0, and the host's podman is 4.9",
                "leave it out, or render with --podman 5.0 for a host that has it",
            ),
        ),
        ("[Container]\nImge=x", (5, 4), ("f:2:1", "Quadlet has no key 'Imge' in [Container]", "did you mean 'Image'?")),
        (
            "[Contaner]\nImage=x",
            (5, 4),
            ("f:2:1", "Quadlet has no section [Contaner]", "did you mean 'Container'?"),
        ),
    ],
)
def test_keys_that_it_does_not_know_are_named(text: str, podman: Release, expected: tuple[str, str, str]) -> None:
    assert check(text, podman) == [expected]


@pytest.mark.parametrize(
    ("text", "value"), [("5.4", (5, 4)), ("5.4.2", (5, 4)), ("v4.9.0", (4, 9)), ("10.12", (10, 12))]
)
def test_releases(text: str, value: Release) -> None:
    assert release(text) == value


@pytest.mark.parametrize(
    "text", ["", "5", "5.x", "5.4.2.1", "5.4-rc1", "-5.4", "5. 4", "1e3.1", "5.4444", "\u0665.\u0664", "5.²"]
)
def test_what_is_no_release(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        release(text)
    assert caught.value.args == (f"'{text}' is not a podman version", "write it as in 5.4")


def test_the_table_is_that_of_podman() -> None:
    table = first_releases()
    assert {"Container", "Pod", "Volume", "Network", "Image", "Kube", "Build"} <= set(table)
    assert table["Container"]["Image"] == (4, 4)
    assert table["Image"]["Image"] == (4, 8)
    assert table["Pod"]["PodName"] == (5, 0)
    assert table["Pod"]["ExitPolicy"] == (5, 6)
    assert table["Image"]["Retry"] == (5, 5)
    for keys in table.values():
        assert all(re.fullmatch(r"[A-Z][A-Za-z0-9]*", key) for key in keys)
        assert min(keys.values()) >= (4, 4)
