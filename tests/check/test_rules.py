"""Every rule finds its mistake, at its place and with its words, and nothing in the mended twin."""

from __future__ import annotations

from pathlib import Path

import pytest

from podhost.check.rules import RULES
from tests.check.cases import Case, every, lay_out, told
from tests.support import Podhost

CASES = every()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case(case: Case, podhost: Podhost, tmp_path: Path) -> None:
    lay_out(case.text, tmp_path)
    podhost.use(tmp_path / "library")
    result = podhost("check", "host.yaml", *case.arguments)
    assert told(result.stderr, tmp_path) == case.expected
    assert bool(case.expected) is case.wrong
    assert result.stdout == ""
    assert result.status == any(line.startswith("error: ") for line in case.expected)


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_has_a_wrong_and_a_right_case(name: str) -> None:
    mine = [case for case in CASES if case.family == name.split("/")[0]]
    found = {case.path.name.split(".")[0] for case in mine if name in case.rules}
    assert found, f"no case in tests/errors/check expects [{name}]"
    assert {case.path.name.split(".")[0] for case in mine if not case.wrong} >= found
