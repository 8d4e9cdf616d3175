"""`podhost transpile`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from podhost import butane, ignition
from podhost.cli import options
from podhost.cli.output import fail, print_report, refuse_existing, write
from podhost.document import MAX_BYTES, Node, load, read
from podhost.ignition.specs import parse_spec
from podhost.problems import Report, Source


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write there instead of to standard output.")
@options.force
@click.option(
    "-d", "--files-dir", type=click.Path(path_type=Path), help="The folder of local files; nothing outside it is read."
)
@click.option("-s", "--strict", is_flag=True, help="Fail on warnings, too.")
@click.option("-p", "--pretty", is_flag=True, help="Write line breaks and indentation.")
@click.option("-c", "--check", is_flag=True, help="Write nothing, and only say what is wrong.")
@click.option("--spec", metavar="3.X.0", help="The Ignition spec to write.  [default: that of the Butane version]")
def transpile(
    files: tuple[Path, ...],
    output: Path | None,
    force: bool,
    files_dir: Path | None,
    strict: bool,
    pretty: bool,
    check: bool,
    spec: str | None,
) -> None:
    """Translate Butane FILEs into one Ignition config.

    Without a FILE, or for '-', standard input is read.
    Of several, each is merged over those before it, as Ignition merges: child over parent, lists by key.
    """
    _parse_spec(spec)
    if files_dir is not None and not files_dir.is_dir():
        raise fail(f"there is no folder '{files_dir}'", "--files-dir names the folder of local files")
    if output is not None and str(output) != "-" and not check:
        refuse_existing(output, force)
    report = Report()
    config = _translate(files or (Path("-"),), files_dir, report)
    report.raise_if_failed()
    if spec is not None:
        config = _at_spec(config, spec)
        ignition.check(config, report, f"as Ignition {spec}")
        report.raise_if_failed()
    print_report(report)
    if strict and report.problems:
        raise fail("there are warnings, and --strict makes them errors")
    if not check:
        text = ignition.dumps(config, pretty=pretty)
        del config
        write(output, text.encode() + b"\n", force)


def _translate(files: tuple[Path, ...], files_dir: Path | None, report: Report) -> dict[str, Any]:
    """Translate every file, whether or not those before it are good, and merge the results."""
    configs = []
    for path in files:
        document = _load(path, report)
        if document is not None:
            mine = Report()
            configs.append(butane.translate(document, mine, files_dir=files_dir))
            report.extend(mine)
    if report.failed or not configs:
        return {}
    config = configs[0]
    for child in configs[1:]:
        config = ignition.merge(config, child)
    if len(configs) > 1:
        ignition.check(config, report, "the merged config")
    return config


def _load(path: Path, report: Report) -> Node | None:
    if str(path) != "-":
        return load(path, report)
    if sys.stdin is None:
        report.error("standard input is closed", hint="name a file")
        return None
    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        report.error(f"standard input is larger than {MAX_BYTES >> 20} MiB")
        return None
    try:
        return read(Source("<stdin>", data.decode("utf-8-sig")), report)
    except UnicodeDecodeError:
        report.error("standard input is not UTF-8 text")
        return None


def _parse_spec(spec: str | None) -> None:
    try:
        parse_spec(spec or "3.0.0")
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--spec") from None


def _at_spec(config: dict[str, Any], spec: str) -> dict[str, Any]:
    try:
        return ignition.at_spec(config, spec)
    except ignition.TooOldSpec as error:
        raise fail(str(error), f"it needs {ignition.lowest_spec(config)}") from None
