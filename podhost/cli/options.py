"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path

import click

stack_path = click.option(
    "--stack-path",
    "stack_paths",
    multiple=True,
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder with more stacks, a folder each. They go before those that podhost brings.",
)
