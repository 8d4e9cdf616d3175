"""`podhost stacks`."""

from __future__ import annotations

from pathlib import Path

import click

from podhost.cli import options
from podhost.cli.output import fail
from podhost.library import Library
from podhost.problems import did_you_mean
from podhost.spec.stack import Parameter, by_option


@click.command()
@click.argument("name", required=False)
@click.option(
    "--explain", is_flag=True, help="Show the whole of one, with its parts in it, and where each value is from."
)
@options.stack_path
def stacks(name: str | None, explain: bool, stack_paths: tuple[Path, ...]) -> None:
    """List the stacks, or with NAME the parameters of one."""
    if explain and name is None:
        raise click.UsageError("--explain is about one stack: name it")
    library = Library(paths=stack_paths).beside(Path())
    if name is None:
        width = max(map(len, library.names), default=0)
        summaries = {each: library.stack(each).spec.summary for each in library.names}  # all of them, or none
        for each, summary in summaries.items():
            click.echo(f"{each:<{width}}  {summary}")
        return
    if name not in library.names:
        raise fail(f"there is no stack '{name}'", did_you_mean(name, library.names))
    if explain:
        from podhost.cli.explain import explained

        for line in explained(library.stack(name), library.root):
            click.echo(line)
        return
    spec = library.stack(name).spec
    click.echo(f"{spec.stack}: {spec.summary}\n")
    width = max((len(each) for each in spec.parameters), default=0)
    for key, parameter in by_option(spec.parameters).items():
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
