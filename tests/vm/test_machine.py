"""The stack `matrix` in a virtual machine: Ignition in the initramfs, SELinux enforcing, data that outlive the system."""

from __future__ import annotations

import hashlib
import json
import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from podhost import deploy, ignition
from podhost.problems import Report
from tests.e2e import processes
from tests.e2e.backups import PROGRAM as REST_SERVER

from .machines import Machines, Run, ask
from .server import Server

# The first test waits for the image to be made and for a boot in which QEMU computes every instruction.
pytestmark = pytest.mark.timeout(1800)

MATRIX = "https://matrix.fcos.fr"
PASSWORD = "correct horse battery staple"
LABEL = re.compile(r"system_u:system_r:container_t:s0:(c\d+,c\d+)")

# Containers whose volumes are labelled as the rules of `podhost check` forbid it, and their mended twins; started by the tests alone.
# The image is the stack's, which the machine has.
MISLABELLED = {
    "unlabelled": "Volume=/var/srv/mislabelled:/data",
    "first": "Volume=/var/srv/mislabelled:/data:Z",
    "second": "Volume=/var/srv/mislabelled:/data:Z",
    "first-mended": "Volume=/var/srv/shared:/data:z",
    "second-mended": "Volume=/var/srv/shared:/data:z",
    "inner": "Volume=/var/srv/nested/inner:/data:z",
    "outer": "Volume=/var/srv/nested:/data:ro,Z",
    "outer-mended": "Volume=/var/srv/nested:/data:ro,z",
    "system": "Volume=/etc:/data:ro,z",
}
WITH_BACKUPS = ("--set", "backup.save=true")  # which a trial has not unless it is told
REST_PORT = 8000
READ_ME = ("mislabelled", "shared", "nested", "nested/inner")
CONTAINER = "[Container]\nContainerName={name}\nImage=docker.io/library/nginx:1.30\nPull=never\nEntrypoint=sleep\nExec=infinity\nStopSignal=SIGKILL\n{volume}\n"


@pytest.fixture(scope="module")
def saved(machines: Machines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where a server of restic's keeps what the machine saves: it finds it at this computer, as QEMU's network has it."""
    if not REST_SERVER.exists():
        pytest.skip("rest-server is missing: tests/e2e/setup builds it")
    folder = tmp_path_factory.mktemp("saved")
    command = [str(REST_SERVER), f"--listen=127.0.0.1:{REST_PORT}", f"--path={folder}", "--no-auth"]
    server = processes.start(command, folder / "log")
    yield folder
    processes.stop(server)


@pytest.fixture(scope="module")
def host(saved: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo host with backups, and with the mislabelled containers beside it."""
    folder = tmp_path_factory.mktemp("host")
    files: list[dict[str, Any]] = [
        {"path": f"/var/srv/{name}/file", "contents": {"inline": "read me\n"}} for name in READ_ME
    ]
    for name, volume in MISLABELLED.items():
        content = CONTAINER.format(name=name, volume=volume)
        files.append({"path": f"/etc/containers/systemd/{name}.container", "contents": {"inline": content}})
    (folder / "mislabelled.bu").write_text(
        json.dumps({"variant": "fcos", "version": "1.1.0", "storage": {"files": files}})
    )
    (folder / "password").write_text("what everything is encrypted with\n")
    (folder / "chat.yaml").write_text(
        "hostname: chat.fcos.fr\nbutane: [mislabelled.bu]\ncertificates: {authority: letsencrypt-staging}\n"
        f"backup: {{repository: 'rest:http://10.0.2.2:{REST_PORT}/chat', password: password}}\n"
        "stacks:\n  matrix: {domain: fcos.fr, email: admin@fcos.fr}\n"
    )
    return folder / "chat.yaml"


@pytest.fixture(scope="module")
def machine(machines: Machines, host: Path) -> Iterator[Run]:
    """The machine after its first boot."""
    run = machines.run(host, *WITH_BACKUPS)
    run.wait_for(" s  ready")
    yield run
    if run.process.poll() is None:
        run.interrupt()


def login() -> dict[str, Any]:
    body = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": "alice"}, "password": PASSWORD}
    answer = ask(f"{MATRIX}/_matrix/client/v3/login", method="POST", body=json.dumps(body).encode())
    assert answer.status == 200, answer.text
    return dict(answer.json())


def signing_key() -> dict[str, Any]:
    return dict(ask(f"{MATRIX}/_matrix/key/v2/server").json()["verify_keys"])


# -- the first boot


def test_every_step_of_the_boot_is_shown(machine: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\n{machine.said}")
    steps = machine.steps
    assert steps[:2] == ["booting", "Ignition makes the host"]
    assert steps[-1] == "ready"
    ups = [step for step in steps if step.endswith(" is up")]
    assert sorted(ups) == [
        f"matrix-{name} is up" for name in ("element-web", "nginx", "nginx-http", "postgres", "synapse")
    ]
    assert ups.index("matrix-postgres is up") < ups.index("matrix-synapse is up")
    assert "https://chat.fcos.fr/\n" in machine.said
    assert "127.0.0.1 chat.fcos.fr fcos.fr matrix.fcos.fr" in machine.said


def test_matrix_answers_from_outside(machine: Run) -> None:
    assert "v1.1" in ask(f"{MATRIX}/_matrix/client/versions").json()["versions"]
    assert ask("https://fcos.fr/.well-known/matrix/server").json() == {"m.server": "matrix.fcos.fr:443"}
    assert ask("https://fcos.fr:8448/_matrix/federation/v1/version").json()["server"]["name"] == "Synapse"
    config = ask("https://chat.fcos.fr/config.json").json()
    assert config["default_server_config"]["m.homeserver"]["base_url"] == MATRIX
    assert ask("http://chat.fcos.fr/a").headers["location"] == "https://chat.fcos.fr/a"


def test_pods_are_up_and_nothing_failed(machine: Run, machines: Machines) -> None:
    pods = json.loads(machines.ssh("chat", "podman pod ps --format json"))
    assert [(pod["Name"], pod["Status"], len(pod["Containers"])) for pod in pods] == [("matrix", "Running", 5)]
    # Not the transient units of health checks: without KVM one may take longer than it is given.
    assert (
        machines.ssh("chat", "systemctl list-units --failed --no-legend --plain 'matrix*' '*.mount' 'podhost*'") == ""
    )
    assert machines.ssh("chat", "systemctl show --property NRestarts --value 'matrix*.service' | sort -u").split() == [
        "0"
    ]


def test_the_machine_is_what_was_asked_for(machine: Run, machines: Machines) -> None:
    """Its host name, the data on the data disk, and an Ignition that ran once, from the firmware's config."""
    assert machines.ssh(
        "chat",
        "cat /etc/hostname; findmnt -no SOURCE,FSTYPE /var/srv/containers; ls /boot/ignition.firstboot",
        check=False,
    ).splitlines() == [
        "chat.fcos.fr",
        "/dev/vdb xfs",
        "ls: cannot access '/boot/ignition.firstboot': No such file or directory",
    ]
    log = machines.ssh("chat", "journalctl --boot --identifier ignition --output cat").splitlines()
    digest = hashlib.sha512((machines.state / "chat" / "config.ign").read_bytes()).hexdigest()
    assert "Ignition v2.26.0" in log
    assert f"parsing config with SHA512: {digest}" in log


def test_machines_are_listed(machine: Run, machines: Machines) -> None:
    assert machines("list").stdout == "chat                 running  https://chat.fcos.fr/ https://matrix.fcos.fr/\n"


def test_a_running_machine_is_neither_run_again_nor_removed(machine: Run, machines: Machines, host: Path) -> None:
    for done in (machines("run", host, check=False), machines("rm", "--yes", "chat", check=False)):
        assert (done.returncode, done.stderr) == (
            1,
            "error: the machine 'chat' is running\n  hint: podhost vm stop chat stops it\n",
        )


def test_the_console_can_be_typed_on(machine: Run, machines: Machines) -> None:
    command = [sys.executable, "-m", "podhost", "vm", "console", "chat"]
    with subprocess.Popen(
        command, env=machines.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as console:
        assert console.stdin
        assert console.stdout
        assert console.stderr
        console.stdin.write(b"\r")
        console.stdin.flush()
        shown = b""
        while b"login:" not in shown:
            piece = os.read(console.stdout.fileno(), 4096)
            assert piece, shown
            shown += piece
        console.stdin.write(b"\x1d")
        console.stdin.flush()
        assert console.wait(60) == 0
        assert console.stderr.read() == b"podhost: the console of 'chat'; ctrl-] leaves it\n"


# -- SELinux


def test_selinux_enforces(machine: Run, machines: Machines) -> None:
    """In the kernel, and for containers: what a permissive type does is allowed and logged, and no container's is."""
    assert machines.ssh("chat", "cat /sys/fs/selinux/enforce") == "1"
    log = machines.ssh("chat", "journalctl --boot --output cat; ausearch --input-logs --raw --message AVC || true")
    assert [
        line for line in log.splitlines() if "scontext=system_u:system_r:container_t" in line and "permissive=1" in line
    ] == []


def test_private_volumes_are_saved_and_taken_back(machine: Run, machines: Machines, saved: Path) -> None:
    """By a container that is confined as any other, but at the level of all categories. What follows sees the data that came back."""
    key = signing_key()
    machines.ssh("chat", "systemctl start backup.service")
    assert len(list((saved / "chat/snapshots").iterdir())) == 1
    machines.ssh(
        "chat",
        """
        set -e
        systemctl stop matrix-pod.service matrix-nginx-http.service
        cd /var/srv/containers
        for volume in matrix/postgres matrix/postgres-dump matrix/synapse backup/state certificates/store; do
            find "$volume" -mindepth 1 -delete
        done
        rm -r matrix/secrets matrix/certificates
        systemctl restart backup-restore.service
        systemctl restart matrix-secrets.service matrix-certificates.service
        systemctl start matrix-pod.service matrix-nginx-http.service matrix-synapse.service matrix-nginx.service
        """,
    )
    assert "the host has its data again" in machines.ssh("chat", "journalctl --boot --unit backup-restore.service")
    assert signing_key() == key


def container_labels(machines: Machines) -> dict[str, set[str]]:
    """The labels of every process of every container, by its name."""
    script = "for name in $(podman ps --format '{{.Names}}'); do podman top $name label | tail -n +2 | sed \"s/^/$name /\"; done"
    labels: dict[str, set[str]] = {}
    for line in machines.ssh("chat", script).splitlines():
        name, _, label = line.partition(" ")
        labels.setdefault(name, set()).add(label.strip("\0 "))
    return labels


def test_every_process_of_a_container_is_confined(machine: Run, machines: Machines) -> None:
    labels = container_labels(machines)
    assert sorted(labels) == [
        *(
            "matrix-element-web",
            "matrix-infra",
            "matrix-nginx",
            "matrix-nginx-http",
            "matrix-postgres",
            "matrix-synapse",
        ),
    ]
    found = {name: {match[1] for label in each if (match := LABEL.fullmatch(label))} for name, each in labels.items()}
    assert all(len(each) == 1 == len(labels[name]) for name, each in found.items()), labels
    pod = {name: each for name, each in found.items() if name != "matrix-nginx-http"}
    assert len({frozenset(each) for each in pod.values()}) == 1, "the pod's members share one label"
    assert found["matrix-nginx-http"] != found["matrix-infra"]


def test_every_volume_has_the_label_that_its_unit_asked_for(machine: Run, machines: Machines) -> None:
    """`:Z` is the one container's categories, `:z` is shared by all; below a folder too."""
    script = """
    cd /etc/containers/systemd
    grep '^Volume=/var/srv/.*[:,][zZ]$' matrix*.container | while IFS=:= read -r unit _ source target options; do
      find "$source" -printf "${unit%.container} $source $options %Z\\n" | sort -u
    done
    """
    categories = {name: LABEL.findall(label)[0] for name, (label,) in container_labels(machines).items()}
    labels: dict[tuple[str, str, str], set[str]] = {}
    for line in machines.ssh("chat", script).splitlines():
        unit, source, options, label = line.split()
        labels.setdefault((unit, source, options.rpartition(",")[2]), set()).add(label)
    assert {source for _, source, _ in labels} >= {
        f"/var/srv/containers/matrix/{name}" for name in ("postgres", "synapse")
    }
    assert {option for _, _, option in labels} == {"Z", "z"}
    shared = "system_u:object_r:container_file_t:s0"
    for (unit, source, option), found in labels.items():
        assert found == {shared if option == "z" else f"{shared}:{categories[unit]}"}, (unit, source)


# With its input not a terminal, ausearch reads that instead of the log, unless it is told. auditd starts late in a boot.
DENIALS = """
ausearch --input-logs --raw --message AVC,USER_AVC || [ $? = 1 ]
journalctl --boot --output cat _TRANSPORT=kernel _TRANSPORT=audit
"""


def denials(machines: Machines) -> list[str]:
    """What SELinux denied to any process of a container, or to any program that podhost brought.

    Not what it denies to every `podman exec` of these tests: Debian's policy leaves podman unconfined when a login starts it,
    and a container may not write to the pipe of what is unconfined.
    """
    return [
        line
        for line in machines.ssh("chat", DENIALS).splitlines()
        if "denied" in line
        and ("scontext=system_u:system_r:container_t" in line or 'comm="podhost' in line)
        and "tcontext=unconfined_u" not in line
    ]


def test_selinux_denied_nothing(machine: Run, machines: Machines) -> None:
    assert denials(machines) == []


# -- the system made anew


def test_ctrl_c_stops_and_reset_keeps_the_data(machine: Run, machines: Machines, host: Path) -> None:
    """One test, for it is one story: an account, a stop in good order, a new system, the same account and key."""
    register = "podman exec matrix-synapse register_new_matrix_user --config /config/homeserver.yaml"
    machines.ssh("chat", f"{register} --user alice --password '{PASSWORD}' --no-admin http://127.0.0.1:8008")
    before, key = login(), signing_key()
    machine_id = machines.ssh("chat", "cat /etc/machine-id")

    assert machine.interrupt() == 0
    assert "stopping 'chat'" in machine.said
    assert machine.said.endswith("podhost: the machine 'chat' has stopped\n")
    assert machines.qemus() == []
    assert machines("list").stdout.split()[:2] == ["chat", "stopped"]

    run = machines.run(host, "--reset", *WITH_BACKUPS)
    run.wait_for(" s  ready")
    assert "Ignition makes the host" in run.steps
    assert machines.ssh("chat", "cat /etc/machine-id") != machine_id
    assert login()["user_id"] == before["user_id"] == "@alice:fcos.fr"
    assert signing_key() == key


# -- a test that can fail


def read(machines: Machines, container: str) -> bool:
    """Whether a process in a container may read the volume's file."""
    said = machines.ssh(
        "chat", f"systemctl start {container} && podman exec {container} cat /data/file; echo status $?"
    )
    assert said.splitlines()[-1] in ("status 0", "status 1"), said
    return said.endswith("status 0\n")


def test_a_volume_without_label_cannot_be_read(machines: Machines) -> None:
    """SELinux stops what the stack avoids; so the tests above mean something."""
    assert not read(machines, "unlabelled")
    denied = denials(machines)[-1]
    assert re.search(r'denied  \{ \w+ \} .*comm="cat" .*scontext=\S+:container_t:\S+ tcontext=\S+:var_t:s0', denied)


def test_a_private_label_for_two_leaves_it_to_the_last(machines: Machines) -> None:
    assert read(machines, "first")
    assert read(machines, "second")
    assert not read(machines, "first")


def test_a_shared_label_is_for_both(machines: Machines) -> None:
    assert read(machines, "first-mended")
    assert read(machines, "second-mended")
    assert read(machines, "first-mended")


def test_a_private_label_around_another_volume_takes_that_too(machines: Machines) -> None:
    assert read(machines, "inner")
    assert read(machines, "outer")
    assert not read(machines, "inner")
    machines.ssh("chat", "systemctl stop outer inner")
    assert read(machines, "inner")
    assert read(machines, "outer-mended")
    assert read(machines, "inner")


def test_a_folder_of_the_system_is_not_relabelled(machines: Machines) -> None:
    assert not read(machines, "system")
    said = machines.ssh("chat", "journalctl --boot --no-pager --unit=system")
    assert "relabeling of /etc is not allowed" in said


def test_stop_and_remove(machines: Machines) -> None:
    machines("stop", "chat")
    assert machines.qemus() == []
    machines("rm", "--yes", "chat")
    assert machines("list").stdout == ""
    assert not (machines.state / "chat").exists()


# -- what goes wrong, and what is too large


def small(folder: Path, **files: Any) -> Path:
    """A host with own Butane; its services start or not, nobody waits for them."""
    content = {"variant": "fcos", "version": "1.1.0", "storage": {"files": list(files.values())}}
    (folder / "own.bu").write_text(json.dumps(content))
    path = folder / "small.yaml"
    path.write_text("butane: [own.bu]\nstacks:\n  matrix: {domain: fcos.fr, email: admin@fcos.fr}\n")
    return path


def test_a_mistake_that_only_ignition_sees_stops_the_boot(machines: Machines, folder: Path) -> None:
    host = small(folder, file={"path": "/etc/fstab", "contents": {"inline": "mine\n"}})
    run = machines.run(host)
    assert run.wait() == 1
    log = machines.state / "small" / "console.log"
    error = run.said[run.said.index(f"{log}:") :]
    place = re.match(
        rf"{re.escape(str(log))}:(\d+):\d+: error: Ignition failed, and the machine did not start: (.*)\n", error
    )
    assert place, run.said
    assert "/etc/fstab" in place[2]
    assert place[2] in log.read_bytes().decode(errors="replace").split("\n")[int(place[1]) - 1]
    assert "hint: mend the description, and run it again with --reset" in error
    assert machines.qemus() == []
    machines("rm", "--yes", "small")


def test_a_host_too_large_for_the_provider_is_wrapped_and_boots(machines: Machines, folder: Path) -> None:
    """What a provider would hand to the machine is handed to it by the firmware: the machine is the whole host.

    One boot shows both ways: a pointer to a file on a web server, and that file a config that replaces itself by a compressed one.
    """
    noise = "".join(hashlib.sha256(n.to_bytes(2)).hexdigest() for n in range(2000))
    host = small(folder, file={"path": "/etc/noise", "contents": {"inline": noise}})
    machines("run", host, "--accel", "tcg", "--print")  # makes the machine, and does not start it
    config = machines.state / "small" / "config.ign"
    report = Report()
    with Server(folder).running() as web:
        url = f"http://10.0.2.2:{web.port}/whole.ign"  # this computer, as QEMU's network has it
        wrapped = ignition.wrap(config.read_text())
        made = deploy.deploy(wrapped, deploy.PROVIDERS["aws"], url, report)
        assert made, report.problems
        assert made.form == "pointer"
        assert made.remote == ignition.dumps(wrapped).encode()
        (folder / "whole.ign").write_bytes(made.remote)
        config.write_bytes(made.user_data)
        run = machines.run(host)
        run.wait_for(" starts")  # it can be logged into
        assert machines.ssh("small", "sha256sum < /etc/noise").split()[0] == hashlib.sha256(noise.encode()).hexdigest()
        assert web.requests == [("/whole.ign", "")]
    os.kill(run.process.pid, signal.SIGINT)
    run.wait_for("stopping 'small'; ctrl-C again pulls the plug")
    os.kill(run.process.pid, signal.SIGINT)
    assert run.wait() == 0
    assert machines.qemus() == []
    machines("rm", "--yes", "small")


def test_a_machine_never_outlives_what_started_it_nor_its_plug(machines: Machines, folder: Path) -> None:
    run = machines.run(small(folder))
    run.wait_for(" s  booting")
    (qemu,) = machines.qemus()
    handle = os.pidfd_open(qemu)
    os.kill(run.process.pid, signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL
    assert select.select([handle], [], [], 60)[0], "QEMU still runs"
    os.close(handle)
    assert machines("list").stdout.split()[:2] == ["small", "stopped"]

    run = machines.run(folder / "small.yaml")
    run.wait_for(" s  booting")
    machines("stop", "--force", "small")
    assert run.wait() == 0
    assert run.said.endswith("podhost: the machine 'small' has stopped\n")
    machines("rm", "--yes", "small")
