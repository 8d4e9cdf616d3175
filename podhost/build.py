"""From a target to an Ignition config, all the way: what `podhost render` does, and everything that starts from a host."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from podhost import butane, ignition
from podhost.check import Checker, Target
from podhost.document import Mapping, Node, Scalar, Sequence, key_mark, load, locate, node_of, plain, read, read_text
from podhost.fileset import FileSet
from podhost.ignition.specs import parse_spec
from podhost.library import Library
from podhost.plan import Plan
from podhost.problems import Mark, Report, Source, did_you_mean
from podhost.quadlet.keys import DEFAULT_PODMAN, Release
from podhost.render import render
from podhost.resolve import resolve
from podhost.resolve.attachments import attached
from podhost.spec.host import Host
from podhost.spec.model import validate
from podhost.templates import Templates


class HostFile(NamedTuple):
    """A host as it was asked for: the model, the nodes it was read from, and the folder that its paths start at.

    A demo host comes with the library that its stack was found in; for any other, the builder's and the folder tell.
    """

    host: Host
    node: Node
    folder: Path
    demo: Library | None = None


class Built(NamedTuple):
    """A host at every stage: what it means, what it has, and the Ignition config that makes it."""

    plan: Plan
    files: FileSet
    config: dict[str, Any]


class Builder:
    """Builds hosts from one library; stacks are read, and templates compiled, once for all of them."""

    def __init__(self, library: Library | None = None) -> None:
        self.library = library or Library()
        self.templates = Templates()

    def read(
        self, target: str, report: Report, settings: Iterable[str] = (), ssh_keys: Iterable[Path] = ()
    ) -> HostFile | None:
        """Read the host that a target means: the demo host of a stack by its name, or a host file by its path.

        Each setting is `KEY=VALUE`, where KEY is `STACK.PARAMETER` or a key of the host file, with dots between levels.
        """
        library = self.library.beside(Path())  # a name is looked for where one stands
        demo = target in library.names
        path = library.stack(target).demo if demo else Path(target)
        if demo and not path.exists():
            report.error(
                f"the stack '{target}' has no demo host",
                hint=f"podhost init {target} > host.yaml makes a host of your own",
            )
            return None
        if not demo and not _exists(path):
            hint = did_you_mean(target, library.names)
            near = hint.startswith("did you mean")
            report.error(
                f"'{target}' is neither a stack nor a file", hint=hint if near else "podhost stacks lists the stacks"
            )
            return None
        node = load(path, report)
        if node is None:
            return None
        if isinstance(node, Mapping):
            for setting in settings:
                _set(node, setting, report)
            _add_keys(node, ssh_keys, report)
        host = validate(Host, node, report)
        return HostFile(host, node, path.parent, library if demo else None) if host else None

    def build(
        self,
        file: HostFile,
        report: Report,
        podman: Release = DEFAULT_PODMAN,
        spec: str | None = None,
        checker: Checker | None = None,
    ) -> Built | None:
        """Build a host; every problem goes to the report, and with an error among them there is none.

        Without a `checker` the rules of severity error are held.
        """
        host = file.host
        checker = checker or Checker(Target(podman))
        if spec is not None:
            _check_spec(spec, report)
        secrets = None
        if host.secrets is not None:
            secrets = load(file.folder / host.secrets, report, locate(file.node, ("secrets",))[0], secret=True)
        attachments = attached(host, file.node, file.folder, report)
        own = [
            load(file.folder / path, report, locate(file.node, ("butane", index))[0])
            for index, path in enumerate(host.butane)
        ]
        library = file.demo or self.library.beside(file.folder)
        plan = resolve(host, file.node, library, self.templates, report, secrets, attachments)
        if plan is None or report.failed:
            return None
        files = render(plan, library, self.templates, podman, report)
        if report.failed:
            return None
        checker.plan(plan, files, report)
        if report.failed:
            return None
        config: dict[str, Any] = butane.translate_data(
            files.butane(), report, files_dir=file.folder, place=lambda path: _place(files, path)
        )
        for snippet in files.snippets:
            translated, problems = _translate_snippet(snippet.name, snippet.text)
            report.extend(problems)
            config = ignition.merge(config, translated)
        for node in own:
            if node is not None:
                config = ignition.merge(config, butane.translate(node, report, files_dir=file.folder))
        if own and not report.failed:  # two good configs can merge to a bad one
            ignition.check(config, report, "the host together with your Butane files", key_mark(file.node, ("butane",)))
        if report.failed:
            return None
        try:
            config = ignition.at_spec(config, spec)
        except ValueError as error:
            report.error(
                str(error), hint="" if isinstance(error, ignition.TooOldSpec) else "write it as in --spec 3.4.0"
            )
            return None
        checker.config(plan, files, config, report)
        return None if report.failed else Built(plan, files, config)


def _place(files: FileSet, path: tuple[str | int, ...]) -> Mark | None:
    """Where a tree is named; everything else in a file set was checked before."""
    match path:
        case ("storage", "trees", int(index), *_):
            return files.trees[index].mark
    return None


@lru_cache(64)  # hosts of one run share most of their snippets
def _translate_snippet(name: str, text: str) -> tuple[dict[str, Any], Report]:
    report = Report()
    node = read(Source(name, text), report)
    return (butane.translate(node, report) if node else {}), report


def _check_spec(spec: str, report: Report) -> None:
    try:
        parse_spec(spec)
    except ValueError as error:
        report.error(str(error), hint="write it as in --spec 3.4.0")


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):  # the last is for a name with NUL in it
        return False
    except OSError:  # it is for whoever reads it to say why that fails
        return True
    return path.name != ""


def _set(root: Mapping, setting: str, report: Report) -> None:
    """Put the value of a `--set` where the host file would have it; its mark is the setting itself."""
    source = Source("--set", setting)
    key, equals, value = setting.partition("=")
    if not equals or not all(key.split(".")):
        report.error(
            "KEY=VALUE is expected here",
            Mark(source, 1, 1, len(setting) or 1),
            "as in --set hostname=chat.example.org, or --set STACK.PARAMETER=VALUE",
        )
        return
    path = key.split(".")
    stacks = root.pairs.get("stacks")
    if isinstance(stacks, Mapping) and path[0] in stacks.pairs:
        path.insert(0, "stacks")
    key_mark = Mark(source, 1, 1, len(key))
    known = [*Host.model_fields, *(stacks.pairs if isinstance(stacks, Mapping) else ())]
    if path[0] not in known:
        report.error(f"there is nothing called '{path[0]}' to set", key_mark, did_you_mean(path[0], known))
        return
    holder = root
    for step in path[:-1]:
        child = holder.pairs.get(step)
        if not isinstance(child, Mapping):
            if child is not None and not (isinstance(child, Scalar) and child.value is None):
                report.error(f"'{step}' has no keys to set", key_mark)
                return
            child = Mapping({}, {}, key_mark)
            holder.pairs[step] = child
            holder.key_marks.setdefault(step, key_mark)
        holder = child
    mark = Mark(source, 1, len(key) + 2, len(value) or 1)
    node: Node = Scalar(value, False, None, mark)
    if value[:1] in ("[", "{"):
        syntax = Report()
        parsed = read(Source("--set", value), syntax)
        if parsed is None:
            report.error("this is not a list or mapping as YAML writes it", mark, "as in [one, two]")
            return
        node = node_of(plain(parsed), mark)
    holder.pairs[path[-1]] = node
    holder.key_marks[path[-1]] = key_mark


def _add_keys(root: Mapping, paths: Iterable[Path], report: Report) -> None:
    """Add the lines of public key files to the host's ssh keys."""
    for path in paths:
        node = _key_file(path, report)
        if not node:
            continue
        keys = root.pairs.get("ssh_keys")
        if not isinstance(keys, Sequence):
            keys = Sequence([], root.mark)
            root.key_marks.setdefault("ssh_keys", root.mark)
        root.pairs["ssh_keys"] = Sequence([*keys.items, *node], keys.mark)


def _key_file(path: Path, report: Report) -> list[Node]:
    text = read_text(path, report, 64 * 1024)
    if text is None:
        return []
    source = Source(str(path), text)
    if "PRIVATE KEY" in text:
        report.error(f"'{path}' is a private key", hint=f"give the public one: {path}.pub")
        return []
    lines = [(number, line.strip()) for number, line in enumerate(source.lines, 1)]
    found: list[Node] = [
        Scalar(line, False, None, Mark(source, number, 1, len(line)))
        for number, line in lines
        if line and line[0] != "#"
    ]
    if not found:
        report.error(f"there is no key in '{path}'")
    return found
