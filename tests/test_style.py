"""What the project's files may not hold, and the examples of its documents, executed."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import PUBLIC_KEY, REPOSITORY, Podhost

DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("stacks/**/*.md")])
BLOCK = re.compile(r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<body>.*?)^ *```$", re.MULTILINE | re.DOTALL)


def tracked() -> list[Path]:
    """The files that git knows, or, where this is no clone, all files that are no caches."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=False)
    if listed.returncode == 0:
        return [
            REPOSITORY / name for name in listed.stdout.decode().split("\0") if name and (REPOSITORY / name).is_file()
        ]
    hidden = {".venv", ".cache", ".git", "__pycache__"}
    return [path for path in REPOSITORY.rglob("*") if path.is_file() and not hidden & set(path.parts)]


def texts() -> Iterator[tuple[Path, str]]:
    for path in tracked():
        try:
            yield path, path.read_text("utf-8")
        except UnicodeDecodeError:
            continue


def test_no_merge_was_left_half_done() -> None:
    marker = re.compile(r"^(<{7}|={7}|>{7})( |$)", re.MULTILINE)
    assert [str(path) for path, text in texts() if marker.search(text)] == []


def test_no_file_names_the_machine_it_was_made_on() -> None:
    found = []
    for path, text in texts():
        for needle in (str(REPOSITORY), str(Path.home()) + "/"):
            if len(needle) > 6 and needle in text:
                found.append(f"{path}: {needle}")
    assert found == []


def test_text_files_end_well() -> None:
    found = []
    for path, text in texts():
        if path.is_relative_to(REPOSITORY / "tests") and path.suffix != ".py":
            continue  # test data may be as odd as it likes
        if text and (
            not text.endswith("\n") or text.endswith("\n\n") or "\r" in text or re.search(r"[ \t]$", text, re.MULTILINE)
        ):
            found.append(str(path.relative_to(REPOSITORY)))
    assert found == []


def commands(document: Path) -> list[str]:
    """The `$ podhost …` lines of a document's console blocks, without their comments."""
    lines = [
        line.strip().removeprefix("$ ")
        for block in BLOCK.finditer(document.read_text("utf-8"))
        if block["language"] == "console"
        for line in block["body"].splitlines()
        if line.strip().startswith("$ podhost ")
    ]
    return [line.partition(" #")[0].strip() for line in lines]


def test_the_readme_has_examples() -> None:
    assert len(commands(REPOSITORY / "README.md")) >= 5


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_the_examples_of_a_document_work(
    document: Path, podhost: Podhost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other, in one folder, as a reader would type them."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home/.ssh").mkdir(parents=True)
    (tmp_path / "home/.ssh/id_ed25519.pub").write_text(f"{PUBLIC_KEY}\n")
    (tmp_path / "my.bu").write_text("variant: fcos\nversion: 1.5.0\n")
    for line in commands(document):
        words = shlex.split(line)
        target = None
        if ">" in words:
            words, target = words[: words.index(">")], words[words.index(">") + 1]
        arguments = [word.replace("~", str(tmp_path / "home"), 1) if word.startswith("~/") else word for word in words]
        result = podhost(*arguments[1:])
        assert result.status == 0, f"{line}: {result.stderr}"
        if target:
            (tmp_path / target).write_text(result.stdout)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_the_reports_that_a_document_shows_are_real(document: Path, podhost: Podhost, tmp_path: Path) -> None:
    """A block with a mistake in line N of a host file: a host with that line in that place gives just that report."""
    for block in BLOCK.finditer(document.read_text("utf-8")):
        match = re.match(r"(?P<name>[\w.-]+):(?P<line>\d+):\d+: error: ", block["body"])
        if not match:
            continue
        (shown,) = re.findall(rf"^ *{match['line']} \| (.*)$", block["body"], re.MULTILINE)
        lines = ["stacks:", "  matrix:", "    email: admin@example.org"]
        lines += ["    # …"] * (int(match["line"]) - len(lines) - 1) + [shown]
        (tmp_path / match["name"]).write_text("\n".join(lines) + "\n")
        result = podhost("render", match["name"])
        assert result.stderr == block["body"]
        assert result.status == 1


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_links_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", document.read_text("utf-8"))
    assert [target for target in targets if not (document.parent / target).exists()] == []
