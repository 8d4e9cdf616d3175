"""The family `host`: the machine under the services, and the file that makes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from podhost import ignition
from podhost.check.images import data_path
from podhost.check.rules import ERROR, WARNING, Finding, rule
from podhost.check.subject import Subject
from podhost.ignition import dataurl
from podhost.ignition.specs import parse_spec

_ZINCATI = "/etc/zincati/config.d/"
_CONSOLE = re.compile(r"(serial-)?getty@.*\.service|console-getty\.service")


def _config_files(config: dict[str, Any], folder: str) -> dict[str, str]:
    """The text files of a config below a folder, by their paths."""
    found = {}
    for file in config.get("storage", {}).get("files", ()):
        contents = file.get("contents") or {}
        source = contents.get("source") or ""
        if str(file.get("path", "")).startswith(folder) and source.startswith("data:"):
            data = dataurl.contents(source, contents.get("compression") or "")
            found[file["path"]] = data.decode("utf-8", "replace")
    return found


@rule("host/no-login", WARNING, late=True)
def no_login(subject: Subject) -> Iterator[Finding]:
    """Nobody can log in: there is no ssh key, no password, and no console that logs in by itself.

    Why: a host needs nobody while all is well; when it is not, nobody can look.

    Mend: add `ssh_keys`, or `--ssh-key` when the host is rendered; a password or a console belongs in your own Butane.
    """
    users = subject.config.get("passwd", {}).get("users", ())
    units = subject.config.get("systemd", {}).get("units", ())
    texts = [
        text.get("contents") or ""
        for unit in units
        if _CONSOLE.fullmatch(str(unit.get("name")))
        for text in (unit, *unit.get("dropins", ()))
    ]
    known = any(user.get("sshAuthorizedKeys") or user.get("passwordHash") for user in users)
    if not known and not any("--autologin" in text for text in texts):
        yield Finding("nobody can log in to this host", None, "add ssh_keys, or use --ssh-key ~/.ssh/id_ed25519.pub")


@rule("host/no-window", WARNING, late=True)
def no_window(subject: Subject) -> Iterator[Finding]:
    """The machine restarts into updates whenever they come, and not in a window.

    Why: Zincati's own strategy is `immediate`; files of your own Butane below /etc/zincati/config.d win over what podhost writes, in the order of their names.

    Mend: leave the strategy `periodic`, and set `updates.window` of the host file; or switch updates off there, and do them by hand.

    Source: Zincati, docs/usage/updates-strategy.md.
    """
    import tomllib  # few hosts have a file of their own there

    updates: dict[str, Any] = {}
    for _, text in sorted(_config_files(subject.config, _ZINCATI).items()):
        try:
            updates |= tomllib.loads(text).get("updates", {})
        except tomllib.TOMLDecodeError:
            continue
    windows = updates.get("periodic", {}).get("window")
    if updates.get("enabled", True) and (updates.get("strategy") != "periodic" or not windows):
        yield Finding(
            "the machine restarts into updates at any time",
            None,
            f"leave the strategy periodic, with a window, in {_ZINCATI}",
        )


@rule("host/data-not-lasting", WARNING)
def data_not_lasting(subject: Subject) -> Iterator[Finding]:
    """An image's data is on no volume that outlives the system.

    Why: Quadlet makes a container anew at every start; what it wrote to its own file system, or to an unnamed volume of its image, is then gone.
    A volume with `lasting: false` goes with the system's disk.

    Mend: define a volume, and mount it where the image has its data.

    Source: podman-systemd.unit(5): the container is removed when its service stops.
    """
    for member in subject.members:
        data = data_path(member)
        path = data.get("path", "")
        targets = {mount.target for mount in member.container.mounts}
        if not path or data.get("refuses") in targets:  # that is another rule's
            continue
        mounts = [
            each
            for each in member.container.mounts
            if path == each.target or path.startswith(each.target.rstrip("/") + "/")
        ]
        lost = [each for each in mounts if not each.source.startswith("/")]
        if not mounts or lost:
            yield Finding(
                f"the data of {member.name}, in {path}, does not outlive {'the system' if lost else 'the container'}",
                lost[0].mark if lost else member.mark(),
                f"mount a lasting volume at {path}",
                member.service.name,
            )


@rule("host/spec-too-new", ERROR, late=True)
def spec_too_new(subject: Subject) -> Iterator[Finding]:
    """The config needs a later Ignition spec than the machine reads.

    Why: Ignition refuses a version that it does not know, and the machine does not boot.

    Mend: leave out what needs it in your own Butane, or take a later image of the system.

    Source: Ignition, docs/specs.md.
    """
    needed = ignition.lowest_spec(subject.config)
    newest = subject.target.spec
    if newest and parse_spec(needed) > parse_spec(newest):
        where = f"the stream {subject.target.stream}" if subject.target.stream else "the machine"
        yield Finding(
            f"the config needs Ignition spec {needed}, and {where} reads up to {newest}",
            None,
            "leave out what needs it in your own Butane, or take a later image",
        )


@rule("host/config-too-large", ERROR, late=True)
def config_too_large(subject: Subject) -> Iterator[Finding]:
    """The config is larger than the provider's user-data may be.

    Why: the provider refuses to make the machine.

    Mend: put the config where the machine can fetch it, and give the provider a small one that names it: `ignition: {config: {replace: {source: https://…}}}`.

    Source: the providers' own documentation, named in podhost/check/targets.json.
    """
    limit = subject.target.limit
    size = len(ignition.dumps(subject.config).encode()) + 1 if limit else 0
    if size > limit:
        yield Finding(
            f"the config has {size} bytes, and {subject.target.provider} takes {limit}",
            None,
            "put it where the machine can fetch it, and give the provider a config that names the place",
        )
