"""The whole demo host of each stack, as files: a change of what podhost renders is seen here, and reviewed as a diff.

`pytest tests/golden --update-golden` writes them anew.
"""

from __future__ import annotations

import difflib
import shutil
from pathlib import Path

import pytest

from podhost.library import Library
from tests.support import Podhost, files_below

HERE = Path(__file__).parent
STACKS = Library().names


def rendered(podhost: Podhost, stack: str, folder: Path) -> None:
    """Render a demo host in all forms, each below a folder."""
    for arguments in (
        ["--format", "tree", "-o", folder / "tree"],
        ["--format", "butane", "-o", folder / f"{stack}.bu"],
        ["--pretty", "-o", folder / f"{stack}.json"],
    ):
        result = podhost("render", stack, *arguments)
        assert result.status == 0, result.stderr


def texts(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text("utf-8") for name in files_below(folder) if (folder / name).is_file()}


@pytest.mark.parametrize("stack", STACKS)
def test_the_demo_host(podhost: Podhost, tmp_path: Path, request: pytest.FixtureRequest, stack: str) -> None:
    rendered(podhost, stack, tmp_path)
    golden = HERE / stack
    if request.config.getoption("--update-golden"):
        shutil.rmtree(golden, ignore_errors=True)
        shutil.copytree(tmp_path, golden)
    expected, actual = texts(golden), texts(tmp_path)
    difference = [
        line
        for name in sorted(expected.keys() | actual.keys())
        for line in difflib.unified_diff(
            expected.get(name, "").splitlines(),
            actual.get(name, "").splitlines(),
            f"golden/{stack}/{name}",
            f"rendered/{stack}/{name}",
            lineterm="",
        )
    ]
    assert not difference, "\n".join(
        ["the demo host has changed; if that is meant: pytest tests/golden --update-golden", *difference]
    )


@pytest.mark.parametrize("stack", STACKS)
def test_there_is_something_to_compare_with(stack: str) -> None:
    assert {f"{stack}.bu", f"{stack}.json", "tree/manifest.json"} <= texts(HERE / stack).keys()
