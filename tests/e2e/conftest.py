"""Fixtures for tests that boot whole hosts."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator

import pytest

from .acme import PROGRAM as PEBBLE
from .acme import Pebble
from .bed import Bed, open_bed
from .testhost import IGNITION


@pytest.fixture(scope="package")
def bed() -> Iterator[Bed]:
    """The test bed of all tests in this folder; skips where this machine cannot have one.

    From its first test to its last, the thread that runs the tests is in the bed's namespaces.
    """
    if os.geteuid() != 0:
        pytest.skip("booting hosts needs root")
    for program in ("mmdebstrap", "systemd-nspawn", "docker-registry", "ssh", IGNITION):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing: tests/e2e/setup installs what booting hosts needs")
    refused = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, text=True, check=False)
    if refused.returncode != 0:
        pytest.skip(f"booting hosts needs namespaces, which root cannot make here: {refused.stderr.strip()}")
    # Python ends at once on SIGTERM; as an interrupt it lets the fixtures clean up.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with open_bed() as opened:
            yield opened
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="package")
def acme(bed: Bed) -> Iterator[Pebble]:
    """An ACME server that all hosts of this folder's tests may ask."""
    if not PEBBLE.exists():
        pytest.skip("Pebble is missing: tests/certs/setup builds it")
    server = Pebble(bed.network, bed.folder("acme"))
    server.start()
    yield server
    server.stop()
