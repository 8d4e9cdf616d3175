"""`podhost stacks`."""

from __future__ import annotations

import click

from podhost.cli.output import fail
from podhost.library import Library
from podhost.problems import did_you_mean
from podhost.spec.stack import Parameter


@click.command()
@click.argument("name", required=False)
def stacks(name: str | None) -> None:
    """List the stacks, or with NAME the parameters of one."""
    library = Library()
    if name is None:
        width = max(map(len, library.names), default=0)
        for each in library.names:
            click.echo(f"{each:<{width}}  {library.stack(each).spec.summary}")
        return
    if name not in library.names:
        raise fail(f"there is no stack '{name}'", did_you_mean(name, library.names))
    spec = library.stack(name).spec
    click.echo(f"{spec.stack}: {spec.summary}\n")
    width = max((len(each) for each in spec.parameters), default=0)
    for key, parameter in spec.parameters.items():
        click.echo(f"  {key:<{width}}  {parameter.summary}")
        click.echo(f"  {'':<{width}}  {_kind(parameter)}; {_default(parameter)}")


def _kind(parameter: Parameter) -> str:
    if parameter.type == "enum":
        return " | ".join(parameter.values)
    return f"list of {parameter.items}" if parameter.type == "list" else parameter.type


def _default(parameter: Parameter) -> str:
    if parameter.default is None:
        return f"has to be given with {parameter.option}" if parameter.option else "has to be given"
    default = parameter.default
    return f"default: {', '.join(default) if isinstance(default, list) else default}"
