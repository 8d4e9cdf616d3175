"""The family `quadlet`: unit files that Quadlet drops, or that mean something else than their author."""

from __future__ import annotations

import re
from collections.abc import Iterator

from podhost import plan
from podhost.check.dropped import faults
from podhost.check.rules import ERROR, WARNING, Finding, early, rule
from podhost.check.subject import Subject
from podhost.problems import Mark
from podhost.quadlet.convert import MANY, certificates_unit, secrets_unit
from podhost.quadlet.encode import LISTS, WORDS

early(
    "quadlet/unknown-key",
    """
    A key that Quadlet does not know, in any release.

    Why: for one unknown key Quadlet drops the whole unit; there is no service, and no message but a line in the journal.

    Mend: correct the key's name; podman-systemd.unit(5) lists all of them.

    Source: podman, pkg/systemd/quadlet/quadlet.go, checkForUnknownKeys.
    """,
)
early(
    "quadlet/key-too-new",
    """
    A key that the host's podman does not know yet.

    Why: for one unknown key Quadlet drops the whole unit; there is no service, and no message but a line in the journal.

    Mend: leave the key out, or say with `--podman` that the host has a later one.

    Source: podman, pkg/systemd/quadlet/quadlet.go as it was at the first release of each minor version.
    """,
)
early(
    "quadlet/key-twice",
    """
    A key that podhost writes from a field of the stack is given a second time.

    Why: of most keys the last one wins, and what the field says would be silently undone.

    Mend: use the stack's field.

    Source: podman-systemd.unit(5).
    """,
)
early(
    "quadlet/unwritable",
    """
    A value that its key cannot hold.

    Why: Quadlet and systemd would strip it, split it or join it with the next line, and the program would see another one.

    Mend: as the hint says; often the program can read the value from a file.

    Source: systemd.syntax(7); podman, pkg/systemd/parser.
    """,
)
early(
    "quadlet/pod-key-on-member",
    """
    A member of a pod has a `network` or `publish` of its own.

    Why: a pod has one network. podman refuses to start a member with ports, and takes one with a network out of the pod's.

    Mend: write it at the pod.

    Source: podman-run(1), --pod; tried: 'network cannot be configured when it is shared with a pod'.
    """,
)

# What podman refuses for a container that joins a pod's network and names; each was tried with podman 5.4.
# DNS=, UserNS= and Network= it takes, and gives them to the one container.
_OF_THE_POD = frozenset({"AddHost", "HostName", "IP", "IP6", "NetworkAlias", "PublishPort"})
_ONE_WORD = frozenset(
    {
        *("AddCapability", "AddDevice", "DropCapability", "Exec", "GIDMap", "GlobalArgs", "PodmanArgs", "RemapGid"),
        *("RemapUid", "UIDMap"),
    }
)
# Keys of which every one counts; of all others the last one wins (LookupAll… and Lookup of podman's quadlet.go).
_SEVERAL = (
    MANY
    | WORDS
    | LISTS
    | frozenset(
        {
            *("AddHost", "ContainersConfModule", "DNS", "DNSOption", "DNSSearch", "ExposeHostPort", "GIDMap"),
            *("Gateway", "GroupAdd", "IPRange", "Network", "NetworkAlias", "Options", "RemapGid", "RemapUid"),
            *("Subnet", "UIDMap", "Ulimit"),
        }
    )
) - {"Exec"}
_SPECIFIER = r"%[a-zA-Z]|\$\{?[A-Za-z_]"


@rule("quadlet/pod-key-in-member", ERROR)
def pod_key_in_member(subject: Subject) -> Iterator[Finding]:
    """A member of a pod has a key of Quadlet's that belongs to the pod.

    Why: members share the pod's network and host name; podman refuses to start a container that wants others.

    Mend: write the key at the pod, under `quadlet`.

    Source: podman-run(1), --pod; tried: 'network cannot be configured when it is shared with a pod'.
    """
    for member in subject.members:
        if member.container.pod:
            for key in member.given(*_OF_THE_POD):
                yield Finding(
                    f"{key.name}= of a member belongs to its pod",
                    key.mark,
                    f"write it at the pod '{_pod_name(member.service, member.container.pod)}'",
                    member.service.name,
                )


def _pod_name(service: plan.Service, unit: str) -> str:
    return next(pod.name for pod in service.pods if pod.unit == unit)


@rule("quadlet/one-word", ERROR)
def one_word(subject: Subject) -> Iterator[Finding]:
    """Several words stand in one value of a key that takes each as an item.

    Why: podhost writes every value so that podman gets it as it is, as one word: `--log-level debug` is then the name of no option.

    Mend: make each word an item of a list: `PodmanArgs: [--log-level, debug]`; give a command by the container's `command`.

    Source: podman-systemd.unit(5); tried: podman ends with 'unknown flag'.
    """
    for service, keys in _keys(subject):
        for key in keys:
            for value in key.values:
                option = key.name not in ("GlobalArgs", "PodmanArgs") or re.match(r"--?[\w-]+\s", value)
                if key.name in _ONE_WORD and re.search(r"\s", value.strip()) and option:
                    hint = (
                        "give it as the container's 'command'"
                        if key.name == "Exec"
                        else f"make each word an item: {key.name}: [{', '.join(value.split())}]"
                    )
                    yield Finding(f"'{value}' reaches podman as one word", key.mark, hint, service.name)


def _keys(subject: Subject) -> Iterator[tuple[plan.Service, tuple[plan.Key, ...]]]:
    """The Quadlet keys that stacks give under their own names, part by part."""
    for service in subject.plan.services:
        for keys in (each.quadlet for each in service.networks):
            yield service, keys
        for keys in (each.quadlet for each in service.pods):
            yield service, keys
        for keys in (each.quadlet for each in service.containers):
            yield service, keys


@rule("quadlet/last-wins", WARNING)
def last_wins(subject: Subject) -> Iterator[Finding]:
    """A key that has one value is given several.

    Why: Quadlet takes the last one and drops the others without a word.

    Mend: give the one that is meant.

    Source: podman, pkg/systemd/quadlet/quadlet.go: what is looked up by `Lookup`, and not by `LookupAll`.
    """
    for service, keys in _keys(subject):
        for key in keys:
            if len(key.values) > 1 and key.name not in _SEVERAL:
                yield Finding(
                    f"of the {len(key.values)} values of {key.name}= the last one alone counts",
                    key.mark,
                    "give the one that is meant",
                    service.name,
                )


@rule("quadlet/no-expansion", WARNING)
def no_expansion(subject: Subject) -> Iterator[Finding]:
    """A value looks like a specifier of systemd's, or like a variable, and is neither.

    Why: in a stack every value of Quadlet's keys is literal; podhost doubles `%` and `$`, and the program sees them as they stand.

    Mend: write out what is meant; a parameter of the stack can hold it.

    Source: systemd.unit(5), 'Specifiers'; systemd.service(5), 'Command lines'.
    """
    for service, keys in _keys(subject):
        for key in keys:
            for value in key.values:
                if match := re.search(_SPECIFIER, value):
                    yield Finding(
                        f"'{match[0]}' of {key.name}= stands for itself: nothing is filled in",
                        key.mark,
                        "write out what is meant, or make it a parameter",
                        service.name,
                    )


@rule("quadlet/same-name", ERROR)
def same_name(subject: Subject) -> Iterator[Finding]:
    """Two parts of a host get one name, for systemd or for podman.

    Why: Quadlet makes `x-pod.service` of `x.pod`, as it makes it of `x-pod.container`; of two such units one silently disappears.
    A pod has a container of its own, called `x-infra`; another of that name takes its place, and the pod's network is gone.

    Mend: rename one of the two in its stack.

    Source: podman-systemd.unit(5), 'Description'; podman-pod-create(1), --infra-name.
    """
    seen: dict[tuple[str, str], str] = {}
    for kind, name, what, mark, service in _names(subject):
        first = seen.setdefault((kind, name), what)
        if first is not what:
            yield Finding(
                f"{what} would be called '{name}' by {kind}, as {first} is", mark, "rename one of the two", service.name
            )


def _names(subject: Subject) -> Iterator[tuple[str, str, str, Mark, plan.Service]]:
    """All names that a host gives: who knows it, the name, what has it, and where it is from."""
    for service in subject.plan.services:
        whose = f"of {service.name}"
        if service.secrets:
            yield "systemd", secrets_unit(service.name), f"what makes the secrets {whose}", service.mark, service
        if service.certificates:
            yield (
                "systemd",
                certificates_unit(service.name),
                f"what keeps the certificates {whose}",
                service.mark,
                service,
            )
        for pod in service.pods:
            what = f"the pod '{pod.name}' {whose}"
            yield "systemd", _service(pod.quadlet, f"{pod.unit}-pod"), what, pod.mark, service
            yield "podman", f"{pod.unit}-infra", what, pod.mark, service
        for kind, parts in (("network", service.networks), ("volume", service.volumes), ("image", service.images)):
            for part in parts:
                if not getattr(part, "path", ""):  # a folder is no unit
                    name = f"the {kind} '{part.unit}' {whose}"
                    given = getattr(part, "quadlet", ())
                    yield "systemd", _service(given, f"{part.unit}-{kind}"), name, part.mark, service
        for secret in service.secrets:
            yield "podman's secrets", secret.unit, f"the secret '{secret.name}' {whose}", secret.mark, service
        for container in service.containers:
            what = f"the container '{container.name}' {whose}"
            yield "systemd", _service(container.quadlet, container.unit), what, container.mark, service
            yield "podman", container.unit, what, container.mark, service
        for unit in service.units:
            yield "systemd", unit.name, f"the unit '{unit.name}' {whose}", unit.mark, service


def _service(keys: tuple[plan.Key, ...], name: str) -> str:
    given = [value for key in keys if key.name == "ServiceName" for value in key.values]
    return f"{given[-1] if given else name}.service"


@rule("quadlet/dropped", ERROR)
def dropped(subject: Subject) -> Iterator[Finding]:
    """Keys that Quadlet knows, with values or in company that make it drop the unit.

    Why: the generator refuses the whole unit; there is no service, and no message but a line in the journal.
    Some of these mistakes end the generator itself, and then no unit of the host is there.

    Mend: as the message says.

    Source: podman, pkg/systemd/quadlet/quadlet.go; every check of podhost's is compared with the generators of podman 5.4 and 5.8 over thousands of generated units.
    """
    for service, key, message in faults(subject.plan, subject.target.podman):
        yield Finding(message, key.mark, "", service)


@rule("quadlet/renamed", ERROR)
def renamed(subject: Subject) -> Iterator[Finding]:
    """A container that others need gets another service name.

    Why: `needs` means the service that has the container's name; systemd does not start what requires a unit that is not there.

    Mend: leave `ServiceName` out.

    Source: systemd.unit(5), Requires=.
    """
    needed = {need for member in subject.members for need in member.container.needs}
    for member in subject.members:
        for key in member.given("ServiceName"):
            if member.name in needed:
                yield Finding(
                    f"others need {member.name}.service, and its name would be another one",
                    key.mark,
                    "leave ServiceName out",
                    member.service.name,
                )
