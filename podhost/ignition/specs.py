"""Which Ignition spec a config needs, and the config at another one.

Old tools refuse new specs even for old content, so a config carries the lowest spec that its content needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from podhost.ignition import urls
from podhost.ignition.findings import Path
from podhost.ignition.schema import NEWEST_SPEC, SPEC_OF_VERSION, Struct, fields_by_name


class TooOldSpec(ValueError):
    """The content of a config needs a newer spec than was asked for; `needs` has the paths and their specs."""

    def __init__(self, spec: str, needs: list[tuple[Path, int]]) -> None:
        self.needs = needs
        parts = [f"{'.'.join(map(str, path))} needs 3.{least}.0" for path, least in needs[:5]]
        more = f", and {len(needs) - 5} more" if len(needs) > 5 else ""
        super().__init__(f"Ignition {spec} is too old for this config: {', '.join(parts)}{more}")


def lowest_spec(config: Struct) -> str:
    """Give the lowest spec (such as '3.2.0') that has everything in a config."""
    return f"3.{max((least for _, least in needs(config)), default=0)}.0"


def at_spec(config: Struct, spec: str | None = None) -> Struct:
    """Give a config the spec asked for, or the lowest that it needs; raise `TooOldSpec` if it needs a newer one.

    Raises ValueError for what is no spec from 3.0.0 to 3.6.0.
    """
    if spec is None:
        spec = lowest_spec(config)
    else:
        wanted = parse_spec(spec)
        if missing := [need for need in needs(config) if need[1] > wanted]:
            raise TooOldSpec(spec, missing)
    return {**config, "ignition": {**config.get("ignition", {}), "version": spec}}


def parse_spec(text: str) -> int:
    """Give x of a spec '3.x.0'; raise ValueError for others."""
    for minor in range(NEWEST_SPEC + 1):
        if text == f"3.{minor}.0":
            return minor
    raise ValueError(f"'{text}' is no Ignition spec from 3.0.0 to 3.{NEWEST_SPEC}.0")


def needs(config: Struct) -> list[tuple[Path, int]]:
    """Give every part of a config that spec 3.0.0 does not have, with the x of the first 3.x.0 that does."""
    found: list[tuple[Path, int]] = []
    _struct("Config", config, (), found)
    return found


def _struct(type_: str, value: Struct, path: Path, found: list[tuple[Path, int]]) -> None:
    if rule := _NEEDS.get(type_):
        found += [((*path, name), least) for name, least in rule(value)]
    fields = fields_by_name(type_)
    for name, item in value.items():
        field = fields[name]
        if item is None or (not item and (field.many or field.struct)):
            continue
        if field.since:
            found.append(((*path, name), SPEC_OF_VERSION[field.since]))
        if not field.struct:
            continue
        if field.many:
            for index, each in enumerate(item):
                _struct(field.type, each, (*path, name, index), found)
        else:
            _struct(field.type, item, (*path, name), found)


def _of_resource(value: Struct) -> Iterator[tuple[str, int]]:
    source = value.get("source")
    if source and not source.startswith("data:"):
        yield "source", urls.FETCHED.get(urls.scheme(source) or "", 0)


def _of_hash(value: Struct) -> Iterator[tuple[str, int]]:
    if (value.get("hash") or "").startswith("sha256-"):
        yield "hash", 1


def _of_mode(value: Struct) -> Iterator[tuple[str, int]]:
    if (value.get("mode") or 0) & 0o7000:  # accepted before, and without effect
        yield "mode", 6


def _of_filesystem(value: Struct) -> Iterator[tuple[str, int]]:
    if value.get("format") == "none":
        yield "format", 3


def _of_pin(value: Struct) -> Iterator[tuple[str, int]]:
    if value.get("pin") and value["pin"] not in ("tpm2", "tang", "sss"):
        yield "pin", 6


def _of_clevis(value: Struct) -> Iterator[tuple[str, int]]:
    # before 3.3.0 a custom pin excludes all else even where it is empty
    custom = value.get("custom")
    if custom is not None and not custom.get("pin") and any(value.get(name) for name in ("tang", "tpm2", "threshold")):
        yield "custom", 3


_NEEDS: dict[str, Callable[[Struct], Iterator[tuple[str, int]]]] = {
    "Clevis": _of_clevis,
    "ClevisCustom": _of_pin,
    "Directory": _of_mode,
    "File": _of_mode,
    "Filesystem": _of_filesystem,
    "Reference": _of_resource,
    "Resource": _of_resource,
    "Verification": _of_hash,
}
