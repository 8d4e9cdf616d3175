"""A check's result as data: for scripts, and as SARIF 2.1.0 for code hosts.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from podhost import __version__
from podhost.check.rules import RULES
from podhost.problems import Problem

Silenced = Sequence[tuple[Problem, str]]

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def as_json(problems: Sequence[Problem], silenced: Silenced) -> dict[str, Any]:
    """Give the problems, and those that were silenced with their reasons; `rule` is null for what no rule found."""
    return {
        "problems": [_problem(each) for each in problems],
        "silenced": [{**_problem(each), "reason": reason} for each, reason in silenced],
    }


def _problem(problem: Problem) -> dict[str, Any]:
    mark = problem.mark
    return {
        "severity": problem.severity.value,
        "rule": problem.rule or None,
        "message": problem.message,
        "hint": problem.hint or None,
        "file": mark.source.name if mark else None,
        "line": mark.line if mark else None,
        "column": mark.column if mark else None,
        "length": mark.length if mark else None,
    }


def as_sarif(problems: Sequence[Problem], silenced: Silenced, main: str) -> dict[str, Any]:
    """Give a SARIF log; what has no place of its own is laid to the file `main`, as code hosts want one."""
    results = [_result(each, main) for each in problems]
    for each, reason in silenced:
        suppressions = [{"kind": "inSource", "justification": reason}]
        results.append({**_result(each, main), "suppressions": suppressions})
    used = sorted({result["ruleId"] for result in results})
    driver = {"name": "podhost", "version": __version__, "rules": [_rule(each) for each in used]}
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }


def _rule(name: str) -> dict[str, Any]:
    known = RULES.get(name)
    if known is None:
        return {"id": name, "shortDescription": {"text": "What keeps a host from being read."}}
    return {
        "id": name,
        "shortDescription": {"text": known.summary},
        "help": {"text": known.text, "markdown": known.page},
        "defaultConfiguration": {"level": known.severity.value},
    }


def _result(problem: Problem, main: str) -> dict[str, Any]:
    mark = problem.mark
    text = problem.message + (f"\n{problem.hint}" if problem.hint else "")
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(mark.source.name if mark else main)}}
    if mark:
        place["region"] = {
            "startLine": mark.line,
            "startColumn": mark.column,
            "endColumn": mark.column + max(1, mark.length),
        }
    return {
        "ruleId": problem.rule or "input",
        "level": problem.severity.value,
        "message": {"text": text},
        "locations": [{"physicalLocation": place}],
    }
