"""The family `selinux`: labels that containers take from each other, or that the host loses."""

from __future__ import annotations

from collections.abc import Iterator

from podhost import plan
from podhost.check.rules import ERROR, WARNING, Finding, rule
from podhost.check.subject import Member, Subject, last

# What podman refuses to relabel (containers/common, pkg/.. `label.Relabel` of opencontainers/selinux), and the trees a host stands on.
_REFUSED = frozenset(
    {
        *("/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/media", "/opt", "/proc", "/root", "/run"),
        *("/sbin", "/srv", "/sys", "/tmp", "/usr", "/var", "/var/home", "/var/lib", "/var/log", "/var/srv", "/var/tmp"),
    }
)
_SYSTEM = ("/boot/", "/dev/", "/etc/", "/proc/", "/sys/", "/usr/")
_LABELLED = (f"{plan.DATA_ROOT}/", "/var/lib/containers/")
_ALL_CATEGORIES = ":c0.c1023"


def _labelled(subject: Subject) -> Iterator[tuple[Member, plan.Mount]]:
    """The mounts of containers that SELinux confines."""
    for member, mount in subject.mounts:
        if not member.truth("SecurityLabelDisable"):
            yield member, mount


def _tied(subject: Subject) -> Iterator[tuple[Member, plan.Mount]]:
    """Those mounts that a private label can be taken from, or is given to.

    A container at the level of all categories, as `SecurityLabelLevel=s0:c0.c1023` has it, may touch what is private to another
    (selinux(8), mcs), and without a label of its own it takes nothing away.
    """
    for member, mount in _labelled(subject):
        level = last(member.container.quadlet, "SecurityLabelLevel") or ""
        if not level.endswith(_ALL_CATEGORIES) or {"z", "Z"} & set(mount.options):
            yield member, mount


def _what(mount: plan.Mount) -> str:
    return mount.volume or mount.source


def _below(path: str, parent: str) -> bool:
    return path.startswith(parent.rstrip("/") + "/")


def _private(mount: plan.Mount) -> bool:
    return "Z" in mount.options


@rule("selinux/shared-private-label", ERROR)
def shared_private_label(subject: Subject) -> Iterator[Finding]:
    """':Z' on a path that another pod or container mounts, too.

    Why: ':Z' labels the path for one container's categories alone.
    Whoever had it before loses it at that moment, and gets 'Permission denied' from then on.
    Members of one pod share one label; two pods, or a pod and a container outside it, do not.

    Mend: write ':z' at every mount of the path: a label that all containers share.

    Source: podman-run(1), --volume, 'Labeling Volume Mounts'; tried on a machine with SELinux enforcing.
    """
    groups: dict[str, dict[str, Member]] = {}
    for member, mount in _tied(subject):
        groups.setdefault(mount.source, {}).setdefault(member.group, member)
    for member, mount in _tied(subject):
        others = [other for group, other in groups[mount.source].items() if group != member.group]
        if _private(mount) and others:
            yield Finding(
                f"':Z' gives '{_what(mount)}' to {member.group} alone, and {others[0].name} mounts it, too",
                mount.mark,
                "write :z at both: a label that all containers share",
                member.service.name,
            )


@rule("selinux/private-label-over-mount", ERROR)
def private_label_over_mount(subject: Subject) -> Iterator[Finding]:
    """':Z' on a folder around, or inside, what another pod or container mounts.

    Why: labels are written to everything below a path.
    So ':Z' on the outer folder takes the inner one from whoever mounts that, and the other way round.

    Mend: mount the inner folders one by one, or write ':z' at both.

    Source: podman-run(1), --volume, 'Labeling Volume Mounts'; tried on a machine with SELinux enforcing.
    """
    mounts = list(_tied(subject))
    for member, mount in mounts:
        if not _private(mount) or mount.source[:1] != "/":
            continue
        for other, inner in mounts:
            where = (
                "inside"
                if _below(inner.source, mount.source)
                else "around"
                if _below(mount.source, inner.source)
                else ""
            )
            if where and other.group != member.group:
                yield Finding(
                    f"':Z' on '{mount.source}', and {other.name} mounts '{inner.source}' {where} it",
                    mount.mark,
                    "mount the folders inside one by one, or write :z at both",
                    member.service.name,
                )
                break


@rule("selinux/no-label", ERROR)
def no_label(subject: Subject) -> Iterator[Finding]:
    """A path of the host is mounted with neither ':z' nor ':Z'.

    Why: a container may touch what is labelled for containers, and nothing else of the host.
    Without a label of its own the path keeps that of its place, and the container gets 'Permission denied'.
    Below /var/srv/containers and in podman's own volumes the policy's label is one for containers already.
    Of the system's trees (/etc, /usr, /sys, /proc, /dev) containers may read much, and nobody may relabel them: this rule leaves them alone.

    Mend: add ':z', or ':Z' where no other container mounts it; keep the data below /var/srv/containers.

    Source: podman-run(1), --volume, 'Labeling Volume Mounts'; tried on a machine with SELinux enforcing.
    """
    for member, mount in _labelled(subject):
        path = mount.source
        free = (
            not path.startswith("/") or path.startswith((*_LABELLED, *_SYSTEM)) or path in (*_REFUSED, plan.DATA_ROOT)
        )
        if not free and not {"z", "Z"} & set(mount.options):
            yield Finding(
                f"'{path}' has no label that lets a container touch it",
                mount.mark,
                "add ':z', or ':Z' where no other container mounts it",
                member.service.name,
            )


@rule("selinux/system-relabel", ERROR)
def system_relabel(subject: Subject) -> Iterator[Finding]:
    """':z' or ':Z' on a folder that the system itself lives in.

    Why: everything below it gets a label for containers, and the system's own programs can no longer use it.
    podman refuses the folders themselves; below them the host breaks, or a read-only file system refuses.

    Mend: put what the container needs below /var/srv/containers.
    To read a file of the system, mount it with ':ro' and no label.

    Source: `label.Relabel` of github.com/opencontainers/selinux, which podman calls.
    """
    for member, mount in _labelled(subject):
        path = mount.source.rstrip("/") or "/"
        if {"z", "Z"} & set(mount.options) and (path in _REFUSED or path.startswith(_SYSTEM)):
            yield Finding(
                f"a label for containers on '{path}' would break the host",
                mount.mark,
                f"put what the container needs below {plan.DATA_ROOT}",
                member.service.name,
            )


@rule("selinux/label-gets-lost", WARNING)
def label_gets_lost(subject: Subject) -> Iterator[Finding]:
    """A relabelled path for which the host's policy has another label.

    Why: `restorecon`, and an autorelabel of the whole system, write the policy's label again, and the container loses the path until it is started anew.
    For everything below /var/srv/containers the policy's label is container_file_t.

    Mend: keep the data below /var/srv/containers, as a volume of the stack.

    Source: container-selinux, container.fc.
    """
    for member, mount in _labelled(subject):
        path = mount.source.rstrip("/") or "/"
        relabelled = path.startswith("/") and {"z", "Z"} & set(mount.options)
        if relabelled and not path.startswith((*_LABELLED, *_SYSTEM)) and path not in _REFUSED:
            yield Finding(
                f"a restorecon on the host would take '{path}' from the container",
                mount.mark,
                f"keep it below {plan.DATA_ROOT}, as a volume of the stack",
                member.service.name,
            )


@rule("selinux/large-private-label", WARNING)
def large_private_label(subject: Subject) -> Iterator[Finding]:
    """':Z' on a volume that the stack says is large.

    Why: Quadlet makes a container anew at every start, with new categories, and ':Z' then writes the label of every file.
    For 250 GB that has taken 3 minutes 40 seconds, in which the service is down; ':z' finds its label there already.

    Mend: write ':z'. It lets every container of the host read the volume that has it mounted, and no other.

    Source: github.com/uyuni-project/uyuni-tools, issue 508.
    """
    large = {
        (service.name, volume.name) for service in subject.plan.services for volume in service.volumes if volume.large
    }
    for member, mount in _labelled(subject):
        if _private(mount) and (member.service.name, mount.volume) in large:
            yield Finding(
                f"':Z' labels all of '{mount.volume}' anew at every start, and it is large",
                mount.mark,
                "write :z",
                member.service.name,
            )
