"""What all tests share: fixtures, the profiles of hypothesis, and no skips where everything is meant to run."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import hypothesis
import pytest
from hypothesis.configuration import set_hypothesis_home_dir

from podhost.build import Builder
from tests.support import Podhost

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)
CI = os.environ.get("CI") == "true"

# What a shell starts in the background ignores SIGINT, and so do its children: the tests of interrupts would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)

set_hypothesis_home_dir(Path(__file__).parent / ".cache" / "hypothesis")
hypothesis.settings.register_profile("quick", max_examples=40, deadline=None, print_blob=True)
hypothesis.settings.register_profile("ci", parent=hypothesis.settings.get_profile("quick"), derandomize=True)
hypothesis.settings.register_profile(
    "soak", parent=hypothesis.settings.get_profile("quick"), max_examples=3000, database=None
)
hypothesis.settings.load_profile("soak" if os.environ.get("PODHOST_SOAK") == "1" else "ci" if CI else "quick")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="Write what podhost renders and prints now into tests/golden, docs/rules and schemas, to review as a diff.",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "covered(where): CI may skip this test, because WHERE shows the same there; it must say what that is.",
    )


# With CI=true a skipped test, or file of tests, has failed: a check that did not run has shown nothing.


def _fail_for_skip(report: Report) -> Report:
    if CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} may not be skipped with CI=true: {reason.removeprefix('Skipped: ')}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return report if item.get_closest_marker("covered") else _fail_for_skip(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _fail_for_skip((yield))


@pytest.fixture(scope="session")
def builder() -> Builder:
    """One builder for all tests: it has read each stack, and compiled each template, once."""
    return Builder()


@pytest.fixture
def podhost(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Podhost:
    """The command line, in this process and in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Podhost(monkeypatch)
