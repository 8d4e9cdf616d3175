"""`podhost schema`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from podhost.cli import options
from podhost.cli.output import write
from podhost.library import Library
from podhost.spec.schema import host_schema, stack_schema


@click.command()
@click.argument("kind", type=click.Choice(["stack", "host"]))
@options.stack_path
def schema(kind: str, stack_paths: tuple[Path, ...]) -> None:
    """Print the JSON Schema (2020-12) of a stack or host file. That of a host knows the stacks that there are.

    Editors with yaml-language-server complete and check by it the files whose first line names it:

    # yaml-language-server: $schema=host.json
    """
    library = Library(paths=stack_paths).beside(Path())
    data = (
        stack_schema() if kind == "stack" else host_schema({name: library.stack(name).spec for name in library.names})
    )
    write(None, (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode(), force=False)
