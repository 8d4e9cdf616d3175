"""Running the rules over a host, and keeping quiet about what its files silence."""

from __future__ import annotations

from typing import Any

# Each import registers a family's rules.
from podhost.check import host, images, order, ports, secrets, selinux, silence, tls, units  # noqa: F401
from podhost.check.rules import ERROR, RULES, Finding, Rule
from podhost.check.subject import Subject, Target
from podhost.fileset import FileSet
from podhost.plan import Plan, Silence
from podhost.problems import Problem, Report, did_you_mean


class Checker:
    """Checks one host, in two stages: `plan` over what it means and has, `config` over the Ignition config.

    With `every` all rules speak, and so do silences that are of no use; without it those of severity error alone.
    """

    def __init__(self, target: Target, *, every: bool = False) -> None:
        self.target = target
        self.every = every
        self.silenced: list[tuple[Problem, str]] = []
        self._used: set[tuple[str, str]] = set()

    def plan(self, planned: Plan, files: FileSet, report: Report) -> None:
        """Check what a host means and has."""
        self._run(Subject(planned, files, self.target), report, late=False)
        self._silences(planned, report, late=False)

    def config(self, planned: Plan, files: FileSet, config: dict[str, Any], report: Report) -> None:
        """Check what becomes of it, the administrator's own Butane included."""
        self._run(Subject(planned, files, self.target, config), report, late=True)
        self._silences(planned, report, late=True)

    def _run(self, subject: Subject, report: Report, *, late: bool) -> None:
        reasons = {("", each.rule): each.reason for each in subject.plan.silence}
        reasons |= {
            (service.name, each.rule): each.reason for service in subject.plan.services for each in service.silence
        }
        for each in RULES.values():
            if each.find and each.late is late and (self.every or each.severity is ERROR):
                for finding in each.find(subject):
                    self._take(each, finding, reasons, report)

    def _take(self, each: Rule, finding: Finding, reasons: dict[tuple[str, str], str], report: Report) -> None:
        problem = Problem(each.severity, finding.message, finding.mark, finding.hint, each.id)
        for key in ((finding.service, each.id), ("", each.id)):
            if key in reasons:
                self._used.add(key)
                self.silenced.append((problem, reasons[key]))
                return
        report.add(problem)

    def _silences(self, planned: Plan, report: Report, *, late: bool) -> None:
        """Report silences that are none: with `late` those of late rules, otherwise those of all others."""
        places = [("", planned.silence), *((each.name, each.silence) for each in planned.services)]
        for service, silences in places:
            for each in silences:
                known = RULES.get(each.rule)
                if bool(known and known.late) is not late:
                    continue
                if problem := self._useless(service, each, known):
                    report.add(problem)

    def _useless(self, service: str, each: Silence, known: Rule | None) -> Problem | None:
        if known is None:
            hint = did_you_mean(each.rule, RULES) or "podhost check --rules lists them"
            return Problem(ERROR, f"there is no rule '{each.rule}'", each.mark, hint, "silence/unknown-rule")
        if known.find is None:
            hint = "leave the silence out, and mend what the rule finds"
            return Problem(ERROR, f"'{each.rule}' cannot be silenced", each.mark, hint, "silence/unknown-rule")
        if not each.reason.strip():
            return Problem(ERROR, f"'{each.rule}' is silenced without a reason", each.mark, "", "silence/no-reason")
        if self.every and (service, each.rule) not in self._used:
            return Problem(
                RULES["silence/unused"].severity,
                f"'{each.rule}' finds nothing here",
                each.mark,
                "leave the silence out",
                "silence/unused",
            )
        return None
