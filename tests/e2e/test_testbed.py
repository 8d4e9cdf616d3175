"""The test bed itself, shown on a small host that is written by hand: `example/` holds its files at their places."""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from . import cgroups
from .bed import RUNS, Bed, remove_stale_runs
from .notify import Notifications
from .testhost import Host, ProvisionError

EXAMPLE = Path(__file__).parent / "example"
SITE = "https://example.org"
VERSIONS = f"{SITE}/_matrix/client/versions"


def example_config(ssh_key: str) -> dict[str, Any]:
    """The Ignition config that puts the files of `example/` onto a host, and lets the owner of a key log in."""
    files, units = [], []
    for path in sorted(EXAMPLE.rglob("*")):
        if path.suffix == ".service":
            units.append({"name": path.name, "enabled": True, "contents": path.read_text()})
        elif path.is_file():
            source = "data:;base64," + base64.b64encode(path.read_bytes()).decode()
            mode = 0o755 if os.access(path, os.X_OK) else 0o644
            files.append({"path": f"/{path.relative_to(EXAMPLE)}", "mode": mode, "contents": {"source": source}})
    core = {"name": "core", "sshAuthorizedKeys": [ssh_key]}
    return {
        "ignition": {"version": "3.3.0"},
        "passwd": {"users": [core]},
        "storage": {"files": files},
        "systemd": {"units": units},
    }


def signing_keys(host: Host) -> list[str]:
    """What the homeserver on the host signs with."""
    return sorted(host.request(f"{SITE}/_matrix/key/v2/server").json()["verify_keys"].values(), key=str)


@pytest.fixture(scope="module")
def ssh_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private key's file; the public key is beside it."""
    path = tmp_path_factory.mktemp("ssh") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


@pytest.fixture(scope="module")
def host(bed: Bed, ssh_key: Path) -> Host:
    """The example, provisioned and booted for the first time."""
    config = example_config(ssh_key.with_suffix(".pub").read_text().strip())
    host = bed.host("example", config, data=bed.folder("example"))
    host.provision()
    host.boot()
    return host


def test_first_boot_brings_up_all_four_services(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    answered = host.wait_until_answers(VERSIONS)
    with capsys.disabled():
        print(f"\nfirst boot to {VERSIONS}: {answered:.1f} s, {host.cpu_seconds():.1f} s of computing")
    host.wait_booted()
    assert host.failed_units() == []
    assert host.restarts() == {}
    assert host.request(f"{SITE}/config.json").json() == {"default_server_config": {"m.homeserver": {"base_url": SITE}}}
    assert "<title>Element</title>" in host.request(f"{SITE}/").text
    moved = host.request("http://example.org/x")
    assert (moved.status, moved.headers["location"]) == (301, f"{SITE}/x")


def test_ignition_made_users_and_enabled_units(host: Host, ssh_key: Path) -> None:
    assert host.run("id --name --groups core").stdout.split() == ["core", "adm", "sudo", "systemd-journal", "wheel"]
    assert host.run("systemctl is-enabled example-prepare.service").stdout == "enabled\n"
    options = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=error"]
    command = ["ssh", "-F", "none", *options, "-i", str(ssh_key), f"core@{host.address}", "sudo id --name --user; pwd"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "root\n/var/home/core\n"


def test_host_is_laid_out_like_fedora_coreos(host: Host) -> None:
    links = "/home /srv /opt /mnt /root /usr/local"
    places = "/var/home /var/srv /var/opt /var/mnt /var/roothome /var/usrlocal"
    assert host.run(f"readlink -f {links}").stdout.split() == places.split()
    assert "Read-only file system" in host.run("touch /usr/file", check=False).stderr
    assert host.run("command -v python3", check=False).returncode != 0


def test_ports_that_are_not_published_are_closed(host: Host) -> None:
    with pytest.raises(ConnectionRefusedError):
        host.request("http://example.org:8008/")


def test_host_answers_on_ipv6(host: Host) -> None:
    assert host.request("http://example.org/x", address=host.address6).status == 301


def test_names_lead_clients_and_hosts_to_the_host(bed: Bed, host: Host) -> None:
    bed.network.name("example.org", host.address)
    done = subprocess.run(["curl", "-ksS", "-m5", VERSIONS], capture_output=True, text=True, check=True)
    assert '"versions"' in done.stdout
    resolved = host.run("getent ahosts example.org; getent ahosts example.net", check=False)
    assert [line.split()[0] for line in resolved.stdout.splitlines() if "STREAM" in line] == [host.address]


def test_reboot_keeps_everything(host: Host) -> None:
    before = signing_keys(host), host.run("cat /etc/machine-id").stdout
    host.reboot()
    host.wait_until_answers(VERSIONS)
    assert (signing_keys(host), host.run("cat /etc/machine-id").stdout) == before


def test_pulled_plug_is_survived(host: Host) -> None:
    before = signing_keys(host)
    host.kill()
    host.boot()
    host.wait_until_answers(VERSIONS)
    assert signing_keys(host) == before


def test_new_machine_finds_the_data_volume(host: Host) -> None:
    before, machine = signing_keys(host), host.run("cat /etc/machine-id; touch /etc/lost").stdout
    host.provision()
    host.boot()
    host.wait_until_answers(VERSIONS)
    assert signing_keys(host) == before
    assert host.run("cat /etc/machine-id").stdout != machine
    assert host.run("test -e /etc/lost", check=False).returncode == 1
    host.poweroff()


def test_host_pulls_from_the_registry(bed: Bed) -> None:
    host = bed.host("pull", {"ignition": {"version": "3.3.0"}}, preload=False)
    host.provision()
    host.boot()
    host.wait_booted()
    assert host.run("podman images --quiet").stdout == ""
    bed.registry.stop()
    refused = host.run("podman pull --retry 0 docker.io/library/nginx:1.30", check=False)
    bed.registry.start()
    assert "connection refused" in refused.stderr
    host.run("podman pull docker.io/library/nginx:1.30")
    assert host.run("podman images --format {{.Repository}}:{{.Tag}}").stdout == "docker.io/library/nginx:1.30\n"
    host.destroy()


def test_refused_config_shows_why(bed: Bed) -> None:
    host = bed.host("refused", {"ignition": {"version": "9.9.9"}})
    with pytest.raises(ProvisionError, match="unsupported config version"):
        host.provision()
    host.destroy()


CHILD = """
import os, sys, time
from {package}.bed import open_bed

with open_bed() as bed:
    host = bed.host("child", {{"ignition": {{"version": "3.3.0"}}}}, preload=False)
    host.provision()
    host.boot()
    host.wait_booted()
    print(os.readlink("/proc/thread-self/ns/net"), os.readlink("/proc/thread-self/ns/mnt"), flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda by: by.name)
def test_nothing_is_left_behind(bed: Bed, by: signal.Signals) -> None:
    """Whatever ends the tests: no process, and with the last one no namespace, mount or address."""
    # A program that a shell started in the background ignores SIGINT, and so do its children, unless they say otherwise.
    handlers = "import signal\nfor each in (signal.SIGTERM, signal.SIGINT):\n    signal.signal(each, signal.default_int_handler)\n"
    code = handlers + CHILD
    top = Path(__file__).parents[__name__.count(".")]
    child = subprocess.Popen(
        [sys.executable, "-c", code.format(package=__package__)],
        cwd=top,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with child:
        assert child.stdout is not None
        namespaces = set(child.stdout.readline().split())
        assert len(namespaces) == 2
        assert len(inside(namespaces)) > 5
        child.send_signal(by)
    deadline = time.monotonic() + 10
    while inside(namespaces) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert inside(namespaces) == []
    if by == signal.SIGKILL:  # the next run removes the files and the empty control groups
        remove_stale_runs()
    assert not (RUNS / str(child.pid)).exists()
    assert list(cgroups.own().glob(f"podhost-e2e-{child.pid}-*")) == []


def test_nobody_waits_for_notifications_to_be_read() -> None:
    """A full queue would stop the host's systemd in the midst of a boot."""
    notifications = Notifications(f"podhost-test-{os.getpid()}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.settimeout(5)
        for number in range(1000):
            sender.sendto(f"STATUS={number}".encode(), f"\0podhost-test-{os.getpid()}")
    assert notifications.find("STATUS=999", 5)
    assert not notifications.find("READY=1", 0.01)
    notifications.close()


def inside(namespaces: set[str]) -> list[str]:
    """The processes that are in one of the namespaces."""
    found = []
    for link in Path("/proc").glob("[0-9]*/ns/[mn][ne]t"):
        try:
            if str(link.readlink()) in namespaces:
                found.append(link.parts[2])
        except OSError:
            continue
    return found
