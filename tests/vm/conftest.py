"""Fixtures for tests that boot virtual machines."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.network import private_namespaces
from tests.e2e.testhost import IGNITION as DEBIAN_IGNITION

from .machines import Machines
from .server import Server
from .testimage import IGNITION, test_image

PROGRAMS = ("qemu-system-x86_64", "qemu-img", "setfiles", "sfdisk", "mkfs.ext4", "xz", "ssh")


@pytest.fixture(scope="package")
def stream() -> Iterator[Server]:
    """A server of the test image's stream; skips where this machine cannot make the image.

    From the first test to the last, the thread that runs the tests is in a network of its own.
    """
    if os.geteuid() != 0 or not sys.platform.startswith("linux"):
        pytest.skip("making the test image needs root")
    for program in (*PROGRAMS, "mmdebstrap", "systemd-nspawn", "docker-registry", DEBIAN_IGNITION, IGNITION):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing: tests/setup installs what virtual machines need")
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        image = test_image()
        with private_namespaces():
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            with Server(image.folder / "served").running() as server:
                yield server
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="package")
def machines(stream: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """`podhost vm`, with a cache and a state folder of the tests' own; what still runs at the end is killed."""
    made = Machines(tmp_path_factory.mktemp("vm"), stream)
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for a host file and what belongs to it."""
    return tmp_path
