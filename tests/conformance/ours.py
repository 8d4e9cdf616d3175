"""What podhost says of a document, in the form of `real`."""

from __future__ import annotations

from pathlib import Path

from podhost import butane
from podhost.document import read
from podhost.problems import Report, Source
from tests.conformance import real


class Ours(real.Verdict):
    """A verdict of podhost."""

    def matches(self, theirs: real.Verdict) -> bool:
        """Whether the problems are where Butane has them.

        Butane names line and column, the line alone for a value of the wrong type, and no place at all for what is wrong with variant or version.
        """
        if theirs.places or theirs.config is not None:
            return self.places == theirs.places
        if theirs.lines:
            return {line for severity, line, _ in self.places if severity == "error"} == theirs.lines
        return True


def translate(document: bytes, files_dir: Path | None = None) -> Ours:
    """Translate a document with podhost."""
    report = Report()
    try:
        node = read(Source("case.bu", document.decode("utf-8-sig")), report)
    except UnicodeDecodeError as error:
        return Ours(None, text=str(error))
    config = {}
    if node is not None and not report.failed:
        config = butane.translate(node, report, files_dir=files_dir)
    places = {
        (problem.severity.value, problem.mark.line, problem.mark.column) for problem in report.problems if problem.mark
    }
    return Ours(None if report.failed else config, places, text="\n".join(map(str, report.problems)))
