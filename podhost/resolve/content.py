"""What a stack brings of its own making: rendered files, systemd units, and how its secrets are made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from podhost import plan
from podhost.library import StackFolder
from podhost.problems import Mark, Report, Source, did_you_mean
from podhost.quadlet import unitfile
from podhost.resolve import values as read
from podhost.resolve.fill import Filler
from podhost.spec import stack as spec
from podhost.templates import Templates


class Content(Filler):
    """The files, units and secrets of one stack."""

    def __init__(
        self,
        folder: StackFolder,
        values: Mapping[str, Any],
        places: Mapping[str, Mark],
        templates: Templates,
        report: Report,
    ) -> None:
        super().__init__(folder, values, places, templates, report)
        self.root = f"{plan.DATA_ROOT}/{self.stack.stack}"

    def users_of_file(self, template: str) -> set[str]:
        """Who mounts a configuration file: members of one pod count as one, as SELinux gives them one label."""
        return {
            container.pod or name
            for name, container in self.stack.containers.items()
            if template in container.files.values()
        }

    def files(self) -> tuple[plan.ConfigFile, ...]:
        """Render the files that containers mount."""
        found: dict[str, plan.ConfigFile] = {}
        for name, container in self.stack.containers.items():
            for target, template in container.files.items():
                if template not in found:
                    mark = self.mark(("containers", name, "files", target))
                    found[template] = plan.ConfigFile(
                        template, f"{self.root}/config/{template}", self.template(template, mark), mark
                    )
        return tuple(found.values())

    def template(self, name: str, mark: Mark) -> str:
        """Render a template of the stack's folder; `mark` is where the stack names it."""
        source = self.folder.files.get(name)
        if source is None:
            self.report.error(f"the stack has no file 'files/{name}'", mark, did_you_mean(name, self.folder.files))
            return ""
        return self.templates.file(source, self.values, self.report)

    def own_unit(self, name: str, unit: spec.Unit) -> plan.Unit:
        """Render a systemd unit of the stack's own."""
        path = ("units", name)
        if not re.fullmatch(r"[A-Za-z0-9:_.@-]+\.(service|timer|path|socket|target|mount|swap|slice)", name):
            self.report.error(
                f"'{name}' is not the name of a systemd unit",
                self.mark(path),
                "it ends with its type, as in backup.timer",
            )
        content = self.template(unit.template, self.mark((*path, "template")))
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
            content = self.maybe(path, stack[name].content, read.secret_content) or ()
            for segment in content:
                if (
                    segment.kind == "secret"
                    and self.named(path, segment.argument, stack, "secret", "secrets/undefined")
                    and segment.argument in stack
                ):
                    add(segment.argument, (*chain, name))
            found[name] = plan.Secret(name, self.unit(name), content, self.mark(("secrets", name)))

        for name in stack:
            add(name, ())
        return tuple(found.values())
