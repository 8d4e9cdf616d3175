"""The files directory is a wall: nothing outside it gets into a config."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from podhost import butane
from podhost.document import read
from podhost.ignition import dumps
from podhost.problems import Report, Source
from tests.support import problems

HEAD = "variant: fcos\nversion: 1.7.0\n"
SECRET = "never to be seen"

# Every field that reads a local file; %s is its path, which stands in line 6.
READERS = {
    "contents": "storage:\n  files:\n    - path: /a\n      contents: {local: %s}\n",
    "append": "storage:\n  files:\n    - path: /a\n      append: [{local: %s}]\n",
    "tree": "storage:\n  trees:\n    - path: /a\n      local: %s\n",
    "unit": "systemd:\n  units:\n    - name: a.service\n      contents_local: %s\n",
    "keys": "passwd:\n  users:\n    - name: core\n      ssh_authorized_keys_local: [%s]\n",
    "key file": "storage:\n  luks:\n    - {name: a, device: /dev/a,\n      key_file: {local: %s}}\n",
    "merge": "ignition:\n  config:\n    merge:\n      - local: %s\n",
}


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    """A files directory with ways out of it, beside a folder with a secret."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text(SECRET)
    root = tmp_path / "files"
    (root / "folder").mkdir(parents=True)
    (root / "file").write_text("inside")
    (root / "to-file").symlink_to("../outside/secret")
    (root / "to-folder").symlink_to("../outside")
    (root / "absolute").symlink_to(tmp_path / "outside/secret")
    (root / "folder/two-steps").symlink_to("../to-file")
    (root / "loop").symlink_to("loop")
    (tmp_path / "files-too").mkdir()
    (tmp_path / "files-too/secret").write_text(SECRET)
    return root


def translate(text: str, files_dir: Path | None) -> tuple[str, Report]:
    report = Report()
    document = read(Source("host.bu", HEAD + text), report)
    assert document
    return dumps(butane.translate(document, report, files_dir=files_dir)), report


WAYS_OUT = [
    "../outside/secret",
    "folder/../../outside/secret",
    "../files-too/secret",
    "to-file",
    "to-folder/secret",
    "absolute",
    "folder/two-steps",
    "to-folder/../outside/secret",
    "..",
    "to-folder",
    "loop",
]


@pytest.mark.parametrize("way", WAYS_OUT)
@pytest.mark.parametrize("reader", READERS)
def test_no_field_reads_anything_outside(reader: str, way: str, inside: Path) -> None:
    text, report = translate(READERS[reader] % way, inside)
    assert report.failed
    assert SECRET not in text
    (problem,) = report.problems
    assert problem.mark
    assert problem.mark.line in (5, 6)


def test_a_link_in_a_tree_is_copied_and_not_followed(inside: Path) -> None:
    text, report = translate("storage:\n  trees:\n    - local: .\n", inside)
    assert not report.failed
    assert SECRET not in text
    assert '"target":"../outside/secret"' in text


def test_a_link_that_stays_inside_is_followed(inside: Path) -> None:
    (inside / "inner").symlink_to("folder/../file")
    text, report = translate(READERS["contents"] % "inner", inside)
    assert not report.problems
    assert "data:,inside" in text


def test_an_absolute_path_starts_at_the_files_directory(inside: Path) -> None:
    text, report = translate(READERS["contents"] % "/file", inside)
    assert not report.problems
    assert "data:,inside" in text


def test_without_a_files_directory_there_are_no_local_files() -> None:
    for reader in READERS.values():
        _, report = translate(reader % "file", None)
        assert problems(report)[0].endswith("no files directory is given")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: os.mkfifo(path), "is not a regular file"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.symlink_to("nowhere"), "there is no file"),
    ],
)
def test_what_is_no_file_is_not_waited_for(make: Callable[[Path], None], message: str, inside: Path) -> None:
    make(inside / "odd")
    _, report = translate(READERS["contents"] % "odd", inside)
    assert message in problems(report)[0]


def test_a_tree_holds_files_folders_and_links(inside: Path) -> None:
    os.mkfifo(inside / "folder/pipe")
    _, report = translate("storage:\n  trees:\n    - local: folder\n", inside)
    assert problems(report) == ["host.bu:5:7: 'pipe' is no file, folder or symbolic link"]


@pytest.mark.parametrize("reader", ["unit", "keys"])
def test_what_goes_into_json_as_text_has_to_be_text(reader: str, inside: Path) -> None:
    (inside / "binary").write_bytes(b"\xff\xfe")
    _, report = translate(READERS[reader] % "binary", inside)
    assert "'binary' is not UTF-8 text" in problems(report)[0]


def test_a_file_name_that_is_no_text_is_refused(inside: Path) -> None:
    (inside / "folder" / os.fsdecode(b"\xff")).write_text("x")
    _, report = translate("storage:\n  trees:\n    - local: folder\n", inside)
    assert "is not UTF-8" in problems(report)[0]
