"""Options that several commands have."""

from __future__ import annotations

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
