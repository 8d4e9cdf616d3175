"""What a rule is, and the register of all of them.

A rule is a function that takes a `Subject` and yields a `Finding` for each place that breaks it.
Its docstring is its page: the first line says what it finds, the paragraphs behind it why that is wrong, how to mend it, and who says so.
Some rules are held earlier, while a stack is read or a unit written, because without them there is no plan: those have a page alone.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from podhost.check.subject import Subject
from podhost.problems import Mark, Severity

ERROR, WARNING = Severity.ERROR, Severity.WARNING


class Finding(NamedTuple):
    """A place that breaks a rule. `service` is the stack that may silence it; what no stack is about has none."""

    message: str
    mark: Mark | None
    hint: str = ""
    service: str = ""


Function = Callable[[Subject], Iterable[Finding]]


class Rule(NamedTuple):
    """A rule: `text` is its docstring; `find` is None for one that is held where stacks are read and units written.

    A rule with `late` needs the Ignition config, which there is only when nothing else was wrong.
    """

    id: str
    severity: Severity
    text: str
    find: Function | None
    late: bool = False

    @property
    def summary(self) -> str:
        """What the rule finds, in one line."""
        return self.text.split("\n", 1)[0]

    @property
    def page(self) -> str:
        """The rule's page in docs/rules, in Markdown."""
        parts = [f"# {self.id}", self.summary, f"Severity: {self.severity.value}.{'' if self.find else _EARLY}"]
        for paragraph in self.text.split("\n\n")[1:]:
            head, _, rest = paragraph.partition(":")
            parts.append(f"## {_HEADS[head]}\n\n{_sentence(rest.strip())}" if head in _HEADS else paragraph)
        return "\n\n".join(parts) + "\n"


def _sentence(text: str) -> str:
    """Text that begins as a sentence does; programs and manual pages keep their names."""
    name = re.match(r"(podman|podhost|systemd|containers|capabilities|container-selinux|github)\b|[\w.-]+\(\d\)", text)
    return text if name else text[:1].upper() + text[1:]


_HEADS = {"Why": "Why it is wrong", "Mend": "How to mend it", "Source": "Who says so"}
_EARLY = "\nIt is found while the stack is read, and cannot be silenced: without it there is no host."

RULES: dict[str, Rule] = {}
"""All rules by id, as their families register them."""


def rule(name: str, severity: Severity, *, late: bool = False) -> Callable[[Function], Function]:
    """Register a function as the rule of that name."""

    def register(function: Function) -> Function:
        _add(Rule(name, severity, inspect.cleandoc(function.__doc__ or ""), function, late))
        return function

    return register


def early(name: str, text: str, severity: Severity = ERROR) -> None:
    """Register a rule that is held elsewhere, with its page."""
    _add(Rule(name, severity, inspect.cleandoc(text), None))


def _add(each: Rule) -> None:
    assert each.id not in RULES, each.id
    RULES[each.id] = each
