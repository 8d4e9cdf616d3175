"""Butane data to an Ignition config: field by field, then what Butane adds of its own.

Nearly every field keeps its place and only changes its name, so one walk over the schema does it.
The exceptions are the structs in `SPECIAL`, whose contents may come from the config or a local file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podhost.butane.local import FilesDir, LocalError
from podhost.ignition import dataurl
from podhost.ignition.findings import Findings, Path
from podhost.ignition.schema import SPEC_OF_VERSION, Field, Struct, ignition_fields

Origins = dict[Path, Path]
"""For each path of the Ignition config, the path of the Butane config it comes from."""


class Translator:
    """Translates one config of version 1.`version`.0.

    `findings` gets what is wrong with local files, by Butane paths.
    `origins` is filled if there is one; most runs have no mistake to look up, and do without.
    """

    def __init__(self, version: int, files: FilesDir, findings: Findings, origins: Origins | None) -> None:
        self.version = version
        self.files = files
        self.findings = findings
        self.origins = origins
        self._fields: dict[str, list[tuple[str, str, Field]]] = {}

    def config(self, data: Struct) -> Struct:
        """Translate all that needs no sugar."""
        config = self.struct("Config", data, (), ())
        ignition = config.pop("ignition", {})
        ignition["version"] = f"3.{SPEC_OF_VERSION[self.version]}.0"
        self.note(("ignition", "version"), ("version",))
        return {"ignition": ignition, **config}

    def struct(self, type_: str, value: Struct, source: Path, into: Path) -> Struct:
        """Translate a struct; what is empty in it is left out."""
        result: Struct = {}
        origins = self.origins
        for name, butane, field in self.fields(type_):
            item = value.get(butane)
            if item is None:
                if field.always >= self.version and not field.many:
                    result[name] = field.zero
                continue
            if field.many:
                if item:
                    result[name] = self.many(field, item, (*source, butane), (*into, name))
            elif field.struct:
                made = self.struct(field.type, item, (*source, butane), (*into, name))
                if any(each is not None for each in made.values()) or field.pointer >= self.version:
                    result[name] = made
            elif item or not field.plain or field.always >= 0:
                result[name] = item
                if origins is not None:
                    origins[(*into, name)] = (*source, butane)
        if special := SPECIAL.get(type_):
            result = special(self, value, result, source, into)
        if origins is not None:
            origins[into] = source
        return result

    def many(self, field: Field, items: list[Any], source: Path, into: Path) -> list[Any]:
        """Translate a list."""
        if self.origins is not None:
            self.origins[into] = source
            self.origins.update({(*into, index): (*source, index) for index in range(len(items))})
        if not field.struct:
            return list(items)
        return [self.struct(field.type, item, (*source, index), (*into, index)) for index, item in enumerate(items)]

    def fields(self, type_: str) -> list[tuple[str, str, Field]]:
        """The fields of a struct in this version: Ignition name, Butane name, field."""
        if (found := self._fields.get(type_)) is None:
            found = [
                (field.name, field.butane, field)
                for field in ignition_fields(type_)
                if field.since <= self.version and not field.derived
            ]
            self._fields[type_] = found
        return found

    def note(self, into: Path, source: Path) -> None:
        """Note where a part of the result comes from."""
        if self.origins is not None:
            self.origins[into] = source

    def local(self, read: Callable[[str], Any], name: str, source: Path) -> Any:
        """Read a local file; None, and a finding, if that is not possible."""
        try:
            return read(name)
        except LocalError as error:
            self.findings.error(source, str(error), error.hint)
            return None

    # -- structs that are more than their fields

    def resource(self, value: Struct, result: Struct, source: Path, into: Path) -> Struct:
        """Put inline and local contents into a `data:` URL."""
        data: bytes | None = None
        for name in ("local", "inline"):
            if (given := value.get(name)) is None:
                continue
            place = (*source, name)
            data = (
                self.local(self.files.read, given, place) if name == "local" else given.encode("utf-8", "surrogatepass")
            )
            self.note((*into, "source"), place)
            if self.version and not result.get("compression"):
                self.note((*into, "compression"), place)
        if data is None:
            return result
        return in_order("Resource", {**result, **embedded(data, result.get("compression"), self.version)})

    def user(self, value: Struct, result: Struct, source: Path, into: Path) -> Struct:
        """Add the keys of local files to the keys of a user, one a line."""
        names = value.get("ssh_authorized_keys_local")
        if not names:
            return result
        source, into = (*source, "ssh_authorized_keys_local"), (*into, "sshAuthorizedKeys")
        self.note(into, source)
        keys = list(result.get("sshAuthorizedKeys", ()))
        if self.files.root is None:
            self.local(self.files.text, names[0], source)
            return result
        for index, name in enumerate(names):
            text = self.local(self.files.text, name, (*source, index)) or ""
            for line in text.replace("\r\n", "\n").split("\n"):
                if line:
                    self.note((*into, len(keys)), (*source, index))
                    keys.append(line)
        return in_order("PasswdUser", {**result, "sshAuthorizedKeys": keys}) if keys else result

    def unit(self, value: Struct, result: Struct, source: Path, into: Path) -> Struct:
        """Take the contents of a unit or drop-in from a local file."""
        if not (name := value.get("contents_local")):
            return result
        place = (*source, "contents_local")
        self.note((*into, "contents"), place)
        text = self.local(self.files.text, name, place)
        return {"contents": text, **result} if text is not None else result


def embedded(data: bytes, compression: str | None, version: int) -> Struct:
    """Give the source, and the compression where it has to be said, of a resource that holds these bytes.

    Data that come compressed, as `compression` says, are not compressed again.
    An empty compression is written, lest a merge inherit one; 1.0.0 knew neither that nor base64.
    """
    if version == 0:
        return {"source": "data:," + dataurl.escape(data)}
    if compression:
        return {"source": dataurl.encode(data, compress=False)[0]}
    source, compression = dataurl.encode(data)
    return {"compression": compression, "source": source}


def in_order(type_: str, value: Struct) -> Struct:
    """Put the fields of a struct into the order of the schema."""
    return {field.name: value[field.name] for field in ignition_fields(type_) if field.name in value}


SPECIAL: dict[str, Callable[[Translator, Struct, Struct, Path, Path], Struct]] = {
    "Dropin": Translator.unit,
    "PasswdUser": Translator.user,
    "Reference": Translator.resource,
    "Resource": Translator.resource,
    "Unit": Translator.unit,
}
