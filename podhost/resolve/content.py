"""What a stack brings of its own making: rendered files, systemd units, and how its secrets are made."""

from __future__ import annotations

import re
from collections.abc import Mapping

from podhost import plan
from podhost.problems import Source, did_you_mean
from podhost.quadlet import unitfile
from podhost.resolve import values as read
from podhost.resolve.fill import Filler, Path
from podhost.spec import stack as spec


class Content(Filler):
    """The files, units and secrets of one stack."""

    @property
    def root(self) -> str:
        """The folder of the service's lasting data."""
        return f"{plan.DATA_ROOT}/{self.stack.stack}"

    def users_of_file(self, file: plan.ConfigFile) -> set[str]:
        """Who mounts a configuration file: members of one pod count as one, as SELinux gives them one label."""
        return {
            self.stack.containers[name].pod or name
            for (name, _), each in self.mounted.items()
            if each.name == file.name
        }

    def files(self) -> tuple[plan.ConfigFile, ...]:
        """Render the files that containers mount."""
        found: dict[str, plan.ConfigFile] = {}
        self.mounted: dict[tuple[str, str], plan.ConfigFile] = {}  # by container, and path in it
        for name, container in self.stack.containers.items():
            for target, template in container.files.items():
                file = self.file(("containers", name, "files", target), template, found)
                found[file.name] = self.mounted[name, target] = file
        return tuple(found.values())

    def file(self, path: Path, template: str, found: Mapping[str, plan.ConfigFile]) -> plan.ConfigFile:
        """Render a file for a container, or take one that is there: where it has a number in it, it is the container's own."""
        number, shared = self.numbers.get(str(path[1])), found.get(template)
        if shared and number is None:
            return shared
        content = self.template(template, path)
        if shared and shared.content == content:
            return shared
        stem, dot, suffix = template.rpartition(".")
        name = template if number is None else f"{stem or suffix}-{number}{dot}{suffix if stem else ''}"
        return plan.ConfigFile(name, f"{self.root}/config/{name}", content, self.mark(path))

    def template(self, name: str, path: Path) -> str:
        """Render a template of the stack's folder; the stack names it at the path."""
        source = self.folder.files.get(name)
        if source is None:
            mark = self.mark(path)
            self.report.error(f"the stack has no file 'files/{name}'", mark, did_you_mean(name, self.folder.files))
            return ""
        return self.templates.file(source, self.values_at(path), self.report)

    def own_unit(self, name: str, unit: spec.Unit) -> plan.Unit:
        """Render a systemd unit of the stack's own."""
        path = ("units", name)
        if not re.fullmatch(r"[A-Za-z0-9:_.@-]+\.(service|timer|path|socket|target|mount|swap|slice)", name):
            self.report.error(
                f"'{name}' is not the name of a systemd unit",
                self.mark(path),
                "it ends with its type, as in backup.timer",
            )
        content = self.template(unit.template, (*path, "template"))
        if source := self.folder.files.get(unit.template):
            unitfile.parse(Source(source.name, content), self.report)
        return plan.Unit(name, content, unit.enabled, self.mark(path))

    def secrets(self) -> tuple[plan.Secret, ...]:
        """The secrets, those that others are made of first."""
        found: dict[str, plan.Secret] = {}
        stack = self.stack.secrets

        def add(name: str, chain: tuple[str, ...]) -> None:
            if name in found:
                return
            path = ("secrets", name, "content")
            if name in chain:
                self.report.error(
                    f"the secret '{name}' is made of itself",
                    self.mark(path),
                    f"the circle is {' → '.join((*chain, name))}",
                )
                return
            content = self.pieces(path, stack[name].content)
            for segment in content:
                if (
                    segment.kind in ("secret", "json")
                    and self.named(path, segment.argument, stack, "secret", "secrets/undefined")
                    and segment.argument in stack
                ):
                    add(segment.argument, (*chain, name))
            found[name] = plan.Secret(name, self.unit(name), content, self.mark(("secrets", name)))

        for name in stack:
            add(name, ())
        return tuple(found.values())

    def pieces(self, path: Path, text: str) -> tuple[plan.Segment, ...]:
        """Take a secret's content apart, and then fill in what is text in it: no value can ask for a secret."""
        try:
            segments = read.secret_content(text)
        except ValueError as error:
            self.report.error(str(error.args[0]), self.mark(path), error.args[1] if len(error.args) > 1 else "")
            return ()
        return tuple(
            each._replace(argument=self.parse(path, each.argument, read.secret_text, ""))
            if each.kind == "text"
            else each
            for each in segments
        )
