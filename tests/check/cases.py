"""The cases of rules, in tests/errors/check/FAMILY/: for each rule a wrong one, and its mended twin.

A case is the stack.yaml of a stack called example, or a host file for a stack called plain, and begins with what `podhost check` is to say of it:

    # args: --podman 5.5                          arguments beside the file, where it needs any
    # error: 7:11: … [ports/published-twice]
    # hint: …
    # fails: example-web                          of a wrong case: the container that SELinux stops

A right case begins with nothing of the kind. `files/` has the templates of all of them, and their Butane.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import NamedTuple

from podhost.library import Library
from tests.support import PUBLIC_KEY, make_library

CASES = Path(__file__).parent.parent / "errors" / "check"
PLAIN = "stack: plain\nsummary: Plain\ncontainers:\n  web:\n    image: docker.io/example/web:1\n"
HOST = f"ssh_keys: [{PUBLIC_KEY}]\nstacks:\n  example:\n"
_PROBLEM = r"(?:(?P<file>[^\s:]+):(?P<place>\d+:\d+): )?(?P<severity>error|warning): (?P<message>.*)"


class Case(NamedTuple):
    """A case: `expected` is what podhost is to say, each problem followed by its hint; `fails` the containers that fail."""

    path: Path
    arguments: list[str]
    expected: list[str]
    fails: list[str]

    @property
    def name(self) -> str:
        """Its family and file name, as in `ports/privileged.wrong`."""
        return f"{self.path.parent.name}/{self.path.stem}"

    @property
    def family(self) -> str:
        """The family of its rule."""
        return self.path.parent.name

    @property
    def wrong(self) -> bool:
        """Whether there is something to find."""
        return self.path.stem.endswith(".wrong")

    @property
    def text(self) -> str:
        """The file."""
        return self.path.read_text("utf-8")

    @property
    def rules(self) -> set[str]:
        """The rules that are to find something."""
        return {
            match[1] for line in self.expected if (match := re.fullmatch(r"(?:error|warning): .*\[([a-z/-]+)\]", line))
        }


def read(path: Path) -> Case:
    """Read a case."""
    case = Case(path, [], [], [])
    for line in path.read_text("utf-8").splitlines():
        word, _, rest = line.removeprefix("# ").partition(": ")
        if not line.startswith("# "):
            break
        if word == "args":
            case.arguments.extend(rest.split())
        elif word == "fails":
            case.fails.extend(rest.split())
        else:
            case.expected.append(f"{word}: {rest}")
    return case


def every() -> list[Case]:
    """All cases."""
    return [read(path) for path in sorted(CASES.glob("*/*.yaml"))]


def lay_out(text: str, root: Path, stack: str = "example") -> Library:
    """Write a case into a folder: host.yaml, and a library of the stacks that it is about."""
    is_host = re.search("^stacks:", text, re.MULTILINE) is not None
    library = make_library(root / "library", PLAIN.replace("plain", "example") if is_host else text)
    shutil.copytree(CASES / "files", root / "library/stacks/example/files", dirs_exist_ok=True)
    for name, content in (("plain", PLAIN),):
        (root / "library/stacks" / name).mkdir()
        (root / "library/stacks" / name / "stack.yaml").write_text(content)
    (root / "host.yaml").write_text(text if is_host else HOST)
    for snippet in (CASES / "files").glob("*.bu"):
        shutil.copy(snippet, root)
    return library


def told(stderr: str, root: Path) -> list[str]:
    """A report in the form of the cases' heads; places in the case itself have no file name."""
    found: list[str] = []
    for line in stderr.replace(f"{root}/library/stacks/example/", "").replace(f"{root}/", "").splitlines():
        if match := re.fullmatch(_PROBLEM, line):
            main = match["file"] in (None, "stack.yaml", "host.yaml")
            place = f"{'' if main else match['file'] + ':'}{match['place']}: " if match["place"] else ""
            found.append(f"{match['severity']}: {place}{match['message']}")
        elif line.startswith("  hint: "):
            found.append(line.strip())
    return found
