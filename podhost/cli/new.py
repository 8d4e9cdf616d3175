"""`podhost new`."""

from __future__ import annotations

import re
from pathlib import Path

import click

from podhost.cli.output import fail, note, write_tree
from podhost.library import Library


@click.command()
@click.argument("stack")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, readable=False),
    help="The new folder.  [default: stacks/STACK]",
)
def new(stack: str, output: Path | None) -> None:
    """Start a stack of your own, with its test: in the folder stacks, where host files beside it find it."""
    if not re.fullmatch("[a-z][a-z0-9_-]{0,62}", stack):
        raise click.BadParameter(
            f"'{stack}' is not a name: it begins with a letter and holds a-z, 0-9, '-' and '_'", param_hint="STACK"
        )
    folder = output or Path("stacks") / stack
    if folder.name != stack:
        raise click.BadParameter(f"the folder of a stack has its name, '{stack}'", param_hint="--output")
    files = {
        name.replace("test_stack", f"test_{stack.replace('-', '_')}"): source.text.replace("<name>", stack).encode()
        for name, source in Library().skeleton.items()
    }
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise fail(f"'{folder.parent}' cannot be made: {error.strerror}") from None
    write_tree(folder, files, lambda _: False, force=False)
    note(f"the new stack is in {folder}: podhost render {stack}")
    note("it serves one line of text; docs/stacks.md tells how to go on")
