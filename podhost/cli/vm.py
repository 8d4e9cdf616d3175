"""`podhost vm`: a rendered host in a virtual machine on this computer."""

from __future__ import annotations

import contextlib
import platform
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import click

from podhost import ignition
from podhost.build import Builder, Built
from podhost.cli import options
from podhost.cli.output import fail, note, print_report
from podhost.library import Library
from podhost.problems import InvalidInput, Report
from podhost.vm import boot, download, machine, places, ports, qemu, stream

STOP_SECONDS = 120


@click.group()
def vm() -> None:
    """Run hosts in virtual machines on this computer."""


_image_options = (
    click.option(
        "--stream",
        "name",
        type=click.Choice(stream.STREAMS),
        default="stable",
        show_default=True,
        help="Which Fedora CoreOS.",
    ),
    click.option(
        "--arch", type=click.Choice(stream.ARCHITECTURES), help="Which architecture.  [default: this computer's]"
    ),
    click.option(
        "--streams-url",
        default=stream.STREAMS_URL,
        envvar="PODHOST_STREAMS_URL",
        show_envvar=True,
        help="Where the streams' metadata are.",
    ),
)


def _with_image_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_image_options):
        command = option(command)
    return command


@vm.command()
@_with_image_options
def image(name: str, arch: str | None, streams_url: str) -> None:
    """Download the newest Fedora CoreOS, and print where it is."""
    click.echo(_fetch(name, _architecture(arch), streams_url))


@vm.command()
@click.argument("target")
@click.option("--name", "called", help="The machine's name.  [default: the stack's, or the host file's]")
@click.option("--reset", is_flag=True, help="Make the system anew from the description; the data stay.")
@click.option("--print", "show", is_flag=True, help="Print the commands for QEMU and virt-install instead.")
@click.option("--image", "own", type=click.Path(path_type=Path, dir_okay=False), help="An image of your own, unpacked.")
@_with_image_options
@click.option("--accel", type=click.Choice(["kvm", "tcg"]), help="How to run it.  [default: kvm where it works]")
@click.option("--memory", type=click.IntRange(512), default=4096, show_default=True, metavar="MIB", help="Its memory.")
@click.option("--cpus", type=click.IntRange(1, 64), default=2, show_default=True, help="Its processors.")
@options.setting
@options.ssh_key
@options.stack_path
def run(
    target: str,
    called: str | None,
    reset: bool,
    show: bool,
    own: Path | None,
    name: str,
    arch: str | None,
    streams_url: str,
    accel: str | None,
    memory: int,
    cpus: int,
    settings: tuple[str, ...],
    ssh_keys: tuple[Path, ...],
    stack_paths: tuple[Path, ...],
) -> None:
    """Boot TARGET, a host file or a stack's demo host, in a virtual machine.

    Ctrl-C stops the machine in good order, and a second one at once.
    """
    called = called or Path(target).stem
    machine.check_name(called)
    architecture = _architecture(arch)
    with machine.claimed(called) as folder:
        try:
            built = _build(target, folder, settings, ssh_keys, stack_paths)
            config = ignition.dumps(built.config).encode()
            if not show:
                qemu.which(f"qemu-system-{architecture}")
            base = _own(own) if own else _fetch(name, architecture, streams_url)
            if machine.prepare(folder, base, config, reset):
                note(
                    f"the description has changed since the system of '{called}' was made: --reset makes it anew, and keeps the data"
                )
            accelerator = accel or _accelerator(architecture, quiet=show)
            made = qemu.Machine(
                called,
                folder,
                base,
                architecture,
                accelerator,
                memory,
                cpus,
                ports.forwards(ports.published(built.plan)),
            )
            if show:
                for words in (qemu.command(made), qemu.virt_install(made)):
                    click.echo(shlex.join(words))
                return
            addresses = [address for service in built.plan.services for address in service.addresses]
            here = [ports.here(address, made.forwards) for address in addresses]
            process = machine.start(made, {"target": target, "image": str(base), "addresses": here})
        finally:
            if not (folder / qemu.SYSTEM).exists() and not (folder / qemu.DATA).exists():
                machine.remove(folder)
        _follow(process, made, built, here)


def _follow(process: subprocess.Popen[bytes], made: qemu.Machine, built: Built, here: list[str]) -> None:
    """Show the boot, and stay until the machine ends."""
    containers = [each for service in built.plan.services for each in service.containers]
    units = {each.unit: each.summary for each in containers if each.job is None}
    with _stopping(process, made), _Steps() as tell:
        try:
            ready = boot.wait_ready(process, machine.find(made.name), units, here, tell)
        except InvalidInput:
            process.kill()
            process.wait()
            raise
        if ready:
            tell("ready")
    if ready:
        _tell_addresses(made, built, here)
        with _stopping(process, made):
            process.wait()
    if process.returncode not in machine.STOPPED:
        raise fail(f"QEMU ended with status {process.returncode}: {machine.trouble(made.folder)}")
    note(f"the machine '{made.name}' has stopped")


@contextlib.contextmanager
def _stopping(process: subprocess.Popen[bytes], made: qemu.Machine) -> Iterator[None]:
    """While this lasts, ctrl-C presses the machine's power button, and a second one pulls its plug."""
    presses = 0

    def pressed(_number: int, _frame: FrameType | None) -> None:
        nonlocal presses
        presses += 1
        if presses == 1:
            note(f"stopping '{made.name}'; ctrl-C again pulls the plug")
            machine.power_down(made.folder)
        else:
            process.kill()

    before = {number: signal.signal(number, pressed) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Steps:
    """Shows the steps of a boot: in one line that changes where a person watches, else in a line each."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._live = sys.stderr is not None and sys.stderr.isatty()

    def __enter__(self) -> Callable[[str], None]:
        return self._show

    def __exit__(self, *_: object) -> None:
        if self._live:
            click.echo(err=True)

    def _show(self, step: str) -> None:
        text = f"{time.monotonic() - self._began:5.0f} s  {step}"
        click.echo(f"\r{text}\x1b[K" if self._live else text, nl=not self._live, err=True)


def _tell_addresses(made: qemu.Machine, built: Built, here: list[str]) -> None:
    for address in here:
        click.echo(address)
    names = sorted({name for service in built.plan.services for each in service.certificates for name in each.names})
    far = [name for name in names if not name.endswith(".localhost")]
    if far:
        note(f"your browser finds it with this line in /etc/hosts: 127.0.0.1 {' '.join(far)}")
    for each in made.forwards:
        if each.host != each.guest and each.guest != ports.SSH:
            note(f"port {each.guest} of the machine is 127.0.0.1:{each.host}")
    if any(each.host != each.guest < 1024 for each in made.forwards if each.guest != ports.SSH):
        note(
            "a service that names its own addresses needs the same ports here: sudo sysctl net.ipv4.ip_unprivileged_port_start=80"
        )
    note(f"podhost vm ssh {made.name} logs in; ctrl-C stops the machine, and its data stay")


def _build(
    target: str, folder: Path, settings: tuple[str, ...], ssh_keys: tuple[Path, ...], stack_paths: tuple[Path, ...]
) -> Built:
    """Render the host with the machine's data disk and key; everything else is as for any machine."""
    report, builder = Report(), Builder(Library(paths=stack_paths))
    public = folder / f"{machine.KEY}.pub"
    public.write_text(machine.public_key(folder) + "\n")
    here = (*settings, f"data_disk.device={qemu.DATA_DEVICE}")
    file = builder.read(target, report, here, (*ssh_keys, public))
    if file and file.host.backup and not any(each.startswith("backup.") for each in settings):
        # A second host that takes back the data of the first one, and saves its own in their place, is not what a trial is for.
        file = file._replace(host=file.host.model_copy(update={"backup": None}))
        note(
            "nothing is saved or taken back here: --set backup.save=false takes back what was saved, and saves nothing"
        )
    built = builder.build(file, report) if file else None
    report.raise_if_failed()
    assert built
    print_report(report)
    return built


def _architecture(wanted: str | None) -> str:
    found = wanted or {"arm64": "aarch64"}.get(platform.machine(), platform.machine())
    if found not in stream.ARCHITECTURES:
        raise fail(
            f"there is no image for this computer's architecture, {found}", "--arch names another, which runs slowly"
        )
    return found


def _accelerator(architecture: str, quiet: bool) -> str:
    trouble = qemu.kvm_trouble(architecture)
    if trouble and not quiet:
        note(f"KVM does not work here ({trouble}), so QEMU computes every instruction: this takes minutes")
    return "tcg" if trouble else "kvm"


def _own(path: Path) -> Path:
    try:
        with path.open("rb") as file:
            start = file.read(6)
    except OSError as error:
        raise fail(f"'{path}' cannot be read: {error.strerror}") from None
    if start.startswith((b"\x1f\x8b", b"\xfd7zXZ\0")):
        raise fail(
            f"'{path}' is compressed", f"unpack it first, as in: {'xz' if start[0] == 0xFD else 'gzip'} -dk {path}"
        )
    return path.absolute()


def _fetch(name: str, architecture: str, streams_url: str) -> Path:
    found = download.metadata(f"{streams_url.rstrip('/')}/{name}.json", architecture)
    folder = places.images()
    if not (folder / found.name).exists():
        note(f"Fedora CoreOS {found.release} ({name}, {architecture})")
    with _bar() as progress:
        return download.fetch(found, folder, progress)


@contextlib.contextmanager
def _bar() -> Iterator[download.Progress]:
    """A progress bar for people; where nobody watches it says nothing."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        tasks: dict[str, Any] = {}

        def update(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = shown.add_task(step, total=None)
            shown.update(tasks[step], completed=done, total=total or None)

        yield update


@vm.command("list")
def list_() -> None:
    """List the machines."""
    for state in machine.known():
        word = "running" if state.running else "stopped"
        click.echo(f"{state.name:<20} {word:<8} {' '.join(map(str, state.noted.get('addresses', ())))}".rstrip())


@vm.command()
@click.argument("name")
@click.option("--force", is_flag=True, help="Pull the plug instead of pressing the power button.")
def stop(name: str, force: bool) -> None:
    """Stop the machine NAME."""
    state = machine.find(name)
    if not state.running:
        note(f"the machine '{name}' is not running")
        return
    (machine.pull_plug if force else machine.power_down)(state.folder)
    if not machine.wait_stopped(state.folder, STOP_SECONDS):
        raise fail(f"the machine '{name}' does not stop within {STOP_SECONDS} s", f"podhost vm stop --force {name}")


@vm.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("name")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[COMMAND]…")
def ssh(name: str, words: tuple[str, ...]) -> None:
    """Log in to the machine NAME, or have it run a command."""
    state = _running(name)
    try:
        done = subprocess.run(machine.ssh_command(state, words), check=False)
    except FileNotFoundError:
        raise fail("the program 'ssh' is not installed", "on Debian and Ubuntu: apt install openssh-client") from None
    sys.exit(done.returncode)


@vm.command()
@click.argument("name")
def console(name: str) -> None:
    """Show the console of the machine NAME, and type on it; ctrl-] leaves it."""
    from podhost.cli.terminal import attach

    state = _running(name)
    note(f"the console of '{name}'; ctrl-] leaves it")
    attach(state.folder / qemu.CONSOLE)


def _running(name: str) -> machine.State:
    state = machine.find(name)
    if not state.running:
        raise fail(
            f"the machine '{name}' is not running", f"podhost vm run {state.noted.get('target', 'TARGET')} starts it"
        )
    return state


@vm.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
def rm(name: str, yes: bool) -> None:
    """Remove the machine NAME, with its data."""
    state = machine.find(name)
    if not yes and not click.confirm(f"Remove the machine '{name}' and all its data?", err=True):
        raise fail("nothing was removed")
    with machine.claimed(name):
        machine.remove(state.folder)
