"""The pictures of the documents are what `podhost graph` draws; `pytest tests/graph --update-golden` draws them anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from podhost.library import Library
from tests.support import REPOSITORY, Podhost

IMAGES = REPOSITORY / "docs/images"
HOSTS = {**{name: name for name in Library().names}, "four": str(REPOSITORY / "docs/four.yaml")}


@pytest.mark.parametrize("form", ["svg", "mermaid"])
@pytest.mark.parametrize("host", HOSTS)
def test_a_picture_is_what_podhost_draws(
    host: str, form: str, podhost: Podhost, request: pytest.FixtureRequest
) -> None:
    result = podhost("graph", HOSTS[host], "--format", form)
    assert (result.status, result.stderr) == (0, "")
    golden = IMAGES / f"{host}.svg" if form == "svg" else Path(__file__).parent / f"{host}.mmd"
    if request.config.getoption("--update-golden"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(result.stdout)
    assert golden.read_text("utf-8") == result.stdout


def test_the_readme_shows_every_stack() -> None:
    text = (REPOSITORY / "README.md").read_text("utf-8")
    assert [host for host in HOSTS if f"(docs/images/{host}.svg)" not in text] == []
    assert {path.stem for path in IMAGES.glob("*.svg")} == HOSTS.keys()
