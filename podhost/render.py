"""A service plan into the file set of its host."""

from __future__ import annotations

from podhost import plan
from podhost.fileset import Directory, File, FileSet, SystemdUnit, Tree
from podhost.library import Library
from podhost.problems import Mark, Report, Source
from podhost.quadlet.convert import FOLDER, certificates_unit, convert, secrets_unit
from podhost.quadlet.keys import Release
from podhost.templates import Templates

CONFIG = "/etc/podhost"
PROGRAMS = "/usr/local/bin"


def render(host: plan.Plan, library: Library, templates: Templates, podman: Release, report: Report) -> FileSet:
    """Give everything that the host has; what cannot be written goes to the report."""
    files: dict[str, File] = {}
    directories: list[Directory] = []
    units: list[SystemdUnit] = []

    def unit_of(template: str, name: str, mark: Mark, enabled: bool, **values: object) -> None:
        """Add a unit made from a shared template."""
        text = templates.file(library.units[template], values, report)
        units.append(SystemdUnit(name, text, mark, enabled))

    def shared(name: str, service: plan.Service, unit: str) -> None:
        """Add a shared unit for one service, and the program that it runs for all of them."""
        source = library.units[f"podhost-{name}"]
        path = f"{PROGRAMS}/podhost-{name}"
        files[path] = File(path, _without_comments(source.text), Mark(source, 1, 1), 0o755)
        unit_of(f"{name}.service", unit, Mark(source, 1, 1), False, service=service.name)

    for service in host.services:
        for each in convert(service, podman, report):
            path = f"{FOLDER}/{each.name}"
            files[path] = File(path, str(each.unit), each.mark)
        for config in service.files:
            files[config.path] = File(config.path, config.content, config.mark, config.mode)
        directories += _directories(service)
        units += [SystemdUnit(unit.name, unit.content, unit.mark, unit.enabled) for unit in service.units]
        for name, content in _tables(service).items():
            path = f"{CONFIG}/{service.name}.{name}"
            files[path] = File(path, content, service.mark)
        if service.secrets:
            shared("secrets", service, secrets_unit(service.name))
        if service.certificates:
            unit = certificates_unit(service.name)
            shared("certificates", service, unit)
            if not all(each.pair for each in service.certificates):
                name = unit.removesuffix(".service") + ".path"
                unit_of("certificates.path", name, service.mark, True, service=service.name, changed=plan.CHANGED)
        for container in service.containers:
            if container.job and container.job.schedule:
                values = {"unit": container.unit, **container.job._asdict()}
                unit_of("job.timer", f"{container.unit}.timer", container.mark, True, **values)
    for secret in host.embedded:
        mark = next(service.mark for service in host.services if service.name == secret.service)
        path = f"{CONFIG}/secrets/{secret.service}/{secret.name}"
        files[path] = File(path, secret.content, mark, 0o600)
    for service in host.services:
        for certificate in service.certificates:
            files |= {each.path: each for each in _pair(service, certificate)}
    if host.embedded:
        directories.append(Directory(f"{CONFIG}/secrets", host.services[0].mark, 0o700))
    return FileSet(
        files=tuple(files[path] for path in sorted(files)),
        directories=tuple(sorted(directories, key=lambda each: each.path)),
        units=tuple(sorted(units, key=lambda each: each.name)),
        snippets=tuple(_snippets(host, library, templates, report)),
        trees=tuple(
            Tree(each.path, each.local.path, each.local.mark)
            for service in host.services
            for each in service.volumes
            if each.local
        ),
    )


def _pair(service: plan.Service, certificate: plan.Certificate) -> list[File]:
    """The files of a certificate that the administrator brings."""
    if not certificate.pair:
        return []
    folder = f"{CONFIG}/certificates/{service.name}/{certificate.name}"
    pair = certificate.pair
    return [
        File(f"{folder}/fullchain.pem", pair.certificate.text, pair.mark),
        File(f"{folder}/privkey.pem", pair.key.text, pair.mark, 0o600),
    ]


def _directories(service: plan.Service) -> list[Directory]:
    """The folders of a service's lasting data; those of secrets and certificates are made by what fills them."""
    if not service.files and not any(volume.path for volume in service.volumes):
        return []
    folders = [Directory(service.root, service.mark)]
    if service.files:
        folders.append(Directory(f"{service.root}/config", service.mark))
    folders += [
        Directory(each.path, each.mark, each.mode, each.owner, anew=bool(each.local))
        for each in service.volumes
        if each.path
    ]
    return folders


def _tables(service: plan.Service) -> dict[str, str]:
    """What the programs of the shared units read: a line for each secret, and one for each certificate."""
    tables = {
        "secrets": "".join(
            "\t".join([secret.name, *(f"{each.kind}:{each.argument}" for each in secret.content)]) + "\n"
            for secret in service.secrets
        ),
        "certificates": "".join(
            f"{each.name} {each.owner} {','.join(each.readers) or '-'} {' '.join(each.names)}\n"
            for each in service.certificates
        ),
    }
    return {name: content for name, content in tables.items() if content}


def _without_comments(script: str) -> str:
    """A shell script without its whole-line comments and blank lines: user-data is small, and the repository has them."""
    lines = script.splitlines(keepends=True)
    return lines[0] + "".join(line for line in lines[1:] if line.strip() and not line.lstrip().startswith("#"))


def _snippets(host: plan.Plan, library: Library, templates: Templates, report: Report) -> list[Source]:
    """The host's own Butane: each snippet that it has a use for."""
    machine = host.machine
    names = ["base", "updates"] + (["data-disk"] if machine.data_disk else []) + (["swap"] if machine.swap_mib else [])
    values = {"machine": machine, "issue": _issue(host), "days": ",".join(machine.window_days)}
    sources = (library.snippets[f"{name}.bu"] for name in names)
    return [Source(source.name, templates.file(source, values, report)) for source in sources]


def _issue(host: plan.Plan) -> str:
    """What the console says above its login: the addresses of the services, and the machine's own (agetty(8) fills in \\4 and \\6)."""
    lines = [f"{each.summary}: {' '.join(each.addresses)}" for each in host.services if each.addresses]
    return "\n".join([*(line.replace("\\", "\\\\") for line in lines), "This machine: \\4 \\6", "", ""])
