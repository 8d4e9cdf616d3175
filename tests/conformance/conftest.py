"""Fixtures of the conformance tests."""

from __future__ import annotations

import pytest

from tests.conformance.seeds import SEED


@pytest.fixture
def printed_seed(capfd: pytest.CaptureFixture[str]) -> int:
    """The seed, which the run then shows."""
    with capfd.disabled():
        print(f"\nPODHOST_SEED={SEED} ", end="")
    return SEED
