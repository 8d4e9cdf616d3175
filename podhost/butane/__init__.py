"""Butane configs (variant `fcos`, 1.0.0 to 1.7.0) to Ignition configs, in Python alone.

The result is that of Butane 0.29.0, and so is the place of every warning and error; the wording is podhost's.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as Pairs
from functools import partial
from pathlib import Path
from typing import Any

from podhost.butane.check import check
from podhost.butane.decode import Decoder, of_data
from podhost.butane.local import FilesDir
from podhost.butane.place import add_problems, mark_of
from podhost.butane.sugar import boot_device, grub, mount_units, warn_of_partitions
from podhost.butane.translate import Origins, Translator
from podhost.butane.trees import add_trees
from podhost.butane.version import NEWEST_VERSION, parse_version, version_of
from podhost.document import Node
from podhost.ignition import check as check_config
from podhost.ignition.findings import Findings
from podhost.ignition.schema import SPEC_OF_VERSION, Struct, snake
from podhost.ignition.specs import TooOldSpec, at_spec
from podhost.ignition.validate import validate
from podhost.problems import Mark, Report

__all__ = ["translate", "translate_data"]


def translate(document: Node, report: Report, *, files_dir: Path | None = None, spec: str | None = None) -> Struct:
    """Translate a Butane document to an Ignition config.

    `files_dir` is the folder of local files; without it the document may name none.
    `spec` (such as '3.4.0') is the wanted Ignition spec, where it is not the one of the document's version.
    What is wrong goes to the report; if an error is among it, the result is empty.
    """
    errors = Report()
    version = version_of(document, errors)
    data = Decoder(version, errors).config(document) if version is not None else {}
    report.extend(errors)
    if version is None or errors.failed:
        return {}
    return _translate(data, version, partial(mark_of, document), report, FilesDir(files_dir), spec)


def translate_data(
    data: Pairs[str, Any],
    report: Report,
    *,
    files_dir: Path | None = None,
    spec: str | None = None,
    place: Callable[[tuple[str | int, ...]], Mark | None] = lambda path: None,  # noqa: ARG005
) -> Struct:
    """Translate a Butane config that is plain data, as a program makes it; `version` has to be a good one.

    `place` gives the mark for a path of keys and indexes, for what is wrong with a value.
    Raises TypeError and ValueError for what no program should make: unknown keys, wrong types, another version.
    """
    version = parse_version(data.get("version", ""))
    if version is None or data.get("variant") != "fcos":
        raise ValueError(f"not variant fcos with a version from 1.0.0 to {NEWEST_VERSION}")
    return _translate(of_data(data, version), version, place, report, FilesDir(files_dir), spec)


def _translate(
    data: Struct,
    version: int,
    place: Callable[[tuple[str | int, ...]], Mark | None],
    report: Report,
    files: FilesDir,
    spec: str | None,
) -> Struct:
    own, made = Findings(version), Findings(SPEC_OF_VERSION[version])
    check(data, own)
    config: Struct = {}
    if not own.failed:
        config = _config(data, version, files, own, made, None)
        if made.list:
            # Only now does it matter where each part of the config comes from, so it is made again, with its origins.
            origins: Origins = {}
            _config(data, version, files, Findings(version), Findings(made.version), origins)
            paths = [origins.get(finding.path) or _snaked(finding.path) for finding in made.list]
            add_problems(made.list, place, report, paths)
    add_problems(own.list, place, report)
    if own.failed or made.failed:
        return {}
    if spec is not None:
        mark = place(("version",))
        try:
            config = at_spec(config, spec)
        except TooOldSpec as error:
            report.error(str(error), mark)
            return {}
        other = Report()
        check_config(config, other, f"as Ignition {spec}", mark)
        report.extend(other)
        if other.failed:
            return {}
    return config


def _config(
    data: Struct, version: int, files: FilesDir, own: Findings, made: Findings, origins: Origins | None
) -> Struct:
    """Make the config; `own` gets findings by Butane paths, `made` those by paths of the result."""
    translator = Translator(version, files, own, origins)
    config = translator.config(data)
    if data.get("storage"):
        config = mount_units(data, version).under(config, origins)
        add_trees(data, config, translator)
    if own.failed:
        return {}
    config = boot_device(data, translator).under(config, origins)
    warn_of_partitions(config, version, made)
    config = grub(data, version).under(config, origins)
    validate(config, made)
    return config


def _snaked(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    return tuple(snake(step) if isinstance(step, str) else step for step in path)
