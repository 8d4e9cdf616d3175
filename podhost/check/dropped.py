"""What Quadlet's generator refuses in keys that it knows: the same conditions, on the keys that a stack may give.

Each function names the function of podman's pkg/systemd/quadlet/quadlet.go that it follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from podhost import plan
from podhost.quadlet.keys import Release

Keys = tuple[plan.Key, ...]
Fault = tuple[plan.Key, str]

_KINDS = frozenset({"artifact", "build", "container", "image", "kube", "network", "pod", "volume"})
_DEPENDENCIES = frozenset(
    {
        *("After", "Before", "BindsTo", "Conflicts", "OnFailure", "OnSuccess", "PartOf", "PropagatesReloadTo"),
        *("PropagatesStopTo", "ReloadPropagatedFrom", "Requires", "Requisite", "StopPropagatedFrom", "Upholds"),
        "Wants",
    }
)
_PORT_AT_END = r"\d+(-\d+)?(/udp|/tcp)?$"
_CSV = r'(?:[^",]*|"(?:[^"]|"")*")(?:,(?:[^",]*|"(?:[^"]|"")*"))*'  # Go's encoding/csv takes no other line
_MOUNTED = frozenset({"artifact", "bind", "glob", "image", "volume"})


def faults(host: plan.Plan, podman: Release) -> Iterator[tuple[str, plan.Key, str]]:
    """Give every key for which the generator drops a unit, with the service it is of and what is wrong."""
    known = frozenset(_files(host))
    for service in host.services:
        for network in service.networks:
            yield from ((service.name, *fault) for fault in _network(network.quadlet))
        for pod in service.pods:
            for fault in _shared(pod.quadlet, pod.systemd, known, podman):
                yield (service.name, *fault)
        for container in service.containers:
            for fault in _container(container, known, podman):
                yield (service.name, *fault)


def _files(host: plan.Plan) -> Iterator[str]:
    """The names of all Quadlet files of the host."""
    for service in host.services:
        yield from (f"{each.unit}.network" for each in service.networks)
        yield from (f"{each.unit}.volume" for each in service.volumes if not each.path)
        yield from (f"{each.unit}.image" for each in service.images)
        yield from (f"{each.unit}.pod" for each in service.pods)
        yield from (f"{each.unit}.container" for each in service.containers)


def _all(keys: Keys, name: str) -> list[tuple[plan.Key, str]]:
    """All values of a key; an empty one takes back those before it (LookupAll)."""
    found: list[tuple[plan.Key, str]] = []
    for key in keys:
        if key.name == name:
            for value in key.values:
                found = [*found, (key, value)] if value else []
    return found


def _last(keys: Keys, name: str) -> tuple[plan.Key, str] | None:
    """The last value of a key, however empty (Lookup)."""
    values = [(key, value.strip().strip('"')) for key in keys if key.name == name for value in key.values]
    return values[-1] if values else None


def _container(container: plan.Container, known: frozenset[str], podman: Release) -> Iterator[Fault]:
    """ConvertContainer."""
    keys = container.quadlet
    yield from _shared(keys, container.systemd, known, podman)
    rootfs, user, group = (_last(keys, name) for name in ("Rootfs", "User", "Group"))
    if rootfs and rootfs[1]:
        yield rootfs[0], "Rootfs= beside the image: Quadlet takes one of the two"
    if group and group[1] and not container.user and not (user and user[1]):
        yield group[0], "Group= without a user"
    for key, value in _all(keys, "ExposeHostPort"):
        if not re.search(_PORT_AT_END, value.strip(), re.ASCII):
            yield key, f"'{value}' is not a port, nor a range of ports"
    pod = _last(keys, "Pod")
    if pod and pod[1] and not container.pod and not (pod[1].endswith(".pod") and pod[1] in known):
        yield pod[0], f"there is no pod '{pod[1]}': write 'pod:' in place of the key"
    for key, value in _all(keys, "Mount"):
        if fault := _mount(value, known, podman):
            yield key, fault
    signal, command = _last(keys, "ReloadSignal"), _all(keys, "ReloadCmd")
    if signal and signal[1] and command:
        yield signal[0], "ReloadSignal= and ReloadCmd= at once: Quadlet takes one of the two"
    service = container.systemd.get("Service", ())
    for name, good in (("KillMode", ("mixed", "control-group")), ("Type", ("notify", "oneshot"))):
        given = _last(service, name)
        if given and given[1] not in good:
            yield given[0], f"Quadlet takes {name}={good[0]} or {name}={good[1]}"


def _shared(keys: Keys, systemd: plan.Sections, known: frozenset[str], podman: Release) -> Iterator[Fault]:
    """What containers and pods have in common: addNetworks, addVolumes, handleUserMappings, translateUnitDependencies."""
    for key, value in _all(keys, "Network"):
        name, colon, _ = value.partition(":")
        if name.endswith((".network", ".container")) and name not in known:
            yield key, f"the host has no '{name}'"
        elif name.endswith(".container") and colon:
            yield key, "the network of another container takes no options"
    for key, value in _all(keys, "Volume"):
        source, colon, _ = value.partition(":")
        if colon and (fault := _source(source, known, podman, image=False)):
            yield key, fault
    yield from _remap(keys)
    if podman >= (5, 5):
        for key in systemd.get("Unit", ()):
            for word in " ".join(key.values).split() if key.name in _DEPENDENCIES else ():
                kind = word.rpartition("/")[2].rpartition(".")[2]
                if kind in _KINDS and "." in word and word not in known and (kind != "artifact" or podman >= (5, 7)):
                    yield key, f"the host has no '{word}'"


def _source(source: str, known: frozenset[str], podman: Release, *, image: bool) -> str:
    """handleStorageSource."""
    kinds = [".volume", *([".image"] if image else []), *([".artifact"] if podman >= (5, 7) else [])]
    if source[:1] not in ("", ".", "/") and source.endswith(tuple(kinds)) and source not in known:
        return f"the host has no '{source}'"
    return ""


def _mount(value: str, known: frozenset[str], podman: Release) -> str:
    """resolveContainerMountParams; without a source it ends the generator of podman 5.4."""
    if not re.fullmatch(_CSV, value):
        return f"'{value}' is not a list with commas: a quote has to stand around a whole item"
    items = [
        item[1:-1].replace('""', '"') if item[:1] == '"' else item
        for item in re.findall(r'(?:^|,)((?:[^",]|"(?:[^"]|"")*")*)', value)
    ]
    kind = "volume"
    for index, item in enumerate(items):
        parts = item.split("=")
        if len(parts) == 2 and parts[0] == "type":
            kind = parts[1]
            del items[index]
            break
    if kind not in _MOUNTED or (kind == "artifact" and podman < (5, 7)):
        return ""
    sources = [item.partition("=")[1:] for item in items if item.partition("=")[0] in ("source", "src")]
    if any(not equals for equals, _ in sources) or not sources or not sources[-1][1]:
        return f"a mount of type {kind} without a source"
    return _source(sources[-1][1], known, podman, image=True)


def _remap(keys: Keys) -> Iterator[Fault]:
    """handleUserMappings and handleUserRemap."""
    maps = [pair for name in ("UIDMap", "GIDMap") for pair in _all(keys, name)]
    single = [_last(keys, name) for name in ("UserNS", "SubUIDMap", "SubGIDMap")]
    remaps = [key for key in keys if key.name in ("RemapUid", "RemapGid", "RemapUsers") and key.values]
    if maps or any(pair and pair[1] for pair in single):
        if remaps:
            yield remaps[0], f"{remaps[0].name}= beside the keys that came in its place"
        return
    users = _last(keys, "RemapUsers")
    ids = {name: _all(keys, name) for name in ("RemapUid", "RemapGid")}
    kind = users[1] if users else ""
    for name, given in ids.items():
        if given and not kind:
            yield given[0][0], f"{name}= without RemapUsers="
        elif len(given) > 1 and kind == "keep-id":
            yield given[0][0], f"{name}= takes one value with RemapUsers=keep-id"
    if users and kind not in ("", "auto", "keep-id", "manual"):
        yield users[0], f"Quadlet knows no RemapUsers={kind}"


def _network(keys: Keys) -> Iterator[Fault]:
    """ConvertNetwork."""
    subnets = len(_all(keys, "Subnet"))
    for name in ("Gateway", "IPRange"):
        given = _all(keys, name)
        if len(given) > subnets:
            yield given[0][0], f"{len(given)} {name}= for {subnets} Subnet="
