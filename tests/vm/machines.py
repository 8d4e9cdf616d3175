"""Running `podhost vm` as a user does: in processes of its own, with everything that they keep in one folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.e2e.client import Answer, request

from .server import Server

PATIENCE = 600  # seconds; a boot takes a fifth of it without KVM, on two cores that others use too


class Run:
    """One `podhost vm run`: its `steps` with their seconds, and all that it has said."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        """All that it has said."""
        return self.log.read_text(errors="replace")

    @property
    def steps(self) -> list[str]:
        """The steps of the boot, without their seconds."""
        return [line.partition(" s  ")[2] for line in self.said.splitlines() if " s  " in line[:12]]

    def wait_for(self, text: str) -> None:
        """Wait until it has said a text; an end before that is an error."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.said:
            assert self.process.poll() is None, f"it ended without {text!r}:\n{self.said}"
            assert time.monotonic() < deadline, f"no {text!r} within {PATIENCE} s:\n{self.said}"
            time.sleep(0.5)

    def wait(self) -> int:
        """Wait for its end, and give its status."""
        return self.process.wait(PATIENCE)

    def interrupt(self) -> int:
        """Press ctrl-C, and wait for its end."""
        os.kill(self.process.pid, signal.SIGINT)
        return self.wait()


class Machines:
    """`podhost vm` in the environment of the tests."""

    def __init__(self, folder: Path, stream: Server) -> None:
        self.state = folder / "state" / "podhost" / "vm"
        self._folder = folder
        self._runs: list[Run] = []
        self.environment = {
            **os.environ,
            "XDG_CACHE_HOME": str(folder / "cache"),
            "XDG_STATE_HOME": str(folder / "state"),
            "PODHOST_STREAMS_URL": stream.url,
        }

    def run(self, target: str | Path, *options: str | Path) -> Run:
        """Start `podhost vm run`."""
        command = [sys.executable, "-m", "podhost", "vm", "run", str(target), "--accel", "tcg", *map(str, options)]
        run = Run(command, self.environment, self._folder / f"run-{len(self._runs)}.log")
        self._runs.append(run)
        return run

    def __call__(self, *arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run another `podhost vm` to its end."""
        command = [sys.executable, "-m", "podhost", "vm", *map(str, arguments)]
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 0 or not check, f"{arguments}: {done.stdout}{done.stderr}"
        return done

    def ssh(self, name: str, script: str, *, check: bool = True) -> str:
        """Have a machine run a script as root, and give what it prints, errors too."""
        done = subprocess.run(
            [sys.executable, "-m", "podhost", "vm", "ssh", name, "sudo sh -s 2>&1"],
            env=self.environment,
            input=script,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0 or not check, f"{script}: {done.stdout}{done.stderr}"
        return done.stdout

    def qemus(self) -> list[int]:
        """The processes of QEMU that have a disk in the state folder."""
        found = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = entry.read_bytes()
            except OSError:
                continue
            if words.startswith((b"qemu-system", b"/usr/bin/qemu-system")) and str(self.state).encode() in words:
                found.append(int(entry.parent.name))
        return found

    def close(self) -> None:
        """End what still runs."""
        for run in self._runs:
            if run.process.poll() is None:
                run.process.kill()
                run.process.wait()


def ask(url: str, **options: object) -> Answer:
    """Ask a service of a machine, through the port of 127.0.0.1 that leads to it."""
    return request("127.0.0.1", url, timeout=60, **options)  # type: ignore[arg-type]
