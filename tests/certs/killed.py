"""Kill `podhost cert run` at the Nth time of each system call that writes, for every N: `python -m tests.certs.killed CALLS CONFIG`.

Each run begins with the same store, and is stopped until strace has taken hold of it; a second run then has to mend what the first one left.
What is found goes to standard output as JSON: for each kill the pair that is current after the kill, and after the second run, and its orders.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import yaml
from cryptography import x509

from podhost import cli
from podhost.certs import keys, renew, state
from podhost.cli import cert

IMPORTED = (renew, cert)  # before the first fork, so that no child has to


def current(store: Path) -> str | None:
    """The version that is current, which has to be a whole pair; None when there is none."""
    link = store / "certificates/web/current"
    if not link.is_symlink():
        return None
    folder = link.parent / link.readlink()
    leaf = x509.load_pem_x509_certificate((folder / "fullchain.pem").read_bytes())
    assert leaf.public_key() == keys.from_pem((folder / "privkey.pem").read_bytes()).public_key(), "a mix"
    return folder.name


def run(config: str, traced: list[str] | None, log: Path) -> int:
    """Run in a child; give its exit status as waitpid has it."""
    child = os.fork()
    if child == 0:
        if traced:
            os.kill(os.getpid(), signal.SIGSTOP)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.argv = ["podhost", "cert", "run", "--config", config]
        try:
            cli.main()
        except SystemExit as end:
            os._exit(int(end.code or 0))
        os._exit(99)
    if not traced:
        return os.waitpid(child, 0)[1]
    os.waitpid(child, os.WUNTRACED)
    with subprocess.Popen([*traced, "-p", str(child)], stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr
        assert "attached" in strace.stderr.readline()
        os.kill(child, signal.SIGCONT)
        status = os.waitpid(child, 0)[1]
        strace.stderr.read()
    return status


def sweep(calls: str, config: str) -> Iterator[dict[str, object]]:
    settings = yaml.safe_load(Path(config).read_text())
    store = Path(config).parent / settings["store"]
    log = Path(config).parent / "log"
    before = store.with_name("before")
    if store.exists():
        shutil.copytree(store, before, symlinks=True)
    for call in calls.split(","):
        for number in range(1, 1000):
            shutil.rmtree(store, ignore_errors=True)
            if before.exists():
                shutil.copytree(before, store, symlinks=True)
            # strace counts each system call by itself.
            inject = ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}"]
            status = run(config, ["strace", "-o", "/dev/null", *inject], log)
            killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
            assert killed or status == 0, log.read_text()
            after = current(store)
            if (store / "state.json").exists():
                state.parse((store / "state.json").read_bytes())
            assert run(config, None, log) == 0, f"{call} {number}: {log.read_text()}"
            mended = current(store)
            assert (store / "changed").read_text() == f"web {mended}\n"
            ledgers = json.loads((store / "state.json").read_text())["authorities"].values()
            orders = sum(len(each["orders"]) for each in ledgers)
            yield {"call": call, "killed": killed, "after": after, "mended": mended, "orders": orders}
            if not killed:
                break


if __name__ == "__main__":
    begin = time.monotonic()
    json.dump(list(sweep(*sys.argv[1:])), sys.stdout)
    print(f"{time.monotonic() - begin:.1f} s", file=sys.stderr)
