"""A process that is killed, a disk that is full: the old pair is current, or the new one, and never a mix."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import pytest

from tests.certs.world import Home, Pebble, World
from tests.support import REPOSITORY

NAMES = "mkdir,rename,symlink,unlink,unlinkat,rmdir"
EVERYTHING = f"{NAMES},write,fsync,fchmod,chmod"


def sweep(home: Home, calls: str) -> list[Any]:
    """The kills, in the order of `calls`; each call ends with a run that made fewer of them, and was not killed."""
    result = home.world.run(sys.executable, "-m", "tests.certs.killed", calls, str(home.config), cwd=REPOSITORY)
    assert result.returncode == 0, result.stderr
    found: list[Any] = json.loads(result.stdout)
    kills = [each for each in found if each["killed"]]
    print(f"{len(kills)} kills in {result.stderr}")
    assert len(found) - len(kills) == len(calls.split(","))
    return found


def old_then_new(found: list[Any], old: str | None) -> None:
    """Of each system call: up to some time of it the old pair is left current, and from then on the new one."""
    for call in {each["call"] for each in found}:
        is_new = [each["after"] != old for each in found if each["call"] == call]
        assert is_new == sorted(is_new), call
        assert is_new[-1]
    assert all(each["mended"] != old for each in found)


def test_no_other_calls_write(home: Home) -> None:
    """The list of system calls is whole: a run makes none other that changes files."""
    home.set(authority="internal")
    result = home.podhost("run", prefix=("strace", "-f", "-qq", "-e", "trace=file,desc", "-e", "signal=none"))
    assert result.returncode == 0
    reading = {
        "access",
        "faccessat",
        "faccessat2",
        "stat",
        "lstat",
        "newfstatat",
        "readlink",
        "execve",
        "getcwd",
        "chdir",
        "statfs",
    }
    reading |= {
        "read",
        "pread64",
        "close",
        "fstat",
        "lseek",
        "mmap",
        "ioctl",
        "fcntl",
        "getdents64",
        "flock",
        "dup",
        "dup2",
    }
    reading |= {"openat", "open", "poll", "epoll_create1", "pipe2", "select", "pselect6", "statx", "readlinkat"}
    calls = set(re.findall(r"^(?:\[pid +\d+\] )?(\w+)\(", result.stderr, re.MULTILINE))
    assert calls - reading <= set(EVERYTHING.split(","))
    assert {"rename", "write", "fsync", "symlink", "mkdir"} <= calls


def test_killed_at_every_write_of_the_first_run(home: Home) -> None:
    home.set(authority="internal")
    found = sweep(home, EVERYTHING)
    assert len(found) > 60
    old_then_new(found, None)


def test_killed_at_every_write_of_a_renewal(home: Home) -> None:
    """Each kill leaves the old pair or the new one."""
    home.set(authority="internal")
    home.run()
    old = home.current().name
    home.set(key="ecdsa-p384")
    found = sweep(home, EVERYTHING)
    assert len(found) > 40
    old_then_new(found, old)


def test_killed_at_every_change_of_a_renewal_by_acme(world: World, home: Home) -> None:
    """A kill costs a further order only where the authority had made one and nobody had written down which."""
    patient = Pebble(world, 14300, env={"PEBBLE_AUTHZREUSE": "100"}, retryAfter={"authz": 0, "order": 0})
    home.set(authority=patient.url, preflight=False)
    home.run()
    old = home.current().name
    home.set(certificates={"web": {"names": ["example.test", "www.example.test"]}})
    (
        home.current() / "issued.json"
    ).unlink()  # else each order but the first would be made twice: the old one is replaced already
    found = sweep(home, NAMES)
    assert len(found) > 30
    old_then_new(found, old)
    assert {each["orders"] for each in found} <= {2, 3}
    assert [each["orders"] for each in found].count(3) <= 3


@pytest.mark.parametrize("room", [0, 4, 8, 16, 24, 32, 40, 64], ids=lambda room: f"{room}k")
def test_a_full_disk(home: Home, room: int) -> None:
    """However much room is left, the pair that is current stays whole; when there is room again, the new one comes."""
    home.set(authority="internal")
    home.store.mkdir()
    script = """
        set -eu
        mount -t tmpfs -o size=1m,mode=700 none "$1/store"
        podhost() { "$2" -m podhost cert "$3" --config "$1/certs.yaml"; }
        podhost "$1" "$2" run
        old=$(readlink "$1/store/certificates/web/current")
        sed -i s/ecdsa-p256/ecdsa-p384/ "$1/certs.yaml"
        head -c 2m /dev/zero >"$1/store/filler" 2>/dev/null || true
        truncate -s -"$3"k "$1/store/filler"
        status=0; podhost "$1" "$2" run 2>"$1/said" || status=$?
        new=$(readlink "$1/store/certificates/web/current")
        echo "status $status"; [ "$new" = "$old" ] && echo old || echo new
        for side in "x509 -pubkey -noout -in fullchain.pem" "pkey -pubout -in privkey.pem"; do
          (cd "$1/store/certificates/web/current" && openssl $side | sha256sum)
        done
        cat "$1/said" >&2
        rm "$1/store/filler"
        podhost "$1" "$2" run 2>/dev/null
        [ "$(readlink "$1/store/certificates/web/current")" != "$old" ] && echo mended
    """
    home.set(key="ecdsa-p256")
    command = ["unshare", "--mount", "sh", "-c", script, "sh", str(home.folder), sys.executable, str(room)]
    result = home.world.run(*command, cwd=REPOSITORY)
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    status, which, certificate, key, mended = result.stdout.splitlines()
    assert certificate == key
    assert mended == "mended"
    assert (status, which) in (("status 1", "old"), ("status 1", "new"), ("status 0", "new"))
    if status == "status 1":
        assert "No space left on device" in result.stderr
        assert "see that the disk has space" in result.stderr or "free some space" in result.stderr
    if room == 0:
        assert (status, which) == ("status 1", "old")
