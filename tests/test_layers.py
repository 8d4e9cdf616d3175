"""The shape of the package, as docs/design.md has it: imports point one way, and each room keeps to its own."""

from __future__ import annotations

import ast
import functools
import io
import re
import tokenize
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.support import REPOSITORY

PACKAGE = REPOSITORY / "podhost"
# Each room may import those before it, and none after it.
ROOMS = (
    *("problems", "document", "plan", "quadlet", "spec", "compose", "library", "templates", "resolve", "graph"),
    *("fileset", "render", "ignition", "butane", "check", "build", "tree", "deploy", "vm", "certs", "cli", "__main__"),
)
FILES = sorted(PACKAGE.rglob("*.py"))
MODULES = {
    ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__"): path for path in FILES
}


def room(module: str) -> str:
    return f"{module}.".split(".")[1]


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """All nodes of a file's syntax tree."""
    return tuple(ast.walk(ast.parse(path.read_text("utf-8"))))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every module that a file imports, wherever in it, with the line; those of the package by their full names."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: imports have whole names"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield node.lineno, whole if whole in MODULES else str(node.module)


def test_every_room_has_its_place() -> None:
    assert {room(module) for module in MODULES} - {""} == set(ROOMS)


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"podhost"}))
def test_imports_point_one_way(module: str) -> None:
    upwards = [
        f"{MODULES[module]}:{line}: {room(module)} imports {other}"
        for line, other in imports(MODULES[module])
        if other.startswith("podhost.") and ROOMS.index(room(other)) > ROOMS.index(room(module))
    ]
    assert upwards == []


def test_no_module_imports_itself_in_a_circle() -> None:
    """Inside a room, too: there is an order in which one can read the whole."""
    graph = {
        module: {other for _, other in imports(path) if other in MODULES and other not in (module, "podhost")}
        for module, path in MODULES.items()
    }
    assert set(TopologicalSorter(graph).static_order()) >= set(MODULES)


# What only one room may import, because it is slow, or prints, or reaches out.
RESERVED: dict[str, set[str]] = {
    "pydantic": {"spec", "certs"},
    "yaml": {"document", "ignition"},
    "jinja2": {"templates"},
    "click": {"cli"},
    "rich": {"cli"},
    # The pipeline reaches nothing, and the same input gives it the same bytes.
    **{name: set() for name in ("podman", "uuid")},
    **{name: {"certs"} for name in ("requests", "dns", "acme", "josepy", "random", "secrets", "datetime")},
    **{name: {"certs", "vm"} for name in ("socket", "http", "cryptography")},
    "urllib.request": {"vm"},
    **{name: {"certs", "vm", "cli"} for name in ("time", "shutil", "subprocess")},
    "tempfile": {"cli"},
}


@pytest.mark.parametrize("name", RESERVED)
def test_some_modules_are_for_some_rooms_alone(name: str) -> None:
    found = {
        room(module)
        for module, path in MODULES.items()
        for _, other in imports(path)
        if other == name or other.startswith(f"{name}.")
    }
    assert found <= RESERVED[name]


def test_the_pipeline_imports_no_side_wing() -> None:
    """Certificates are had on the host, and by nobody who renders one: what that needs is slow to import."""
    found = {
        room(module)
        for module, path in MODULES.items()
        for _, other in imports(path)
        if other.startswith("podhost.certs")
    }
    assert found == {"certs", "cli"}


def test_only_the_command_line_prints_or_exits() -> None:
    found = []
    for module, path in MODULES.items():
        if room(module) in ("cli", "__main__"):
            continue
        for node in nodes(path):
            name = ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""
            if name in (
                "print",
                "input",
                "exit",
                "quit",
                "sys.exit",
                "os._exit",
                "SystemExit",
                "sys.stdout",
                "sys.stderr",
            ):
                found.append(f"{path}:{getattr(node, 'lineno', 0)}: {name}")
    assert found == []


def test_only_the_command_line_machines_and_the_store_write_files() -> None:
    writers = re.compile(r"\.(write_text|write_bytes|mkdir|unlink|rename|replace_file|rmdir|symlink_to|chmod|touch)$")
    found = [
        f"{path}:{node.lineno}"
        for module, path in MODULES.items()
        if room(module) not in ("cli", "certs", "vm")
        for node in nodes(path)
        if isinstance(node, ast.Attribute) and writers.search(f".{node.attr}")
    ]
    assert found == []


def test_the_package_knows_no_stack() -> None:
    """A stack is a folder of data: its words are in no code, but for the examples of docstrings and comments."""
    words = re.compile(r"\b(matrix|synapse|element-web|postgres\w*)\b", re.IGNORECASE)
    found = []
    for path in FILES:
        text = path.read_text("utf-8")
        docstrings = {
            node.body[0].lineno
            for node in nodes(path)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None
        }
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            documentation = token.type == tokenize.COMMENT or token.start[0] in docstrings
            if not documentation and words.search(token.string):
                found.append(f"{path}:{token.start[0]}: {token.string}")
    assert found == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_file_is_one_room(path: Path) -> None:
    """Several hundred lines are a sign of two."""
    assert len(path.read_text("utf-8").splitlines()) <= (560 if path.name == "validate.py" else 450)
