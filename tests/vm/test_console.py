"""What consoles and journals say, read line by line; the lines are real ones."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from podhost.vm import boot, console

UNITS = {
    "matrix-postgres": "PostgreSQL for Synapse",
    "matrix-element-web": "Element Web, the Matrix client in the browser",
    "matrix-nginx": "nginx, which ends TLS and hands requests on",
    "matrix-nginx-http": "nginx for port 80, which answers ACME challenges and leads everything else to HTTPS",
}
ESC = "\x1b"


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("Starting matrix-postgres.service - PostgreSQL for Synapse...", "matrix-postgres starts"),
        ("Started matrix-postgres.service - PostgreSQL for Synapse.", "matrix-postgres is up"),
        ("Started PostgreSQL for Synapse.", "matrix-postgres is up"),
        ("Failed to start matrix-postgres.service - PostgreSQL for Synapse.", "matrix-postgres failed"),
        (
            "Dependency failed for matrix-nginx.service - nginx, which ends TLS and hands requests on.",
            "matrix-nginx failed",
        ),
        (
            f"[{ESC}[0;32m  OK  {ESC}[0m] Started {ESC}[0;1;39mmatrix-postgres.service{ESC}[0m - PostgreSQL for Synapse.\r",
            "matrix-postgres is up",
        ),
        (
            f"[{ESC}[0;1;31mFAILED{ESC}[0m] Failed to start {ESC}[0;1;39mmatrix-postgres.service{ESC}[0m - PostgreSQL for Synapse.\r",
            "matrix-postgres failed",
        ),
        (
            f"         Starting {ESC}[0;1;39mmatrix-nginx-http.service…{ESC}[0mads everything else to HTTPS...\r",
            "matrix-nginx-http starts",
        ),
        (
            f"         Starting {ESC}[0;1;39mignition-files.service{ESC}[0m - Ignition (files)...\r",
            "Ignition makes the host",
        ),
        # what is somebody else's
        ("Starting matrix-element-web-image.…io/vectorim/element-web:v1.12.20...", ""),
        ("Started matrix-pod.service - Pod matrix.", ""),
        ("Started sshd.service - OpenSSH server daemon.", ""),
        ("chat login: ", ""),
    ],
)
def test_a_line_tells_how_far_the_boot_is(line: str, step: str) -> None:
    boot = console.Boot(UNITS)
    assert boot.read(line) == step
    assert boot.started == ({step.split()[0]} if step.endswith("is up") else set())
    assert not boot.failed


@pytest.mark.parametrize(
    "line",
    [
        f"[{ESC}[0;1;31mFAILED{ESC}[0m] Failed to start {ESC}[0;1;39mignition-files.service{ESC}[0m - Ignition (files).\r",
        "Ignition has failed. Please ensure your config is valid. Note that only",
        f"[{ESC}[0;32m  OK  {ESC}[0m] Reached target {ESC}[0;1;39memergency.target{ESC}[0m - Emergency Mode.",
    ],
)
def test_a_line_tells_that_ignition_failed(line: str) -> None:
    boot = console.Boot(UNITS)
    boot.read(line)
    assert boot.failed


def test_a_unit_of_another_that_fails_is_no_failure_of_ignition() -> None:
    boot = console.Boot(UNITS)
    boot.read("[FAILED] Failed to start auditd.service - Security Audit Logging Service.")
    assert not boot.failed


def test_what_ignition_calls_critical_is_the_reason() -> None:
    log = [
        "[   18.1] ignition[613]: INFO     : files: createFilesystemsFiles: createFiles: op(3): [started] writing file",
        "[   18.2] ignition[613]: ERROR    : files: something else first",
        "[   18.3] ignition[613]: CRITICAL : failed to create files: op(3): no room",
        "[   18.4] ignition[613]: CRITICAL : Ignition failed: that again",
    ]
    assert console.reason(log) == (3, log[2].index("failed") + 1, len("failed to create files: op(3): no room"))
    assert console.reason(log[:2]) == (2, log[1].index("files") + 1, len("files: something else first"))
    assert console.reason(log[:1]) is None


def test_a_stage_that_logs_no_level_tells_its_reason_too() -> None:
    log = [
        "Nov 24 15:54:55 ignition[384]: disks: createFilesystems: op(1): [failed]   waiting for devices: timed out",
        "Nov 24 15:54:55 ignition[384]: failed to wait on filesystems devs: device unit timeout",
        "Nov 24 15:54:55 ignition[384]: Ignition failed: the same",
    ]
    assert console.reason(log) == (2, 32, len(log[1]) - 31)
    assert console.reason(log[:1]) == (1, 32, len(log[0]) - 31)


def test_only_whole_lines_are_read(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    log.write_bytes(b"one\ntw")
    assert list(console.lines(log)) == [(4, "one\n")]
    log.write_bytes(b"one\ntwo\n\xff\n")
    assert list(console.lines(log, 4)) == [(8, "two\n"), (10, "\N{REPLACEMENT CHARACTER}\n")]


def test_lines_are_counted_as_editors_do(tmp_path: Path) -> None:
    """A console redraws a line after a carriage return; that is one line still."""
    log = tmp_path / "console.log"
    log.write_bytes(
        b"one\r\n[  *  ] Job\r[ *   ] Job\r\n[ 1.0] ignition[4]: CRITICAL : no room\r\nIgnition has failed.\r\n"
    )
    with subprocess.Popen(["sleep", "60"]) as process:
        report = boot.ignition_failed(process, log).report
        process.kill()
    (problem,) = report.problems
    assert str(problem) == (
        f"{log}:3:32: error: Ignition failed, and the machine did not start: no room\n"
        "    3 | [ 1.0] ignition[4]: CRITICAL : no room\n"
        "      |                                ^~~~~~~\n"
        "  hint: mend the description, and run it again with --reset"
    )
