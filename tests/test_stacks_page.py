"""What docs/stacks.md says is so: its tables are those of the code, and its examples work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from podhost.document import plain, read
from podhost.library import Library
from podhost.problems import Report, Source
from podhost.spec.stack import Stack
from tests.support import REPOSITORY, Podhost, python

PAGE = REPOSITORY / "docs/stacks.md"
FILE = re.compile(r"^`([\w./-]+)`:\n\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TABLE = re.compile(r"(?<=<!-- parts: begin -->\n).*?(?=<!-- parts: end -->)", re.DOTALL)


def written(folder: Path) -> dict[str, str]:
    """Write the files of the page's example below a folder, and give them."""
    files = dict(FILE.findall(PAGE.read_text("utf-8")))
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return files


def parts_table() -> str:
    """Every part with its options, from the parts themselves."""
    text = ""
    for path in sorted((REPOSITORY / "parts").glob("*/part.yaml")):
        part = plain(read(Source(path.name, path.read_text("utf-8")), Report()))  # type: ignore[arg-type]
        text += f"\n**{part['part']}**: {part['summary']}.\n\n| option | what | default |\n|---|---|---|\n"
        for name, option in part["options"].items():
            shown = f"`{option['default']}`" if option.get("default") else "nothing"
            text += f"| `{name}` | {option['summary']} | {shown if 'default' in option else 'has to be given'} |\n"
    return f"{text}\n"


def test_the_table_of_parts(request: pytest.FixtureRequest) -> None:
    text = PAGE.read_text("utf-8")
    if request.config.getoption("--update-golden"):
        PAGE.write_text(TABLE.sub(lambda _: parts_table(), text))
    assert TABLE.findall(PAGE.read_text("utf-8")) == [parts_table()]


def test_every_key_of_a_stack_is_there() -> None:
    section = PAGE.read_text("utf-8").partition("\n## stack.yaml\n")[2].partition("\n## ")[0]
    keys = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert sorted(keys) == sorted([*Stack.model_fields, "parts"])


def test_the_example_renders_from_where_it_stands_and_from_elsewhere(podhost: Podhost, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    files = written(tmp_path / "here")
    assert files.keys() == {
        "stacks/drop/stack.yaml",
        "stacks/drop/files/nginx.conf",
        "stacks/drop/demo.yaml",
        "host.yaml",
    }
    beside = podhost("render", tmp_path / "here/host.yaml")
    assert beside.status == 0, beside.stderr
    named = podhost("render", "drop", "--stack-path", tmp_path / "here/stacks")
    assert named.status == 0, named.stderr
    assert "https://drop.fcos.fr/" in named.stderr
    assert podhost("render", "drop").status == 1  # nobody has said where it is


def test_its_test_passes_as_it_is_made_and_as_the_page_has_it(podhost: Podhost, tmp_path: Path) -> None:
    """`podhost new`, then the page's files over it."""
    assert podhost("new", "drop").status == 0
    for step in (lambda: None, lambda: written(tmp_path)):
        step()
        done = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "stacks/drop", cwd=tmp_path)
        assert done.returncode == 0, done.stdout
        assert "1 passed" in done.stdout
    (tmp_path / "stacks/drop/stack.yaml").write_text("stack: drop\n")
    assert python("-m", "pytest", "-q", "-p", "no:cacheprovider", "stacks/drop", cwd=tmp_path).returncode == 1


def test_the_parts_that_it_shows_can_be_used(tmp_path: Path) -> None:
    """The part of the page, and its two uses of `postgres` with what the stack says about them, in one stack."""
    blocks = BLOCK.findall(PAGE.read_text("utf-8"))
    (part,) = (block for block in blocks if block.startswith("part: redis"))
    (uses,) = (block for block in blocks if block.startswith("parts:"))
    (over,) = (block for block in blocks if block.startswith("containers:\n  archive:"))
    (tmp_path / "parts/redis").mkdir(parents=True)
    (tmp_path / "parts/redis/part.yaml").write_text(part)
    (tmp_path / "stacks/notes").mkdir(parents=True)
    text = f"stack: notes\nsummary: Notes\npods: {{notes: }}\n{uses}  redis: {{pod: notes}}\n{over}"
    (tmp_path / "stacks/notes/stack.yaml").write_text(text)
    spec = Library(paths=[tmp_path / "stacks"]).stack("notes").spec
    assert spec.containers.keys() == {"archive", "postgres", "redis"}
    archive = spec.containers["archive"]
    assert (archive.stop.signal, archive.stop.timeout, archive.health) == ("SIGINT", "5m", None)
    assert archive.environment["PGPORT"] == "5433"
    assert spec.containers["redis"].command[-1] == "100mb"
    assert spec.parameters.keys() == {"postgres_image", "archive_image", "redis_image"}
