"""`podhost graph`."""

from __future__ import annotations

from pathlib import Path

import click

from podhost.build import Builder
from podhost.cli import options
from podhost.cli.output import print_report, write
from podhost.graph import mermaid, picture, svg
from podhost.library import Library
from podhost.problems import Report

FORMATS = {"svg": svg, "mermaid": mermaid}


@click.command()
@click.argument("target")
@options.output
@click.option(
    "--format", "form", type=click.Choice(list(FORMATS)), default="svg", show_default=True, help="What to write."
)
@options.force
@options.setting
@options.stack_path
def graph(
    target: str,
    output: Path | None,
    form: str,
    force: bool,
    settings: tuple[str, ...],
    stack_paths: tuple[Path, ...],
) -> None:
    """Draw TARGET: its pods, containers, volumes, ports and names.

    TARGET is a host file, or the name of a stack for its demo host.
    """
    report = Report()
    builder = Builder(Library(paths=stack_paths))
    file = builder.read(target, report, settings)
    built = builder.build(file, report) if file else None
    report.raise_if_failed()
    print_report(report)
    assert built
    write(output, FORMATS[form](picture(built.plan)).encode(), force)
