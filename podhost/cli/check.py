"""`podhost check`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from podhost.build import Builder
from podhost.check import Checker
from podhost.check.rules import RULES
from podhost.check.targets import providers, streams, target
from podhost.cli import options
from podhost.cli.output import fail, note, print_report, write
from podhost.cli.pairs import check_pairs
from podhost.ignition.specs import parse_spec
from podhost.library import Library
from podhost.problems import InvalidInput, Problem, Report, Severity, did_you_mean
from podhost.quadlet.keys import Release


@click.command()
@click.argument("where", metavar="TARGET", required=False)
@options.podman_release
@click.option(
    "--stream", type=click.Choice(streams()), default="stable", show_default=True, help="The stream of the system."
)
@click.option("--provider", type=click.Choice(providers()), help="Whom the config is given to, for its limit on size.")
@click.option("--spec", metavar="3.X.0", help="The newest Ignition spec of the machine.  [default: the stream's]")
@options.setting
@options.ssh_key
@options.stack_path
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning"]),
    default="error",
    show_default=True,
    help="What ends the run with status 1.",
)
@click.option("--json", "as_json", is_flag=True, help="Write the result as JSON.")
@click.option("--sarif", "as_sarif", is_flag=True, help="Write the result as SARIF, for code hosts.")
@click.option("--explain", metavar="RULE", help="Print a rule's page, and check nothing.")
@click.option("--rules", "list_rules", is_flag=True, help="List all rules, and check nothing.")
def check(
    where: str | None,
    podman: Release,
    stream: str,
    provider: str | None,
    spec: str | None,
    settings: tuple[str, ...],
    ssh_keys: tuple[Path, ...],
    stack_paths: tuple[Path, ...],
    fail_on: str,
    as_json: bool,
    as_sarif: bool,
    explain: str | None,
    list_rules: bool,
) -> None:
    """Say what would go wrong at TARGET's first boot.

    TARGET is a host file, or the name of a stack for its demo host.
    """
    if explain is not None:
        click.echo(_page(explain), nl=False)
        return
    if list_rules:
        width = max(map(len, RULES))
        for _, each in sorted(RULES.items()):
            click.echo(f"{each.id:<{width}}  {each.severity.value:<7}  {each.summary}")
        return
    if where is None:
        raise click.UsageError("Missing argument 'TARGET'.")
    if as_json and as_sarif:
        raise click.UsageError("--json and --sarif both write to standard output: take one of them")
    if spec is not None:
        try:
            parse_spec(spec)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--spec") from None
    checker = Checker(target(stream, provider, podman, spec), every=True)
    report = _check(where, Builder(Library(paths=stack_paths)), settings, ssh_keys, podman, checker)
    problems = report.problems
    if as_json or as_sarif:
        _write(where, problems, checker, as_sarif)
    else:
        print_report(report)
        _sum_up(problems, checker)
    if any(fail_on == "warning" or problem.severity is Severity.ERROR for problem in problems):
        raise click.exceptions.Exit(1)


def _page(name: str) -> str:
    if name not in RULES:
        raise fail(f"there is no rule '{name}'", did_you_mean(name, RULES) or "podhost check --rules lists them")
    return RULES[name].page


def _check(
    where: str,
    builder: Builder,
    settings: tuple[str, ...],
    ssh_keys: tuple[Path, ...],
    podman: Release,
    checker: Checker,
) -> Report:
    """All that is wrong, from the reading of files to the last rule."""
    report = Report()
    try:
        file = builder.read(where, report, settings, ssh_keys)
        if file:
            built = builder.build(file, report, podman, checker=checker)
            if built:
                check_pairs(built, report)
    except InvalidInput as error:  # a stack's own files
        report.extend(error.report)
    return report


def _write(where: str, problems: tuple[Problem, ...], checker: Checker, sarif: bool) -> None:
    from podhost.check import output

    data = output.as_sarif(problems, checker.silenced, where) if sarif else output.as_json(problems, checker.silenced)
    write(None, (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode(), force=False)


def _sum_up(problems: tuple[Problem, ...], checker: Checker) -> None:
    """Say in one line how it went: nothing said might mean that nothing was looked at."""
    counts = {each: sum(problem.severity is each for problem in problems) for each in Severity}
    parts = [_count(number, each.value) for each, number in counts.items() if number]
    if checker.silenced:
        parts.append(f"{len(checker.silenced)} silenced")
    note(f"checked: {', '.join(parts) or 'nothing is wrong'}")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number > 1 else ''}"
