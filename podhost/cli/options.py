"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path

import click

from podhost.quadlet.keys import DEFAULT_PODMAN, Release, release


class ReleaseType(click.ParamType[Release]):
    """A podman release, as in 5.4."""

    name = "X.Y"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Release:
        """Read it; anything else is a misuse of the command."""
        if not isinstance(value, str):
            return DEFAULT_PODMAN
        try:
            return release(value)
        except ValueError as error:
            self.fail(": ".join(error.args), param, ctx)


stack_path = click.option(
    "--stack-path",
    "stack_paths",
    multiple=True,
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder with more stacks, a folder each. They go before those that podhost brings.",
)
