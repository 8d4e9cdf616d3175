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


podman_release = click.option(
    "--podman", type=ReleaseType(), default=DEFAULT_PODMAN, help="The host's podman.  [default: 5.4]"
)
setting = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set a value of the host file: STACK.PARAMETER, or a key of the host.",
)
ssh_key = click.option(
    "--ssh-key",
    "ssh_keys",
    multiple=True,
    type=click.Path(path_type=Path, readable=False),
    help="A public key that may log in.",
)
output = click.option(
    "-o", "--output", type=click.Path(path_type=Path, readable=False), help="Write there instead of to standard output."
)
force = click.option("--force", is_flag=True, help="Replace an output that is there already.")
stack_path = click.option(
    "--stack-path",
    "stack_paths",
    multiple=True,
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder with more stacks, a folder each. They go before those that podhost brings.",
)
