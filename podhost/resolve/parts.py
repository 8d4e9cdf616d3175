"""Which parts of a stack a host has: those whose `when` is false are left out, and so is what names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from podhost.document import Mapping as MappingNode
from podhost.document import Node, Sequence
from podhost.library import StackFolder
from podhost.resolve.fill import Filler
from podhost.spec import types as kinds
from podhost.spec.stack import Container

KINDS = ("secrets", "certificates", "volumes", "networks", "pods", "containers", "units")
# The lists of a container that name other parts: the kind of part, and how an item names it.
LISTS: dict[str, tuple[str, Callable[[str], str]]] = {
    "secrets": ("secrets", str),
    "certificates": ("certificates", str),
    "needs": ("containers", str),
    "volumes": ("volumes", lambda text: text.partition(":")[0]),
}


def present(filler: Filler) -> tuple[StackFolder, dict[str, frozenset[str]]]:
    """Give the stack with the parts that the host has, and the names of the absent ones by kind."""
    folder = filler.folder
    absent: dict[str, frozenset[str]] = {}
    for kind in KINDS:
        names = {
            name
            for name, part in getattr(folder.spec, kind).items()
            if False
            in [filler.parse((kind, name, "when", index), text, _wanted, True) for index, text in enumerate(part.when)]
        }
        if names:
            absent[kind] = frozenset(names)
    if not absent:
        return folder, {}
    gone = absent.get("pods", frozenset())
    members = {name for name, each in folder.spec.containers.items() if each.pod in gone}
    absent["containers"] = absent.get("containers", frozenset()) | members
    return _without(folder, absent), absent


def _wanted(text: str) -> bool:
    return int(text) > 0 if text.isdecimal() else kinds.boolean(text)


def _without(folder: StackFolder, absent: Mapping[str, frozenset[str]]) -> StackFolder:
    """Take parts out of the model and of the nodes alike, so that what is left finds its lines."""
    assert isinstance(folder.node, MappingNode)
    spec: dict[str, dict[str, Any]] = {}
    pairs: dict[str, Node] = dict(folder.node.pairs)
    for kind in KINDS:
        names = absent.get(kind, frozenset())
        parts, node = getattr(folder.spec, kind), pairs.get(kind)
        if not isinstance(node, MappingNode):
            continue
        spec[kind] = {name: part for name, part in parts.items() if name not in names}
        nodes = {name: each for name, each in node.pairs.items() if name not in names}
        if kind == "containers":
            for name, container in spec[kind].items():
                spec[kind][name], nodes[name] = _container(container, nodes[name], absent)
        pairs[kind] = MappingNode(nodes, node.key_marks, node.mark)
    root = MappingNode(pairs, folder.node.key_marks, folder.node.mark)
    return folder._replace(spec=folder.spec.model_copy(update=spec), node=root)


def _container(container: Container, node: Node, absent: Mapping[str, frozenset[str]]) -> tuple[Container, Node]:
    update: dict[str, Any] = {}
    pairs = dict(node.pairs) if isinstance(node, MappingNode) else {}
    for key, (kind, name_of) in LISTS.items():
        items, names, sequence = getattr(container, key), absent.get(kind, frozenset()), pairs.get(key)
        kept = [index for index, item in enumerate(items) if name_of(item) not in names]
        if len(kept) < len(items) and isinstance(sequence, Sequence):
            update[key] = tuple(items[index] for index in kept)
            pairs[key] = Sequence([sequence.items[index] for index in kept], sequence.mark)
    if container.network in absent.get("networks", frozenset()):
        update["network"] = None
    if not update or not isinstance(node, MappingNode):
        return container, node
    return container.model_copy(update=update), MappingNode(pairs, node.key_marks, node.mark)
