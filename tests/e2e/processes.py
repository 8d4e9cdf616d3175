"""Starting processes that cannot outlive the tests."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path


def start(
    command: list[str], log: Path, *, cgroup: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start `command` with its output in `log`; the kernel kills it when the thread that started it ends, however that ends.

    `cgroup` is the control group to start it in.
    """
    # setpriv sets the parent-death signal and becomes the command; the shell before it becomes setpriv.
    enter = f"echo $$ > {shlex.quote(str(cgroup))}/cgroup.procs; " if cgroup else ""
    words = ["sh", "-c", f'{enter}exec setpriv --pdeathsig KILL "$@"', "sh", *command]
    with log.open("ab") as output:
        return subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env, start_new_session=True
        )


def stop(process: subprocess.Popen[bytes], *, patience: float = 10) -> None:
    """End `process` with SIGTERM, and with SIGKILL after `patience` seconds; one that has ended is left alone."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
