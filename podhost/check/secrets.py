"""The family `secrets`: what is to be kept, and from whom."""

from __future__ import annotations

import re
from collections.abc import Iterator

from podhost import plan
from podhost.check.rules import ERROR, WARNING, Finding, early, rule
from podhost.check.subject import Subject, last

early(
    "secrets/undefined",
    """
    A secret is used that the stack does not define.

    Why: podman does not start a container whose secret is not there.

    Mend: define it under `secrets`, or correct the name.

    Source: podman-run(1), --secret.
    """,
)

_WORD = r"(?:pass(?:word|wd|phrase)|secret|token|api[_-]?key|secret[_-]?key|private[_-]?key|credentials?)"
_VARIABLE = rf"(?:.*[_-])?{_WORD}"
# A key of a configuration file, in YAML, TOML, INI, JSON or as nginx and others write it, and its value to the end of the line.
_SETTING = rf"^[ \t]*[\"']?(?P<key>(?:[\w.-]*[_.-])?{_WORD})[\"']?[ \t]*[:=][ \t]*(?P<value>\S.*)$"
_PRIVATE_KEY = r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
_NO_SECRET = r"true|false|yes|no|on|off|null|none|[{\[|>].*|[$%<].*|.*(?:\$\{|\$\().*|[\d.]+|.{0,3}"


def _literal(value: str) -> bool:
    """Whether a value may be a secret: no path, no reference to something else, no number, no switch."""
    text = re.sub(r"\s+#.*$", "", value).strip().rstrip(",;").strip("\"'")
    return not text.startswith("/") and not re.fullmatch(_NO_SECRET, text, re.IGNORECASE)


@rule("secrets/unused", WARNING)
def unused(subject: Subject) -> Iterator[Finding]:
    """A secret that no container has, and no other secret is made of.

    Why: what is made and kept for nobody may leak, and never helps.

    Mend: add it to `secrets` of the container that reads it, or leave it out.
    """
    for service in subject.plan.services:
        used = {name for container in service.containers for name in container.secrets}
        used |= {each.argument for secret in service.secrets for each in secret.content if each.kind == "secret"}
        for secret in service.secrets:
            if secret.name not in used:
                yield Finding(
                    f"no container has the secret '{secret.name}'",
                    secret.mark,
                    "add it to 'secrets' of the container that reads it, or leave it out",
                    service.name,
                )


@rule("secrets/literal", ERROR)
def literal(subject: Subject) -> Iterator[Finding]:
    """A literal that looks like a secret stands in environment, arguments or a template.

    Why: podman shows environment and arguments to everybody, templates are files that everybody reads, and all of it is in the Ignition file, which stays with the cloud's provider.

    Mend: define it under `secrets`, and give the program the path: `PASSWORD_FILE: "{{ secrets.password }}"`.
    If it is no secret, silence the rule and say why.

    Source: podman-secret(1); Ignition, docs/operator-notes.md, 'Secrets'.
    """
    hint = "define it under 'secrets', and give the program the path of its file"
    for member in subject.members:
        container = member.container
        for name, value in container.environment.items():
            if re.fullmatch(_VARIABLE, name, re.IGNORECASE) and _literal(value):
                yield Finding(
                    f"{name} is a secret that everybody sees",
                    member.mark("environment", name),
                    hint,
                    member.service.name,
                )
        for key in member.given("Environment"):
            for value in key.values:
                name, _, rest = value.partition("=")
                if re.fullmatch(_VARIABLE, name, re.IGNORECASE) and _literal(rest):
                    yield Finding(f"{name} is a secret that everybody sees", key.mark, hint, member.service.name)
        for index, word in enumerate(container.command):
            name, equals, value = word.partition("=")
            following = "".join(container.command[index + 1 : index + 2])
            option = re.fullmatch(rf"--?{_VARIABLE}", name, re.IGNORECASE)
            if option and _literal(value if equals else following):
                yield Finding(
                    f"{name} gives a secret that everybody sees",
                    member.mark("command", index),
                    hint,
                    member.service.name,
                )
    for service in subject.plan.services:
        for file in service.files:
            for match in re.finditer(_SETTING, file.content, re.IGNORECASE | re.MULTILINE):
                if _literal(match["value"]):
                    yield Finding(
                        f"'{match['key']}' in {file.name} is a secret that everybody reads",
                        file.mark,
                        hint,
                        service.name,
                    )
            if re.search(_PRIVATE_KEY, file.content):
                yield Finding(f"{file.name} holds a private key that everybody reads", file.mark, hint, service.name)


@rule("secrets/readable", ERROR)
def readable(subject: Subject) -> Iterator[Finding]:
    """A secret reaches a place that others can read.

    Why: a secret in the environment, or in a file with a mode for everybody, is one for every program in the container, and for all that it starts.
    An embedded secret that also stands in another file of the host is one for everybody on it.

    Mend: leave the `Secret` key out and list the secret under `secrets`: it is then a file that the container's user alone can read.

    Source: podman-run(1), --secret.
    """
    for member in subject.members:
        for key in member.given("Secret"):
            for value in key.values:
                options = dict(item.partition("=")[::2] for item in value.split(",")[1:])
                if options.get("type") == "env" or _mode(options.get("mode", "")) & 0o007:
                    yield Finding(
                        f"'{value}' is for everybody in the container",
                        key.mark,
                        "list it under 'secrets' in place of the key",
                        member.service.name,
                    )
    for secret in subject.plan.embedded:
        for file in subject.files.files if len(secret.content) >= 8 else ():
            if file.mode & 0o044 and secret.content in file.content:
                yield Finding(
                    f"{file.path} holds the secret '{secret.name}', and everybody reads it",
                    file.mark,
                    "use the secret by its path",
                    secret.service,
                )


def _mode(text: str) -> int:
    return int(text, 8) if re.fullmatch("[0-7]{1,4}", text) else 0


@rule("secrets/unreadable", ERROR)
def unreadable(subject: Subject) -> Iterator[Finding]:
    """A container's user cannot read its secret.

    Why: podhost gives the file to the container's `user`, with mode 0400.
    A user that is set in another way, or a `Secret` key with another owner, leaves the program with 'Permission denied'.

    Mend: set the user by `user`, and list the secret under `secrets`.

    Source: podman-run(1), --secret; tried.
    """
    for member in subject.members:
        container = member.container
        given = last(container.quadlet, "User")
        user = container.user.uid if container.user else int(given) if given and given.isdigit() else None
        if given and not container.user and user and container.secrets:
            yield Finding(
                f"the secrets of {member.name} are root's, and it runs as {given}",
                member.given("User")[-1].mark,
                f"write 'user: {given}' in place of the key",
                member.service.name,
            )
        for key in member.given("Secret"):
            for value in key.values:
                if user is not None and (fault := _closed(value, user, container)):
                    yield Finding(fault, key.mark, "list it under 'secrets' in place of the key", member.service.name)


def _closed(value: str, user: int, container: plan.Container) -> str:
    options = dict(item.partition("=")[::2] for item in value.split(",")[1:])
    owner = int(options["uid"]) if options.get("uid", "").isdigit() else 0
    group = int(options["gid"]) if options.get("gid", "").isdigit() else 0
    mode = _mode(options.get("mode", "0444"))
    mine = (mode & 0o400 and owner == user) or mode & 0o004
    if mine or (mode & 0o040 and container.user and container.user.gid == group):
        return ""
    return f"the user {user} cannot read '{value.partition(',')[0]}': it is {owner}:{group}'s, with mode {mode:04o}"
