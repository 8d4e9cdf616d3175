"""docs/rules/ is what the rules' docstrings say; `make golden` writes it anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from podhost.check.rules import RULES
from tests.support import REPOSITORY, Podhost

FOLDER = REPOSITORY / "docs/rules"
INDEX = """\
# The rules of `podhost check`

`podhost check TARGET` holds all of them; `podhost render` holds those of severity error, and refuses what breaks one.
`podhost check --explain RULE` prints a page, `podhost check --rules` this list.

A rule is silenced in the stack file for that stack, or in the host file for the whole host, with the reason:

```yaml
silence:
  images/latest: the image is rebuilt each night, and has no other tag
```

| rule | severity | what it finds |
|---|---|---|
"""


def pages() -> dict[str, str]:
    """Every page by its path below docs/rules."""
    found = {f"{name}.md": rule.page for name, rule in RULES.items()}
    rows = (f"| [{name}]({name}.md) | {rule.severity.value} | {rule.summary} |" for name, rule in sorted(RULES.items()))
    return found | {"README.md": INDEX + "\n".join(rows) + "\n"}


def test_the_pages_are_the_docstrings(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-golden"):
        for path, text in pages().items():
            (FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
            (FOLDER / path).write_text(text)
    there = {path.relative_to(FOLDER).as_posix(): path.read_text("utf-8") for path in FOLDER.rglob("*.md")}
    assert there == pages()


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_page_says_why_and_how_to_mend(name: str) -> None:
    """And who says so, where it is not podhost itself."""
    rule = RULES[name]
    heads = [line for line in rule.page.splitlines() if line.startswith("## ")]
    assert heads[:2] == ["## Why it is wrong", "## How to mend it"]
    assert rule.summary.endswith(".")
    if rule.severity.value == "error" and not name.startswith("silence/"):
        assert heads[2:] == ["## Who says so"]


def test_explain_prints_the_page(podhost: Podhost) -> None:
    result = podhost("check", "--explain", "selinux/shared-private-label")
    assert (result.status, result.stderr) == (0, "")
    assert result.stdout == Path(FOLDER / "selinux/shared-private-label.md").read_text("utf-8")


def test_explain_knows_what_was_meant(podhost: Podhost) -> None:
    result = podhost("check", "--explain", "selinux/shared-privat-label")
    assert result.status == 1
    assert result.stderr == (
        "error: there is no rule 'selinux/shared-privat-label'\n  hint: did you mean 'selinux/shared-private-label'?\n"
    )


def test_rules_are_listed(podhost: Podhost) -> None:
    result = podhost("check", "--rules")
    assert [line.split()[0] for line in result.stdout.splitlines()] == sorted(RULES)
