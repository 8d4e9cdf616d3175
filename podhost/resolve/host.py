"""A host file and the stacks it names, into the plan of the whole host."""

from __future__ import annotations

import re
from typing import NamedTuple

from podhost.document import Mapping, Node, Scalar, key_mark, locate
from podhost.library import Library, StackFolder
from podhost.plan import EmbeddedSecret, Machine, Plan, Segment, Service, Silence
from podhost.problems import Mark, Report, Source, did_you_mean
from podhost.resolve.attachments import Attachments
from podhost.resolve.backup import has_backup, resolve_backup
from podhost.resolve.certificates import check_own, resolve_certificates
from podhost.resolve.claims import check_claims
from podhost.resolve.edge import resolve_edge
from podhost.resolve.parameters import parameters
from podhost.resolve.ports import address, publishes
from podhost.resolve.service import resolve_service
from podhost.spec import types as kinds
from podhost.spec.host import Host
from podhost.templates import Templates

_SSH_KEY = r"(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) [A-Za-z0-9+/]{40,}={0,3}( [^\x00-\x1f\x7f]*)?"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_TIME_ZONE = r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}"


class _Wanted(NamedTuple):
    """A stack that the host is to have, with the values of its parameters and where the host file gives them."""

    name: str
    folder: StackFolder
    values: dict[str, object]
    places: dict[str, Mark]
    mark: Mark


def resolve(
    host: Host,
    node: Node,
    library: Library,
    templates: Templates,
    report: Report,
    secrets: Node | None = None,
    attachments: Attachments = Attachments({}, {}, {}),  # noqa: B008 (it never changes)
) -> Plan | None:
    """Resolve a host into its plan.

    `node` is what the host was read from; `secrets` is the content of its secrets file, `attachments` that of the others.
    Every problem goes to the report; with an error among them there is no plan.
    """
    machine = _machine(host, node, report)
    wanted: list[_Wanted] = []
    for name in host.stacks:
        mark, given = locate(node, ("stacks", name))
        stacks = locate(node, ("stacks",))[1]
        place = stacks.key_marks[name] if isinstance(stacks, Mapping) else mark
        if name not in library.names:
            report.error(f"there is no stack '{name}'", place, did_you_mean(name, library.names))
            continue
        folder = library.stack(name)
        problems = Report()
        values, places = parameters(folder, given, place, templates, problems)
        report.extend(problems)
        if not problems.failed:
            wanted.append(_Wanted(name, folder, values, places, place))
    services: list[Service] = []
    shared = (
        len(host.stacks) > 1 and sum(publishes(each.folder, each.values, machine, templates) for each in wanted) > 1
    )
    for name, folder, values, places, mark in wanted:
        problems = Report()
        service = resolve_service(
            folder,
            values,
            places,
            machine,
            mark,
            templates,
            problems,
            pairs=attachments.pairs.get(name, {}),
            edge=address(name) if shared else "",
        )
        report.extend(problems)
        if service:
            services.append(service)
    embedded = _embedded(secrets, host, services, report) if secrets else ()
    if secrets or host.secrets is None:  # a file that could not be read has been reported
        _check_given(services, embedded, report)
    check_own(host, node, services, report)
    edge = resolve_edge(host, node, services, machine, library, templates, report) if shared else None
    if edge:
        services.append(edge)
    certificates = resolve_certificates(host, node, services, machine, library, templates, attachments, report)
    if certificates:
        services.append(certificates)
    backup = resolve_backup(host, node, services, machine, library, templates, attachments, report)
    if backup:
        services.append(backup)
    embedded += tuple(
        EmbeddedSecret(service.name, *each)
        for service in (certificates, backup)
        if service
        for each in attachments.secrets.get(service.name, {}).items()
    )
    check_claims(services, report)
    silence = tuple(Silence(rule, reason, key_mark(node, ("silence", rule))) for rule, reason in host.silence.items())
    challenge = host.certificates.challenge if certificates and host.certificates.authority != "internal" else ""
    return None if report.failed else Plan(machine, tuple(services), embedded, silence, challenge)


def _machine(host: Host, node: Node, report: Report) -> Machine:
    def check(good: bool, path: tuple[str | int, ...], message: str, hint: str) -> None:
        if not good:
            report.error(message, locate(node, path)[0], hint)

    if host.hostname is not None:
        try:
            kinds.hostname(host.hostname)
        except ValueError as error:
            report.error(error.args[0], locate(node, ("hostname",))[0], error.args[1])
    for index, key in enumerate(host.ssh_keys):
        if "PRIVATE KEY" in key:
            mark = locate(node, ("ssh_keys", index))[0]
            mark = mark._replace(source=Source(mark.source.name, "", secret=True))
            report.error(
                "this is a private ssh key",
                mark,
                "give the public one, the line in the .pub file; make a new pair if anybody has seen this one",
            )
            continue
        check(
            bool(re.fullmatch(_SSH_KEY, key)),
            ("ssh_keys", index),
            "this is not a public ssh key",
            "take the one line of a .pub file, as in: ssh-ed25519 AAAA… name",
        )
    check(
        bool(re.fullmatch(_TIME_ZONE, host.time_zone)),
        ("time_zone",),
        f"'{host.time_zone}' is not a time zone",
        "write it as in Europe/Paris; timedatectl list-timezones prints them all",
    )
    window = host.updates.window
    path = ("updates", "window")
    check(
        bool(re.fullmatch(_TIME, window.start)),
        (*path, "start"),
        f"'{window.start}' is not a time",
        "write it as HH:MM, as in 02:00",
    )
    minutes, disk, swap = 0, host.data_disk, 0
    try:
        minutes = kinds.duration(window.length).seconds // 60
        check(
            30 <= minutes <= 24 * 60,
            (*path, "length"),
            f"{window.length} is no good length for a window",
            "Zincati wants 30m to 24h",
        )
    except ValueError as error:
        report.error(error.args[0], locate(node, (*path, "length"))[0], error.args[1])
    if host.swap is not None:
        try:
            swap = kinds.size(host.swap).bytes >> 20
            check(
                swap > 0, ("swap",), f"{host.swap} is too small for swap", "write at least 1M, or leave it out for none"
            )
        except ValueError as error:
            report.error(error.args[0], locate(node, ("swap",))[0], error.args[1])
    if disk:
        good = disk.device.startswith("/dev/")
        try:
            kinds.path(disk.device)
        except ValueError:
            good = False
        check(
            good,
            ("data_disk", "device"),
            f"'{disk.device}' is not a device",
            "write its path below /dev, best the one in /dev/disk/by-id/",
        )
    return Machine(
        hostname=host.hostname,
        ssh_keys=host.ssh_keys,
        time_zone=host.time_zone,
        window_days=window.days,
        window_start=window.start,
        window_minutes=minutes,
        update_containers=host.updates.containers,
        data_disk=disk.device if disk else None,
        data_filesystem=disk.filesystem if disk else "",
        swap_mib=swap,
        backup=has_backup(host),
    )


def _check_given(services: list[Service], embedded: tuple[EmbeddedSecret, ...], report: Report) -> None:
    """Report secrets that only the administrator can give, and did not."""
    brought = {(secret.service, secret.name) for secret in embedded}
    for service in services:
        for secret in service.secrets:
            if secret.content == (Segment("given", ""),) and (service.name, secret.name) not in brought:
                report.error(
                    f"the stack '{service.name}' needs the secret '{secret.name}', which only you can give",
                    service.mark,
                    f"name a file with 'secrets: FILE', and write in it: {service.name}: {{{secret.name}: …}}",
                )


def _embedded(root: Node, host: Host, services: list[Service], report: Report) -> tuple[EmbeddedSecret, ...]:
    """Read a secrets file: for each stack a mapping of its secrets to their contents."""
    found = []
    known = {service.name: {secret.name for secret in service.secrets} for service in services}
    if not isinstance(root, Mapping):
        report.error("a mapping of stacks to their secrets is expected here", root.mark)
        return ()
    for stack, node in root.pairs.items():
        if stack in host.stacks and stack not in known:
            continue  # what is wrong with it has been reported
        if stack not in known:
            report.error(f"the host has no stack '{stack}'", root.key_marks[stack], did_you_mean(stack, known))
        elif not isinstance(node, Mapping):
            report.error(f"a mapping of the secrets of '{stack}' is expected here", node.mark)
        else:
            for name, value in node.pairs.items():
                if name not in known[stack]:
                    report.error(
                        f"the stack '{stack}' has no secret '{name}'",
                        node.key_marks[name],
                        did_you_mean(name, known[stack]),
                    )
                elif not isinstance(value, Scalar) or not value.text:
                    report.error("a secret is one value, and not empty", node.key_marks[name])
                else:
                    found.append(EmbeddedSecret(stack, name, value.text))
    return tuple(found)
