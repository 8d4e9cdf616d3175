"""From the path of a field to its place in a document, as Butane finds it."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Items

from podhost.document import Mapping, Node, Sequence
from podhost.ignition.findings import Finding, Path
from podhost.problems import Mark, Report, Severity


def mark_of(document: Node, path: Path) -> Mark:
    """Give the mark of the deepest node that exists on a path."""
    node = document
    for step in path:
        if isinstance(node, Mapping) and step in node.pairs:
            node = node.pairs[step]
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        else:
            break
    return node.mark


def add_problems(
    findings: Items[Finding], place: Callable[[Path], Mark | None], report: Report, paths: Items[Path] | None = None
) -> None:
    """Add findings to a report, each at its place; `paths` are those of the document if the findings have others."""
    for index, finding in enumerate(findings):
        mark = place(paths[index] if paths else finding.path)
        add = report.error if finding.severity is Severity.ERROR else report.warning
        add(finding.message, mark, finding.hint)
