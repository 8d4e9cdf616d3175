"""The table in docs/butane.md is that of the schema; `pytest tests/butane --update-golden` writes it anew."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from podhost.ignition.schema import NEWEST, SPEC_OF_VERSION, STRUCTS
from tests.support import REPOSITORY

PAGE = REPOSITORY / "docs" / "butane.md"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"


def rows(struct: str, prefix: str = "", least: int = 0, sugar: bool = False) -> Iterator[tuple[str, str, int, bool]]:
    """Every field with its path, its type, the version it came with, and whether Ignition has it too."""
    for field in STRUCTS[struct]:
        if field.derived:
            continue
        since = max(least, field.since)
        name = f"{prefix}{field.butane}{'[]' if field.many else ''}"
        if field.struct:
            yield from rows(field.type, name + ".", since, sugar or field.sugar)
        else:
            yield name, "string" if field.type == "Device" else field.type, since, sugar or field.sugar


def table() -> str:
    lines = ["| Field | Type | From version | Ignition |", "| --- | --- | --- | --- |"]
    for name, type_, since, sugar in rows("Config"):
        spec = "Butane only" if sugar else f"3.{SPEC_OF_VERSION[since]}.0"
        lines.append(f"| `{name}` | {type_} | 1.{since}.0 | {spec} |")
    return "\n".join(lines) + "\n"


def test_the_table_of_the_documentation_is_that_of_the_schema(request: pytest.FixtureRequest) -> None:
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    assert end, "the page has no place for the table"
    wanted = f"{before}{BEGIN}{table()}{END}{after}"
    if request.config.getoption("--update-golden"):
        PAGE.write_text(wanted)
    assert PAGE.read_text() == wanted


def test_the_page_names_every_version() -> None:
    page = PAGE.read_text()
    for version in range(NEWEST + 1):
        assert f"| 1.{version}.0 | 3.{SPEC_OF_VERSION[version]}.0 |" in page
