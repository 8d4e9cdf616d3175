"""The whole demo host, as files: a change of what podhost renders is seen here, and reviewed as a diff.

`pytest tests/golden --update-golden` writes them anew.
"""

from __future__ import annotations

import difflib
import shutil
from pathlib import Path

import pytest

from tests.support import Podhost, files_below

HERE = Path(__file__).parent / "matrix"


def rendered(podhost: Podhost, folder: Path) -> None:
    """Render the demo host in all forms, each below a folder."""
    for arguments in (
        ["--format", "tree", "-o", folder / "tree"],
        ["--format", "butane", "-o", folder / "matrix.bu"],
        ["--pretty", "-o", folder / "matrix.json"],
    ):
        result = podhost("render", "matrix", *arguments)
        assert result.status == 0, result.stderr


def texts(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text("utf-8") for name in files_below(folder) if (folder / name).is_file()}


def test_the_demo_host(podhost: Podhost, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    rendered(podhost, tmp_path)
    if request.config.getoption("--update-golden"):
        shutil.rmtree(HERE, ignore_errors=True)
        shutil.copytree(tmp_path, HERE)
    expected, actual = texts(HERE), texts(tmp_path)
    difference = [
        line
        for name in sorted(expected.keys() | actual.keys())
        for line in difflib.unified_diff(
            expected.get(name, "").splitlines(),
            actual.get(name, "").splitlines(),
            f"golden/{name}",
            f"rendered/{name}",
            lineterm="",
        )
    ]
    assert not difference, "\n".join(
        ["the demo host has changed; if that is meant: pytest tests/golden --update-golden", *difference]
    )


def test_there_is_something_to_compare_with() -> None:
    assert {"matrix.bu", "matrix.json", "tree/manifest.json"} <= texts(HERE).keys()
