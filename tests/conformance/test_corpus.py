"""The corpus: every case through podhost and through the real Butane and Ignition.

`cases/` holds Butane documents by topic, `files/` the local files that they name.
`recorded.json` is what the real Butane 0.29.0 said of each, so that the corpus shows something on machines without it too;
`pytest tests/conformance --update-golden` writes it anew where Butane is installed.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from podhost import ignition
from tests.conformance import real
from tests.conformance.ours import translate

HERE = Path(__file__).parent
FILES = HERE / "files"
CASES = sorted(path.relative_to(HERE / "cases").with_suffix("").as_posix() for path in (HERE / "cases").rglob("*.bu"))
SUPPORTED = [case for case in CASES if not case.startswith("unsupported/")]
RECORD = HERE / "recorded.json"

# Where the verdict is compared, and the places are not: docs/butane.md, "What differs, on purpose".
ELSEWHERE = ("inner/", "alias/", "yaml/not-yaml", "yaml/unclosed-quote")

needs_butane = pytest.mark.skipif(bool(absent := real.missing(real.BUTANE)), reason=absent)
needs_ignition = pytest.mark.skipif(bool(absent := real.missing(real.IGNITION_VALIDATE)), reason=absent)


def read(case: str) -> bytes:
    return (HERE / "cases" / f"{case}.bu").read_bytes()


def test_the_corpus_is_as_large_as_it_should_be() -> None:
    assert len(SUPPORTED) >= 250


@needs_butane
@pytest.mark.parametrize("case", SUPPORTED)
def test_a_case_is_translated_as_butane_does(case: str) -> None:
    theirs = real.butane(read(case), FILES)
    ours = translate(read(case), FILES)
    assert real.normal(ours.config) == real.normal(theirs.config)
    if not case.startswith(ELSEWHERE):
        assert ours.matches(theirs), f"{ours.text}\n--- Butane ---\n{theirs.text}"


@pytest.mark.parametrize("case", [case for case in SUPPORTED if case.startswith("inner/")])
def test_a_mistake_in_an_inline_config_is_shown_there(case: str) -> None:
    verdict = translate(read(case), FILES)
    lines = {number for number, line in enumerate(read(case).decode().splitlines(), 1) if "inline:" in line}
    assert {line for _, line, _ in verdict.places} <= lines
    assert verdict.places or case == "inner/good"


@pytest.mark.parametrize("case", ["alias/anchors", "alias/merge-keys"])
def test_aliases_are_no_reason_for_a_warning(case: str) -> None:
    assert translate(read(case), FILES).text == ""


@needs_ignition
@pytest.mark.parametrize("case", SUPPORTED)
def test_an_accepted_case_is_good_ignition(case: str) -> None:
    config = translate(read(case), FILES).config
    if config is not None:
        assert real.ignition_validate(ignition.dumps(config)) == ""


@pytest.mark.parametrize("case", [case for case in CASES if case not in SUPPORTED])
def test_what_podhost_does_not_support_is_refused_with_a_way_out(case: str) -> None:
    verdict = translate(read(case), FILES)
    assert verdict.config is None
    assert "is not supported" in verdict.text
    assert "hint: " in verdict.text


@needs_butane
def test_the_record_is_what_butane_says(request: pytest.FixtureRequest) -> None:
    said = {case: recorded(real.butane(read(case), FILES)) for case in SUPPORTED}
    if request.config.getoption("--update-golden"):
        lines = ",\n".join(f"{json.dumps(case)}: {json.dumps(said[case], sort_keys=True)}" for case in SUPPORTED)
        RECORD.write_text(f"{{\n{lines}\n}}\n")
    assert said == json.loads(RECORD.read_text())


def test_podhost_says_what_is_recorded() -> None:
    record = json.loads(RECORD.read_text())
    assert list(record) == SUPPORTED
    for case, said in record.items():
        ours = translate(read(case), FILES)
        theirs = real.Verdict(said["config"], {tuple(place) for place in said["places"]}, set(said["lines"]))
        assert digest(ours.config) == said["config"], case
        assert case.startswith(ELSEWHERE) or ours.matches(theirs), f"{case}\n{ours.text}\n{said}"


def recorded(verdict: real.Verdict) -> dict[str, Any]:
    return {
        "config": digest(verdict.config),
        "places": sorted(map(list, verdict.places)),
        "lines": sorted(verdict.lines),
    }


def digest(config: Any) -> str | None:
    if config is None:
        return None
    text = json.dumps(real.normal(config), sort_keys=True, default=bytes.hex)
    return hashlib.sha256(text.encode()).hexdigest()
