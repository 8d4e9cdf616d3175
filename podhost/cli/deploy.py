"""`podhost deploy`."""

from __future__ import annotations

from pathlib import Path

import click

from podhost.build import Builder
from podhost.cli import options
from podhost.cli.output import note, print_report, refuse_existing, write
from podhost.deploy import PROVIDERS, commands
from podhost.deploy import deploy as make
from podhost.library import Library
from podhost.problems import Report


@click.command()
@click.argument("target")
@click.option("--provider", required=True, type=click.Choice(list(PROVIDERS)), help="Where the machine will be.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, readable=False, allow_dash=False),
    help="The file for the user data.  [default: NAME-PROVIDER.ign]",
)
@click.option("--url", help="Where the machine can fetch a host that is too large for the provider.")
@click.option("--force", is_flag=True, help="Replace files that are there already.")
@options.setting
@options.ssh_key
@options.stack_path
def deploy(
    target: str,
    provider: str,
    output: Path | None,
    url: str | None,
    force: bool,
    settings: tuple[str, ...],
    ssh_keys: tuple[Path, ...],
    stack_paths: tuple[Path, ...],
) -> None:
    """Write the user data that make TARGET a machine of a provider, and print the commands that start it.

    Nothing is sent to anybody.
    """
    report, builder, row = Report(), Builder(Library(paths=stack_paths)), PROVIDERS[provider]
    file = builder.read(target, report, settings, ssh_keys)
    built = builder.build(file, report) if file else None
    made = make(built.config, row, url, report) if built else None
    report.raise_if_failed()
    assert file
    assert built
    assert made
    if not file.host.ssh_keys:
        report.warning("nobody can log in to this host", hint="add ssh_keys, or use --ssh-key ~/.ssh/id_ed25519.pub")
    print_report(report)
    name = Path(target).stem
    path = output or Path(f"{name}-{provider}.ign")
    remote = path.with_name(f"{path.stem}-remote.ign")
    mode = 0o600 if built.plan.embedded else 0o644
    for each in (path, remote) if made.remote is not None else (path,):
        refuse_existing(each, force)
    if made.remote is not None:
        write(remote, made.remote, force, mode)
        note(f"too large for {row.title}, so the machine fetches it: put '{remote}' where {url} leads to")
    write(path, made.user_data, force, mode)
    limit = f" of {row.limit:,}" if row.limit is not None else ""
    note(f"'{path}' has the user data for {row.title}: {len(made.user_data):,}{limit} bytes")
    if built.plan.embedded:
        note(
            f"the host's secrets are in it, and stay with {row.title}; without 'secrets' in the host file, the host makes its own"
        )
    click.echo(commands(row, name, str(path)), nl=False)
