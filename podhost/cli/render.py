"""`podhost render`."""

from __future__ import annotations

from pathlib import Path

import click

from podhost import ignition
from podhost.build import Builder, Built, HostFile
from podhost.cli import options
from podhost.cli.output import fail, note, print_report, write, write_tree
from podhost.cli.pairs import check_pairs
from podhost.library import Library
from podhost.problems import Report
from podhost.quadlet.keys import Release


@click.command()
@click.argument("target")
@options.output
@click.option(
    "--format",
    "form",
    type=click.Choice(["ignition", "butane", "tree"]),
    default="ignition",
    show_default=True,
    help="What to write.",
)
@options.force
@options.setting
@options.ssh_key
@options.stack_path
@options.podman_release
@click.option(
    "--spec", metavar="3.X.0", help="The Ignition spec to write.  [default: the lowest that the content needs]"
)
@click.option("--pretty", is_flag=True, help="Write the Ignition file with line breaks.")
@click.option("--compress", is_flag=True, help="Write the Ignition file compressed, for clouds that take little.")
def render(
    target: str,
    output: Path | None,
    form: str,
    force: bool,
    settings: tuple[str, ...],
    ssh_keys: tuple[Path, ...],
    stack_paths: tuple[Path, ...],
    podman: Release,
    spec: str | None,
    pretty: bool,
    compress: bool,
) -> None:
    """Render TARGET into the file that Ignition reads at first boot.

    TARGET is a host file, or the name of a stack for its demo host.
    """
    if form == "tree" and (output is None or str(output) == "-"):
        raise click.UsageError("--format tree writes a folder: name it with -o")
    if compress and form != "ignition":
        raise click.UsageError("--compress is for --format ignition")
    report = Report()
    builder = Builder(Library(paths=stack_paths))
    file = builder.read(target, report, settings, ssh_keys)
    built = builder.build(file, report, podman, spec) if file else None
    if built:
        check_pairs(built, report)
    report.raise_if_failed()
    assert file
    assert built
    if not file.host.ssh_keys:
        report.warning("nobody can log in to this host", hint="add ssh_keys, or use --ssh-key ~/.ssh/id_ed25519.pub")
    print_report(report)
    if form == "tree":
        assert output
        _write_tree(output, built, force)
    else:
        data = _text(built, form, pretty, compress)
        write(output, data.encode(), force, mode=0o600 if built.files.secrets else 0o644)
    _tell(file, built)


def _text(built: Built, form: str, pretty: bool, compress: bool) -> str:
    if form == "butane":
        return ignition.to_butane(built.config)
    config = ignition.wrap(ignition.dumps(built.config)) if compress else built.config
    return ignition.dumps(config, pretty=pretty) + "\n"


def _write_tree(output: Path, built: Built, force: bool) -> None:
    import json

    from podhost.tree import MANIFEST, is_tree, tree

    if built.files.secrets:
        raise fail("this host has secrets embedded, and a tree is for reading", "leave out 'secrets' to see the rest")
    files, manifest = tree(built.config, built.plan)
    files[MANIFEST] = (json.dumps(manifest, indent=2) + "\n").encode()
    write_tree(output, files, is_tree, force)


def _tell(file: HostFile, built: Built) -> None:
    """Say what a user would not expect of the result."""
    if file.demo:
        names = ", ".join(file.host.stacks)
        addresses = " ".join(address for service in built.plan.services for address in service.addresses)
        note(f"this is the demo host of {names}: {addresses}")
        note(f"for a host of your own: podhost init {names} > host.yaml, and edit that")
    if file.host.certificates.authority.endswith("-staging"):
        for service in built.plan.services:
            for certificate in service.certificates:
                if not certificate.pair:
                    note(
                        f"the certificate {service.name}.{certificate.name} is for trials: browsers do not trust {file.host.certificates.authority}"
                    )
    if built.files.secrets:
        count = len(built.files.secrets)
        note(f"the output holds {count} secret{'s' if count > 1 else ''}: keep it as safe as they are")
