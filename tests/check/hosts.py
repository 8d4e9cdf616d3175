"""Hosts made of cases: what podhost would make of them if it had no rules, to see whether they really fail."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from podhost.build import Builder, Built
from podhost.check.rules import RULES
from podhost.library import Library
from podhost.problems import Report, Severity
from podhost.quadlet import convert
from podhost.resolve import values
from tests.check.cases import CASES, Case, every
from tests.support import REPOSITORY, build


def stem(case: Case) -> str:
    """The name that a wrong case and its mended twin share."""
    return case.path.name.split(".")[0]


def stack_name(case: Case) -> str:
    """A stack name for each case, so that all of them have room on one host."""
    return f"{case.family}-{stem(case)}".lower()


def wrong_cases(*families: str) -> list[Case]:
    """The wrong cases of rules of severity error."""
    return [
        case
        for case in every()
        if case.wrong and case.family in families and any(RULES[name].severity is Severity.ERROR for name in case.rules)
    ]


def right_cases(*families: str) -> list[Case]:
    """The mended twins of these."""
    names = {(case.family, stem(case)) for case in wrong_cases(*families)}
    return [case for case in every() if not case.wrong and (case.family, stem(case)) in names]


class _All(frozenset[str]):
    def __contains__(self, _: object) -> bool:
        return True


def deaf(patch: pytest.MonkeyPatch) -> None:
    """Let podhost build what its rules would refuse."""
    add = Report.add
    patch.setattr(Report, "add", lambda self, problem: None if problem.rule else add(self, problem))
    patch.setattr(values, "image", lambda text: text)
    patch.setattr(convert, "encode_systemd", lambda value: value)
    patch.setattr(convert, "MANY", _All())


def built(cases: list[Case], root: Path) -> Built:
    """One host with a stack for each case; `root` is an empty folder."""
    for shared in ("units", "butane"):
        (root / shared).symlink_to(REPOSITORY / shared)
    for case in cases:
        folder = root / "stacks" / stack_name(case)
        shutil.copytree(CASES / "files", folder / "files")
        (folder / "stack.yaml").write_text(re.sub(r"\bexample\b(?!/)", stack_name(case), case.text))
    (root / "host.yaml").write_text("stacks:\n" + "".join(f"  {stack_name(case)}:\n" for case in cases))
    return build(Builder(Library(root)), root / "host.yaml")
