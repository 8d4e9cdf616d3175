"""The whole demo host of each stack, and a host of several, as files: a change of what podhost renders is seen here, and reviewed as a diff.

`pytest tests/golden --update-golden` writes them anew.
"""

from __future__ import annotations

import difflib
import json
import shutil
from pathlib import Path

import pytest

from podhost.build import Builder
from podhost.library import Library
from podhost.tree import tree
from tests.support import REPOSITORY, Podhost, build, files_below

HERE = Path(__file__).parent
TARGETS = {**{name: name for name in Library().names}, "four": str(REPOSITORY / "docs/four.yaml")}


def rendered(podhost: Podhost, name: str, folder: Path) -> None:
    """Render a host in all forms, each below a folder."""
    for arguments in (
        ["--format", "tree", "-o", folder / "tree"],
        ["--format", "butane", "-o", folder / f"{name}.bu"],
        ["--pretty", "-o", folder / f"{name}.json"],
    ):
        result = podhost("render", TARGETS[name], *arguments)
        assert result.status == 0, result.stderr


def texts(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text("utf-8") for name in files_below(folder) if (folder / name).is_file()}


@pytest.mark.parametrize("name", TARGETS)
def test_the_host(podhost: Podhost, tmp_path: Path, request: pytest.FixtureRequest, name: str) -> None:
    rendered(podhost, name, tmp_path)
    compare(name, tmp_path, request)


@pytest.mark.parametrize("name", ["matrix-options", "miniflux-backup"])
def test_a_host_with_secrets_of_the_administrators(tmp_path: Path, request: pytest.FixtureRequest, name: str) -> None:
    """Of such a host podhost writes no tree: so it is taken from what was built."""
    built = build(Builder(), HERE / f"hosts/{name}.yaml")
    files, manifest = tree(built.config, built.plan)
    files["manifest.json"] = (json.dumps(manifest, indent=2) + "\n").encode()
    for file, content in files.items():
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    compare(name, tmp_path, request)


def compare(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Compare what was rendered with what is kept, or keep it."""
    golden = HERE / name
    if request.config.getoption("--update-golden"):
        shutil.rmtree(golden, ignore_errors=True)
        shutil.copytree(tmp_path, golden)
    expected, actual = texts(golden), texts(tmp_path)
    difference = [
        line
        for path in sorted(expected.keys() | actual.keys())
        for line in difflib.unified_diff(
            expected.get(path, "").splitlines(),
            actual.get(path, "").splitlines(),
            f"golden/{name}/{path}",
            f"rendered/{name}/{path}",
            lineterm="",
        )
    ]
    assert not difference, "\n".join(
        [f"the host {name} has changed; if that is meant: pytest tests/golden --update-golden", *difference]
    )


@pytest.mark.parametrize("name", TARGETS)
def test_there_is_something_to_compare_with(name: str) -> None:
    assert {f"{name}.bu", f"{name}.json", "tree/manifest.json"} <= texts(HERE / name).keys()
