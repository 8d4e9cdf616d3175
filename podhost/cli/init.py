"""`podhost init`."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import click

from podhost.build import Builder
from podhost.cli import options
from podhost.cli.output import fail, write
from podhost.document import node_of
from podhost.library import Library, StackFolder
from podhost.problems import Mark, Report, Source, did_you_mean
from podhost.resolve.parameters import parameters
from podhost.spec.host import Host
from podhost.spec.stack import Parameter, by_option

HEAD = """\
# A host file of podhost: one machine, and the services on it.
# Lines that begin with '# ' and a key show a default; remove the '# ' to change it.
#
#   podhost render FILE -o host.ign     renders it

"""
# What to show for each key of the host; its description comes from the model.
EXAMPLES = {
    "hostname": "hostname: HOSTNAME",
    "ssh_keys": "ssh_keys: []",
    "time_zone": "# time_zone: UTC",
    "updates": '# updates:\n#   window: {days: [Sun], start: "02:00", length: 2h}\n#   containers: true',
    "certificates": "# certificates: {authority: letsencrypt, email: admin@example.org}",
    "edge": "# edge: {image: docker.io/library/nginx:1.30}",
    "backup": "# backup: {repository: 'rest:https://backup.example.org/chat', password: backup-password}",
    "data_disk": "# data_disk: {device: /dev/disk/by-id/…, filesystem: xfs}",
    "swap": "# swap: 2G",
    "secrets": "# secrets: secrets.yaml",
    "butane": "# butane: [my.bu]",
    "silence": "# silence: {host/no-login: it mends itself}",
}


@click.command()
@click.argument("stacks", nargs=-1, required=True)
@options.output
@options.force
@options.stack_path
def init(stacks: tuple[str, ...], output: Path | None, force: bool, stack_paths: tuple[Path, ...]) -> None:
    """Print a commented host file for STACKS, to edit."""
    builder = Builder(Library(paths=stack_paths).beside(Path()))
    for name in stacks:
        if name not in builder.library.names:
            raise fail(f"there is no stack '{name}'", did_you_mean(name, builder.library.names))
    folders = [builder.library.stack(name) for name in dict.fromkeys(stacks)]
    schema = builder.library.root / "schemas" / "host.json"
    text = f"# yaml-language-server: $schema={schema}\n{HEAD}" if schema.exists() else HEAD
    for key, example in EXAMPLES.items():
        text += f"{_comment(Host.model_fields[key].description or '', '')}{example.replace('HOSTNAME', _hostname(folders))}\n\n"
    text += _comment(Host.model_fields["stacks"].description or "", "") + "stacks:\n"
    text += "\n".join(_stack(folder, builder) for folder in folders)
    write(output, text.encode(), force)


def _comment(text: str, indent: str) -> str:
    return textwrap.fill(text, 100, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ") + "\n"


def _hostname(folders: list[StackFolder]) -> str:
    examples = [
        each.example for each in folders[0].spec.parameters.values() if each.type == "hostname" and each.example
    ]
    return f"{folders[0].spec.stack}.{examples[0] if examples else 'example.org'}"


def _stack(folder: StackFolder, builder: Builder) -> str:
    """The parameters of a stack: those that have to be given with an example, the others as comments with their defaults."""
    known = folder.spec.parameters
    examples = {name: each.example for name, each in known.items() if _required(each) and each.example}
    mark = Mark(Source(folder.spec.stack, ""), 1, 1)
    values, _ = parameters(folder, node_of(examples, mark), mark, builder.templates, Report())
    text = f"  {folder.spec.stack}:\n"
    for name, parameter in by_option(known).items():
        value = values.get(name) or parameter.example or values.get(name, "")
        shown = json.dumps(value) if isinstance(value, bool | int | list | tuple) else _scalar(str(value))
        text += _comment(f"{parameter.summary}.", "    ")
        text += f"    {'' if _required(parameter) else '# '}{name}: {shown}\n"
    return text


def _required(parameter: Parameter) -> bool:
    """Whether every host file has to give it."""
    return parameter.default is None and parameter.option is None


def _scalar(text: str) -> str:
    """Text as a YAML value, in quotes unless it is plainly plain."""
    return (
        text
        if text.replace("-", "a").replace(".", "a").replace("/", "a").replace("@", "a").isalnum() and text[:1].isalpha()
        else json.dumps(text)
    )
