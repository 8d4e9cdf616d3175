#!/usr/local/bin/python
"""The contract of the official image's entrypoint: run Synapse with SYNAPSE_CONFIG_PATH, as 991:991 (UID, GID) if started as root."""

import os
import platform
import sys
from pathlib import Path


def main() -> None:
    arguments = sys.argv[1:] or ["run"]
    if arguments[0] != "run":
        sys.exit(f"mode {arguments[0]!r}: this stand-in of the image knows 'run' only")
    arguments = arguments[1:]
    if "-m" not in arguments:
        arguments = ["-m", os.environ.get("SYNAPSE_WORKER", "synapse.app.homeserver"), *arguments]
    if not any(argument.startswith(("-c", "--config-path")) for argument in arguments):
        folder = os.environ.get("SYNAPSE_CONFIG_DIR", "/data")
        path = os.environ.get("SYNAPSE_CONFIG_PATH", f"{folder}/homeserver.yaml")
        if not Path(path).exists():
            sys.exit(f"Config file {path!r} does not exist.")
        arguments += ["--config-path", path]
    command = [sys.executable, *arguments]
    if os.getuid() == 0 or "UID" in os.environ:
        uid, gid = os.environ.get("UID", "991"), os.environ.get("GID", "991")
        command = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *command]
    jemalloc = f"/usr/lib/{platform.machine()}-linux-gnu/libjemalloc.so.2"
    if Path(jemalloc).exists():
        os.environ["LD_PRELOAD"] = jemalloc
    os.execvp(command[0], command)


main()
