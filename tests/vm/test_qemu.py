"""Command lines, ports and names of machines, without any machine."""

from __future__ import annotations

import itertools
import json
import os
import shlex
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from podhost.plan import Port
from podhost.problems import InvalidInput
from podhost.vm import ports, qemu
from podhost.vm.qemu import Forward, Machine
from tests.support import MARK, Podhost

from .testimage import NAME

MACHINE = Machine(
    "chat",
    Path("/state/chat"),
    Path("/images/a,b.qcow2"),
    "x86_64",
    "tcg",
    4096,
    2,
    (Forward(2222, 22), Forward(8443, 443)),
)


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A disk image, and folders of the test's own for what podhost keeps."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = tmp_path / "image, of mine.raw"
    with path.open("wb") as file:
        file.truncate(1 << 20)
    return path


def needs_qemu() -> None:
    if not all(map(shutil.which, ("qemu-img", "qemu-system-x86_64"))):
        pytest.skip("QEMU is missing: tests/vm/setup installs it")


def after(words: list[str], option: str) -> list[str]:
    """The values that a command line gives an option."""
    return [value for word, value in itertools.pairwise(words) if word == option]


def test_fedora_coreos_gets_its_config_from_the_firmware() -> None:
    words = qemu.command(MACHINE._replace(folder=Path("/state/a,b")))
    assert words[0] == "qemu-system-x86_64"
    assert after(words, "-fw_cfg") == ["name=opt/com.coreos/config,file=/state/a,,b/config.ign"]
    assert after(words, "-accel") == ["tcg,thread=multi"]
    assert after(words, "-cpu") == ["max,-erms,-fsrm"]
    assert after(words, "-netdev") == ["user,id=net,hostfwd=tcp:127.0.0.1:2222-:22,hostfwd=tcp:127.0.0.1:8443-:443"]
    assert "virtio-blk-pci,drive=data,serial=podhost-data" in after(words, "-device")


def test_kvm_has_the_computers_own_processor() -> None:
    words = qemu.command(MACHINE._replace(accelerator="kvm"))
    assert (after(words, "-accel"), after(words, "-cpu")) == (["kvm"], ["host"])


def test_aarch64_has_its_board_and_firmware(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = MACHINE._replace(architecture="aarch64")
    monkeypatch.setattr(qemu, "FIRMWARE", (str(tmp_path / "none.fd"), str(tmp_path / "efi.fd")))
    with pytest.raises(InvalidInput, match="there is no UEFI firmware for aarch64"):
        qemu.command(machine)
    (tmp_path / "efi.fd").touch()
    words = qemu.command(machine)
    assert words[0] == "qemu-system-aarch64"
    assert (after(words, "-machine"), after(words, "-bios")) == (["virt"], [str(tmp_path / "efi.fd")])


def test_print_prints_two_commands_and_starts_nothing(podhost: Podhost, image: Path, tmp_path: Path) -> None:
    needs_qemu()
    result = podhost("vm", "run", "matrix", "--print", "--image", image, "--arch", "x86_64", "--accel", "tcg")
    assert result.status == 0, result.stderr
    first, second = (shlex.split(line) for line in result.stdout.splitlines())
    folder = tmp_path / "state/podhost/vm/matrix"
    assert first[0] == "qemu-system-x86_64"
    assert second[0] == "virt-install"
    assert f"size=20,backing_store={image}" in second
    assert f"--qemu-commandline=-fw_cfg name=opt/com.coreos/config,file={folder}/config.ign" in second
    assert stat.S_IMODE((folder / "config.ign").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "id_ed25519").stat().st_mode) == 0o600
    assert podhost("vm", "list").stdout == "matrix               stopped\n"


def test_a_trial_saves_nothing_and_takes_back_what_it_is_told_to(podhost: Podhost, image: Path, tmp_path: Path) -> None:
    needs_qemu()
    (tmp_path / "password").write_text("secret\n")
    (tmp_path / "chat.yaml").write_text(
        "hostname: chat.example.org\nbackup: {repository: 's3:https://s3.example.org/chat', password: password}\n"
        "stacks:\n  site: {domain: chat.example.org}\n"
    )
    run = ("vm", "run", tmp_path / "chat.yaml", "--print", "--image", image, "--arch", "x86_64", "--accel", "tcg")
    config = tmp_path / "state/podhost/vm/chat/config.ign"

    result = podhost(*run)
    assert result.status == 0, result.stderr
    assert "nothing is saved or taken back here" in result.stderr
    assert "backup" not in config.read_text()

    result = podhost(*run, "--reset", "--set", "backup.save=false")
    assert result.status == 0, result.stderr
    paths = {file["path"] for file in json.loads(config.read_text())["storage"]["files"]}
    assert "/etc/containers/systemd/backup-restore.container" in paths
    assert "/etc/containers/systemd/backup.container" not in paths


def test_reset_makes_the_system_anew_and_leaves_the_data(podhost: Podhost, image: Path, tmp_path: Path) -> None:
    needs_qemu()
    run = ("vm", "run", "matrix", "--print", "--image", image, "--arch", "x86_64", "--accel", "tcg")
    folder = tmp_path / "state/podhost/vm/matrix"
    assert podhost(*run).status == 0
    with (folder / "data.qcow2").open("ab") as disk:
        disk.write(b"what people wrote")
    before = {name: (folder / name).read_bytes() for name in ("data.qcow2", "id_ed25519", "config.ign")}
    system = (folder / "system.qcow2").stat().st_ino
    again = podhost(*run, "--set", "hostname=new.example.org")
    assert "the description has changed since the system of 'matrix' was made: --reset makes it anew" in again.stderr
    assert (folder / "config.ign").read_bytes() == before["config.ign"]
    assert (folder / "system.qcow2").stat().st_ino == system
    reset = podhost(*run, "--set", "hostname=new.example.org", "--reset")
    assert "has changed" not in reset.stderr
    assert (folder / "config.ign").read_bytes() != before["config.ign"]
    assert (folder / "system.qcow2").stat().st_ino != system
    assert (folder / "data.qcow2").read_bytes() == before["data.qcow2"]
    assert (folder / "id_ed25519").read_bytes() == before["id_ed25519"]


def test_a_host_with_mistakes_makes_no_machine(podhost: Podhost, image: Path, tmp_path: Path) -> None:
    result = podhost("vm", "run", "matrix", "--image", image, "--arch", "x86_64", "--set", "matrix.domain=a,b")
    assert result.status == 1
    assert "'a,b' is not a host name" in result.stderr
    assert podhost("vm", "list").stdout == ""
    assert not list((tmp_path / "state/podhost/vm").iterdir())


def test_without_qemu_it_says_what_to_install(podhost: Podhost, image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    result = podhost("vm", "run", "matrix", "--image", image, "--arch", "x86_64")
    assert result.status == 1
    assert result.stderr.endswith(
        "error: the program 'qemu-system-x86_64' is not installed\n"
        "  hint: on Debian and Ubuntu: apt install qemu-system; on Fedora: dnf install qemu-kvm\n"
    )


@pytest.mark.parametrize("command", [("ssh",), ("console",), ("stop",), ("rm", "--yes")])
def test_a_machine_that_is_not_there(podhost: Podhost, image: Path, command: tuple[str, ...]) -> None:
    result = podhost("vm", *command, "chat")
    assert (result.status, result.stderr) == (
        1,
        "error: there is no machine 'chat'\n  hint: podhost vm run TARGET makes one\n",
    )


@pytest.mark.parametrize("name", ["../chat", "Chat", "-chat", "a" * 64, ".."])
def test_names_that_are_no_folders(podhost: Podhost, image: Path, name: str) -> None:
    result = podhost("vm", "run", "matrix", f"--name={name}", "--image", image, "--arch", "x86_64")
    assert result.status == 1
    assert f"'{name}' cannot be the name of a machine" in result.stderr


def test_a_packed_image_is_not_an_image(podhost: Podhost, image: Path, tmp_path: Path) -> None:
    packed = tmp_path / f"{NAME}.xz"
    packed.write_bytes(b"\xfd7zXZ\0\0\4")
    result = podhost("vm", "run", "matrix", "--image", packed, "--arch", "x86_64", "--print")
    assert result.status == 1
    assert f"error: '{packed}' is compressed\n  hint: unpack it first, as in: xz -dk {packed}\n" in result.stderr


def test_kvm_for_another_architecture_does_not_work() -> None:
    import platform

    other = "aarch64" if platform.machine() == "x86_64" else "x86_64"
    assert qemu.kvm_trouble(other) == f"this computer is {platform.machine()}"


def test_a_qemu_that_fails_with_kvm_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a half-working nested virtualisation does: QEMU starts, says why, and is gone."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        assert qemu.kvm_trouble("x86_64").startswith("/dev/kvm: ")
        return
    program = tmp_path / "qemu-system-x86_64"
    program.write_text("#!/bin/sh\necho 'failed to set MSR' >&2\nkill -ABRT $$\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert qemu.kvm_trouble("x86_64") == "failed to set MSR"


# -- ports


def published(*numbers: int) -> list[Port]:
    return [Port(number, number, MARK) for number in numbers]


def test_a_port_keeps_its_number_where_it_is_free() -> None:
    with socket.socket() as taken, socket.socket() as free:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        free.bind(("127.0.0.1", 0))
        busy, other = taken.getsockname()[1], free.getsockname()[1]
        free.close()
        found = {each.guest: each.host for each in ports.forwards(published(busy, other))}
    assert found[other] == other
    assert found[busy] not in (busy, other)
    assert len(set(found.values())) == 3


def test_a_port_that_somebody_asks_for_is_nobodys_second_choice() -> None:
    """443 would become 8443, if that were not published as well."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = taken.getsockname()[1]
        busy_up = None if busy + ports.ABOVE > 65535 else busy + ports.ABOVE
        found = {each.guest: each.host for each in ports.forwards(published(busy, *([busy_up] if busy_up else [])))}
    if busy_up:
        assert found[busy_up] == busy_up
    assert found[busy] not in (busy, busy_up)


def test_addresses_lead_to_this_computer() -> None:
    forwards = (Forward(8443, 443), Forward(80, 80))
    assert ports.here("https://chat.fcos.fr/a?b", forwards) == "https://chat.fcos.fr:8443/a?b"
    assert ports.here("http://chat.fcos.fr/", forwards) == "http://chat.fcos.fr/"
    assert ports.here("mailto:a@example.org", forwards) == "mailto:a@example.org"


def test_nothing_answers_where_nobody_listens() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    assert not ports.answers(f"https://chat.fcos.fr:{port}/")
    assert not ports.answers(f"http://chat.fcos.fr:{port}/")


def test_help_needs_no_qemu() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "podhost", "vm", "run", "--help"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": ""},
    )
    assert done.returncode == 0
    assert "--reset" in done.stdout
