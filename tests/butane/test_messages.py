"""What a user reads: the message, its place, and how to mend it."""

from __future__ import annotations

import pytest

from podhost import butane
from podhost.document import read
from podhost.problems import Mark, Report, Source

HEAD = "variant: fcos\nversion: 1.4.0\n"


def report_of(text: str) -> str:
    report = Report()
    document = read(Source("host.bu", text), report)
    if document is not None and not report.failed:
        butane.translate(document, report)
    return "\n".join(map(str, report.problems))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "storage:\n  files:\n    - pth: /etc/motd\n",
            "host.bu:5:7: warning: version 1.4.0 has no 'pth' here, so it is ignored\n"
            "    5 |     - pth: /etc/motd\n"
            "      |       ^~~\n"
            "  hint: did you mean 'path'?",
        ),
        (
            "grub: {}\n",
            "host.bu:3:1: warning: version 1.4.0 has no 'grub' here, so it is ignored\n"
            "    3 | grub: {}\n"
            "      | ^~~~\n"
            "  hint: it came with version 1.5.0 (Ignition 3.4.0)",
        ),
        (
            'storage:\n  files:\n    - path: /a\n      mode: "0644"\n',
            "host.bu:6:13: error: 'mode' is an integer, and this is a string\n"
            '    6 |       mode: "0644"\n'
            "      |             ^~~~~~\n"
            "  hint: write it without quotes",
        ),
        (
            "systemd:\n  units:\n    - name: web.container\n",
            "host.bu:5:13: error: 'web.container' does not end like a systemd unit\n"
            "    5 |     - name: web.container\n"
            "      |             ^~~~~~~~~~~~~\n"
            "  hint: Quadlet files go into storage.files, under /etc/containers/systemd/",
        ),
        (
            "storage:\n  files:\n    - path: /etc//motd\n",
            "host.bu:5:13: error: '/etc//motd' is not in its shortest form\n"
            "    5 |     - path: /etc//motd\n"
            "      |             ^~~~~~~~~~\n"
            "  hint: write '/etc/motd'",
        ),
    ],
)
def test_a_mistake_is_explained(text: str, said: str) -> None:
    assert said in report_of(HEAD + text)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("version: 1.4.0\n", "there is no 'variant'\n    1 | version: 1.4.0\n      | ^\n  hint: begin the file with"),
        ("variant: flatcar\nversion: 1.0.0\n", "the variant 'flatcar' is not supported"),
        ("variant: fcos\nversion: 1.9.0\n", "there is no version '1.9.0' of the variant fcos"),
        (
            "variant: fcos\nversion: 1.8.0-experimental\n",
            "the experimental version '1.8.0-experimental' is not supported",
        ),
        ("hello\n", "this is not a Butane config: it has to be a mapping"),
    ],
)
def test_a_wrong_head_is_explained(head: str, said: str) -> None:
    assert said in report_of(head)


def test_all_mistakes_of_a_stage_come_together() -> None:
    text = HEAD + "storage:\n  files:\n    - {path: a}\n    - {path: b, mode: -1}\n  disks: [{device: c}]\n"
    assert report_of(text).count(" error: ") == 4


def test_plain_data_is_translated_without_a_document() -> None:
    report = Report()
    data = {"variant": "fcos", "version": "1.5.0", "storage": {"files": [{"path": "/a", "mode": 0o600}]}}
    assert butane.translate_data(data, report) == {
        "ignition": {"version": "3.4.0"},
        "storage": {"files": [{"path": "/a", "mode": 0o600}]},
    }
    assert not report.problems


def test_plain_data_has_the_places_that_its_maker_gives() -> None:
    report = Report()
    mark = Mark(Source("stack.yaml", "files: [a]\n"), 1, 9)
    data = {"variant": "fcos", "version": "1.5.0", "storage": {"files": [{"path": "a"}]}}
    asked = []
    butane.translate_data(data, report, place=lambda path: asked.append(path) or mark)
    assert asked == [("storage", "files", 0, "path")]
    assert [problem.mark for problem in report.problems] == [mark]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"variant": "fcos", "version": "1.9.0"}, ValueError),
        ({"variant": "flatcar", "version": "1.0.0"}, ValueError),
        ({"variant": "fcos", "version": "1.4.0", "grub": {}}, TypeError),
        ({"variant": "fcos", "version": "1.4.0", "storage": {"files": [{"path": 5}]}}, TypeError),
    ],
)
def test_plain_data_that_no_program_should_make_raises(data: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        butane.translate_data(data, Report())
