from __future__ import annotations

from pathlib import Path

import pytest

from podhost.library import Library
from podhost.problems import InvalidInput
from tests.support import REPOSITORY, make_library

STACK = "stack: example\nsummary: x\ncontainers:\n  web: {image: 'docker.io/library/nginx:1.30'}\n"


def test_the_repository_is_a_library() -> None:
    library = Library()
    assert library.names == tuple(sorted(path.parent.name for path in (REPOSITORY / "stacks").glob("*/stack.yaml")))
    assert {
        "podhost-secrets",
        "secrets.service",
        "podhost-certificates",
        "certificates.service",
    } <= library.units.keys()
    assert {"base.bu", "updates.bu", "data-disk.bu", "swap.bu"} <= library.snippets.keys()


@pytest.mark.parametrize("name", Library().names)
def test_every_stack_can_be_read(name: str) -> None:
    folder = Library().stack(name)
    assert folder.spec.stack == name
    assert folder.demo.is_file()
    used = {file for container in folder.spec.containers.values() for file in container.files.values()}
    used |= {unit.template for unit in folder.spec.units.values()}
    assert folder.files.keys() == used  # no file is there for nothing


def test_a_stack_is_read_once(tmp_path: Path) -> None:
    library = make_library(tmp_path, STACK)
    first = library.stack("example")
    (tmp_path / "stacks/example/stack.yaml").write_text("broken: [")
    assert library.stack("example") is first


def test_templates_are_found_at_any_depth(tmp_path: Path) -> None:
    library = make_library(tmp_path, STACK, **{"a.conf": "x"})
    (tmp_path / "stacks/example/files/sub").mkdir()
    (tmp_path / "stacks/example/files/sub/b.conf").write_text("y")
    assert {name: source.text for name, source in library.stack("example").files.items()} == {
        "a.conf": "x",
        "sub/b.conf": "y",
    }


def test_a_template_that_is_no_text_is_said(tmp_path: Path) -> None:
    library = make_library(tmp_path, STACK)
    path = tmp_path / "stacks/example/files/x.conf"
    path.write_bytes(b"a\xff")
    with pytest.raises(InvalidInput) as caught:
        library.stack("example")
    assert str(caught.value).startswith(f"{path}:1:2: error: this is not UTF-8 text")


def test_folders_without_a_stack_file_are_no_stacks(tmp_path: Path) -> None:
    library = make_library(tmp_path, STACK)
    (tmp_path / "stacks/notes").mkdir()
    (tmp_path / "stacks/README.md").write_text("x")
    assert library.names == ("example",)
