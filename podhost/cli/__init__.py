"""The command line: the verbs, and the only code that prints or exits.

Results go to standard output, reports to standard error.
Exit status 0 is good, 1 means that the input is wrong or the work failed, 2 that the command was misused.
"""

from __future__ import annotations

import importlib
import sys

import click

from podhost import __version__
from podhost.problems import InvalidInput

# Each command is imported when it is used, and with it only what it needs. The summaries are here so that --help imports none.
COMMANDS = {
    "cert": ("podhost.cli.cert:cert", "Have certificates, and renew them."),
    "check": ("podhost.cli.check:check", "Say what would go wrong at first boot."),
    "deploy": (
        "podhost.cli.deploy:deploy",
        "Write a provider's user data, and the commands that start a machine there.",
    ),
    "graph": ("podhost.cli.graph:graph", "Draw a host: pods, containers, volumes, ports, names."),
    "init": ("podhost.cli.init:init", "Print a commented host file to start from."),
    "new": ("podhost.cli.new:new", "Start a stack of your own."),
    "render": ("podhost.cli.render:render", "Render a host into the file that Ignition reads at first boot."),
    "schema": ("podhost.cli.schema:schema", "Print the JSON Schema of a stack or host file, for editors."),
    "stacks": ("podhost.cli.stacks:stacks", "List the stacks, or the parameters of one."),
    "transpile": ("podhost.cli.transpile:transpile", "Translate Butane into Ignition."),
    "vm": ("podhost.cli.vm:vm", "Run hosts in virtual machines on this computer."),
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="podhost", message="%(prog)s %(version)s")
def cli() -> None:
    """Render whole service hosts: podman pods, systemd units and Ignition from one stack definition."""


def main() -> None:
    """Run the command line; what is wrong with the input ends it with a report and status 1."""
    from podhost.cli.output import print_report

    try:
        cli(prog_name="podhost")
    except InvalidInput as error:
        print_report(error.report)
        sys.exit(1)
