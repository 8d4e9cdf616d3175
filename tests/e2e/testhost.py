"""A host that really boots: Ignition applies its config, systemd-nspawn starts it, podman runs its containers."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any

from . import cgroups, processes
from .build import remove
from .client import Answer, request
from .network import BRIDGE, GATEWAY, GATEWAY6, Network, unplug
from .notify import Notifications

HERE = Path(__file__).parent
IGNITION = "/usr/lib/dracut/modules.d/30ignition/ignition"
_REBOOT = 133  # systemd-nspawn's exit status when the host asked for a reboot and --keep-unit is given
# A process namespace around systemd-nspawn, for a host outlives a systemd-nspawn that is killed, but not its namespace.
_UNSHARE = ["unshare", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]
# Podman needs a container that systemd-nspawn guards less than usual.
_NSPAWN = [
    "systemd-nspawn",
    "--quiet",
    "--boot",
    "--register=no",
    "--keep-unit",
    "--notify-ready=yes",
    "--console=read-only",
    "--link-journal=no",
    "--resolv-conf=off",
    "--timezone=off",
    "--capability=all",
]


class Host:
    """One test host.

    `prepared` is the root that hosts are copied from, `store` a containers storage that has the images already, or `None`.
    `config` is the Ignition config; `data` the data volume, mounted at /var/srv/containers before Ignition runs, which
    outlives the host; `None` gives the host none.
    `scratch` is an empty folder for everything that the host has of its own.
    To be made inside `private_namespaces`.
    """

    def __init__(
        self,
        name: str,
        config: bytes | str | Mapping[str, Any],
        *,
        network: Network,
        prepared: Path,
        scratch: Path,
        store: Path | None = None,
        data: Path | None = None,
        ignition: str = IGNITION,
    ) -> None:
        self.name = name
        self.config = config
        self.data = data
        self.store = store
        self.address, self.address6 = network.new_addresses()
        self.root = scratch / "root"
        self.console = scratch / "console.log"
        self.started = 0.0
        self._prepared = prepared
        self._scratch = scratch
        self._ignition = ignition
        self._mounted: list[Path] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._leader = 0
        self._notifications: Notifications | None = None
        self._booted = 0.0
        self._cgroup = cgroups.own() / f"podhost-e2e-{os.getpid()}-{name}"

    # -- the host's life

    def provision(self) -> str:
        """Make the host anew, as a new machine would be: a new root, the data volume as it is, and the config applied.

        Returns Ignition's log.
        Raises `ProvisionError` with that log where Ignition refuses the config or fails.
        """
        self.kill()
        self._discard()
        self._lay_out()
        return self._apply()

    def boot(self) -> None:
        """Start the host; `started` is the moment. Returns when its systemd runs, long before its services do."""
        assert self._process is None, f"{self.name} runs already"
        self._cgroup.mkdir()
        self._notifications = Notifications(f"podhost-e2e-{os.getpid()}-{self.name}")
        command = [
            *_UNSHARE,
            *_NSPAWN,
            f"--machine={self.name}",
            f"--hostname={self._hostname()}",
            f"--directory={self.root}",
            f"--network-bridge={BRIDGE}",
            "--system-call-filter=@mount bpf keyctl add_key",
        ]
        env = {
            **os.environ,
            "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
            "NOTIFY_SOCKET": self._notifications.address,
        }
        self._booted = 0.0
        self.started = time.monotonic()
        self._process = processes.start(command, self.console, cgroup=self._cgroup, env=env)
        self._await(r"X_NSPAWN_LEADER_PID=\d+", 30)
        self._leader = _init_below(self._process.pid)

    def wait_booted(self, timeout: float = 120) -> float:
        """Wait until systemd has no start job left, whether all went well or not; gives the seconds from `boot`."""
        if not self._booted:
            self._await("READY=1", timeout)
            self._booted = time.monotonic() - self.started
        return self._booted

    def reboot(self) -> None:
        """Reboot from inside, in good order, and return when the new systemd runs."""
        self.run("systemctl reboot", check=False)
        self._ended(_REBOOT)
        self.boot()

    def poweroff(self) -> None:
        """Power off from inside, in good order."""
        self.run("systemctl poweroff", check=False)
        self._ended(0)

    def kill(self) -> None:
        """Pull the plug: every process of the host ends at once. A host that does not run stays as it is."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._gone()

    def destroy(self) -> None:
        """Kill the host and remove all that it has, but not its data volume."""
        self.kill()
        self._discard()
        remove(self._scratch)

    # -- asking it

    def run(self, command: str, *, check: bool = True, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a shell command on the host as root; raises `CommandError`, which shows all output, where `check` and it fails."""
        words = ["nsenter", f"--target={self._leader}", "--all", "--", "/bin/sh", "-c", command]
        env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            words, input=stdin, capture_output=True, text=True, errors="replace", env=env, check=False
        )
        if check and done.returncode != 0:
            raise CommandError(f"{self.name}: {command!r} exited {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def request(self, url: str, **how: Any) -> Answer:
        """Ask the host from outside, at its IPv4 address, with the URL's name as Host and in SNI; see `client.request`."""
        return request(how.pop("address", self.address), url, **how)

    def wait_until_answers(self, url: str, status: int = 200, timeout: float = 120, **how: Any) -> float:
        """Ask for `url`, as `request` does with the arguments in `how`, until the answer has `status`; gives the seconds from `boot`.

        Raises `TimeoutError` with what was last seen, and with what is wrong on the host.
        """
        deadline = time.monotonic() + timeout
        while True:
            try:
                # A connection made while the firewall's rules are being written can hang.
                answer = self.request(url, timeout=1, **how)
                seen = f"status {answer.status}"
                if answer.status == status:
                    return time.monotonic() - self.started
            except (OSError, HTTPException) as error:
                seen = repr(error)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{url}: no {status} within {timeout:g} s, but {seen}\n{self.account()}")
            time.sleep(0.02)

    def wait_for_unit(self, unit: str, state: str = "active", timeout: float = 120) -> float:
        """Wait until `unit` is in `state`; gives the seconds from `boot`, to a tenth."""
        ask = f"systemctl show --value --property ActiveState {unit}"
        done = self.run(f"timeout {timeout} sh -c 'until [ \"$({ask})\" = {state} ]; do sleep 0.1; done'", check=False)
        if done.returncode != 0:
            raise TimeoutError(f"{unit} is not {state} within {timeout:g} s\n{self.account()}")
        return time.monotonic() - self.started

    def failed_units(self) -> list[str]:
        """The units that `systemctl --failed` shows."""
        return self.run("systemctl list-units --failed --plain --no-legend | cut -d' ' -f1").stdout.split()

    def restarts(self) -> dict[str, int]:
        """The services that systemd restarted by itself, and how often."""
        shown = self.run("systemctl show --property=Id,NRestarts '*.service'").stdout
        pairs = (dict(line.split("=", 1) for line in block.splitlines()) for block in shown.split("\n\n"))
        return {pair["Id"]: int(pair["NRestarts"]) for pair in pairs if pair.get("NRestarts", "0") != "0"}

    def journal(self, *units: str) -> str:
        """This boot's journal, of all or of some units."""
        return self.run(f"journalctl --boot --no-pager {' '.join(f'--unit={unit}' for unit in units)}").stdout

    def cpu_seconds(self) -> float:
        """What all processes of the host have computed since `boot`: a figure that a busy machine changes little."""
        return int(re.findall(r"usage_usec (\d+)", (self._cgroup / "cpu.stat").read_text())[0]) / 1e6

    def account(self) -> str:
        """What is wrong on the host, for the message of a failed test."""
        commands = (
            "systemctl list-units --failed --plain --no-legend",
            "systemctl list-jobs --no-legend",
            "podman ps --all",
            "for unit in $(systemctl list-units --failed --plain --no-legend | cut -d' ' -f1); do"
            " journalctl --boot --no-pager --lines=20 --unit=$unit; done",
            "journalctl --boot --no-pager --lines=20",
        )
        if self._process is None or self._process.poll() is not None:
            return f"{self.name} does not run; its console:\n{self.console.read_text(errors='replace')[-3000:]}"
        return "\n".join(f"# {command}\n{self.run(command, check=False).stdout}" for command in commands)

    # -- how it is done

    def _hostname(self) -> str:
        """What the config wrote, for systemd-nspawn sets a name in any case."""
        written = self.root / "etc/hostname"
        return written.read_text().strip() if written.exists() else self.name

    def _lay_out(self) -> None:
        """A root like ostree's: /usr is one tree, read-only; /etc and /var are copies; the rest are links and mount points."""
        self.root.mkdir(parents=True)
        for entry in self._prepared.iterdir():
            target = self.root / entry.name
            if entry.is_symlink() or entry.name in ("etc", "var"):
                _copy(entry, target)
            else:
                target.mkdir(mode=0o1777 if entry.name == "tmp" else 0o755)
        self._bind(self._prepared / "usr", self.root / "usr")
        subprocess.run(["mount", "-o", "remount,bind,ro", self.root / "usr"], check=True)
        network = f"""\
            [Match]
            Name=host0
            [Network]
            Address={self.address}/24
            Gateway={GATEWAY}
            Gateway={GATEWAY6}
            DNS={GATEWAY}
            LinkLocalAddressing=no
            IPv6AcceptRA=no
            # Nobody else has the address, and asking would take half a second of each boot.
            [Address]
            Address={self.address6}/64
            DuplicateAddressDetection=none
            """
        (self.root / "etc/systemd/network/10-testbed.network").write_text(
            re.sub("^ +", "", network, flags=re.MULTILINE)
        )
        containers = self.root / "var/lib/containers"
        containers.mkdir(parents=True, exist_ok=True)
        if self.store:
            _copy_store(self.store, containers / "storage")
        if self.data:
            place = self.root / "var/srv/containers"
            place.mkdir(parents=True)
            self.data.mkdir(parents=True, exist_ok=True)
            self._bind(self.data, place)

    def _apply(self) -> str:
        """Run the stages of Ignition that need no disk, as the initramfs does before the first boot."""
        config = json.dumps(self.config) if isinstance(self.config, Mapping) else self.config
        with tempfile.TemporaryDirectory(dir=self._scratch) as folder:
            (Path(folder) / "config.ign").write_bytes(config if isinstance(config, bytes) else config.encode())
            # There is no SELinux to label for; Ignition insists on the program.
            (Path(folder) / "setfiles").symlink_to("/bin/true")
            env = {
                "PATH": f"{folder}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
                "IGNITION_CONFIG_FILE": f"{folder}/config.ign",
                "IGNITION_SYSTEM_CONFIG_DIR": str(HERE / "ignition"),
            }
            log = ""
            for stage in ("fetch", "files"):
                options = [f"-{option}={folder}/{option}" for option in ("config-cache", "state-file", "neednet")]
                command = [
                    self._ignition,
                    f"-stage={stage}",
                    "-platform=file",
                    f"-root={self.root}",
                    "-log-to-stdout",
                    *options,
                ]
                done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
                log += done.stdout + done.stderr
                if done.returncode != 0:
                    raise ProvisionError(f"{self.name}: Ignition's stage {stage!r} failed\n{log}")
        return log

    def _bind(self, source: Path, target: Path) -> None:
        subprocess.run(["mount", "--bind", source, target], check=True)
        self._mounted.append(target)

    def _discard(self) -> None:
        """Remove the root; what is mounted in it goes first, and must not be removed with it."""
        while self._mounted:
            subprocess.run(["umount", self._mounted[-1]], check=True)
            self._mounted.pop()
        remove(self.root)

    def _ended(self, status: int) -> None:
        assert self._process is not None
        try:
            found = self._process.wait(120)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self.name} does not go down\n{self.account()}") from None
        self._gone()
        if found != status:
            raise RuntimeError(f"{self.name} ended with {found}\n{self.console.read_text(errors='replace')[-3000:]}")

    def _gone(self) -> None:
        self._process, self._leader = None, 0
        if self._notifications:
            self._notifications.close()
            self._notifications = None
        cgroups.remove(self._cgroup)
        unplug(self.name)

    def _await(self, message: str, timeout: float) -> None:
        """Wait for one of systemd-nspawn's messages."""
        assert self._notifications is not None
        assert self._process is not None
        deadline = time.monotonic() + timeout
        while not self._notifications.find(message, 0.2):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise TimeoutError(f"{self.name}: no {message} within {timeout:g} s\n{self.account()}")


class ProvisionError(Exception):
    """Ignition did not accept a config, or failed; the message holds its log."""


class CommandError(Exception):
    """A command on a host failed; the message holds its output."""


def _init_below(ancestor: int) -> int:
    """The process below `ancestor` that is first in the innermost of three process namespaces: a host's systemd."""
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            numbers = re.search(r"^NSpid:\t(.*)$", status.read_text(), re.MULTILINE)
            if numbers and numbers[1].split()[2:] == ["1"] and _descends(int(status.parent.name), ancestor):
                return int(status.parent.name)
    raise RuntimeError(f"process {ancestor} has started no host")


def _descends(process: int, ancestor: int) -> bool:
    while process not in (0, ancestor):
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    return process == ancestor


def _copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", "--reflink=auto", source, target], check=True)


def _copy_store(source: Path, target: Path) -> None:
    """Copy a containers storage; the files of its layers, which nobody ever writes to, become hard links."""
    target.mkdir(mode=0o700)
    for entry in source.iterdir():
        if entry.name == "overlay":
            subprocess.run(["cp", "-al", entry, target / entry.name], check=True)
        else:
            _copy(entry, target / entry.name)
