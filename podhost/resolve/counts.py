"""Containers that a stack wants several of: each becomes one of its own, called NAME-1 and so on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podhost.document import Mapping as MappingNode
from podhost.document import Node, Sequence, locate
from podhost.library import StackFolder
from podhost.resolve.fill import Filler
from podhost.spec import types as kinds
from podhost.spec.stack import Container

MOST = 100
ONE = Container.model_fields["count"].default


def counted(filler: Filler) -> tuple[StackFolder, dict[str, int]]:
    """Give the stack with each counted container as many times as it says, and the numbers of those.

    One that is wanted no times stays, with a `when` that is false.
    """
    folder = filler.folder
    spec, node = folder.spec.containers, locate(folder.node, ("containers",))[1]
    counts = {
        name: filler.parse(("containers", name, "count"), container.count, _count, 1)
        for name, container in spec.items()
        if container.count != ONE
    }
    if not counts or not isinstance(node, MappingNode) or not isinstance(folder.node, MappingNode):
        return folder, {}
    names = {name: [f"{name}-{number}" for number in range(1, count + 1)] for name, count in counts.items() if count}
    containers: dict[str, Container] = {}
    nodes: dict[str, Node] = {}
    marks = dict(node.key_marks)
    for name, container in spec.items():
        if counts.get(name) == 0:
            container = container.model_copy(update={"when": ("false",)})
        needing, below = _needs(container, node.pairs[name], names)
        for each in names.get(name, [name]):
            if each in containers or (each != name and each in spec):
                filler.report.error(
                    f"there is a container '{each}' already", node.key_marks[name], "give one another name"
                )
            containers[each], nodes[each], marks[each] = needing, below, node.key_marks[name]
    root = MappingNode(
        {**folder.node.pairs, "containers": MappingNode(nodes, marks, node.mark)},
        folder.node.key_marks,
        folder.node.mark,
    )
    numbers = {each: number for instances in names.values() for number, each in enumerate(instances, 1)}
    return folder._replace(spec=folder.spec.model_copy(update={"containers": containers}), node=root), numbers


def _count(text: str) -> int:
    count = kinds.integer(text)
    if not 0 <= count <= MOST:
        raise ValueError(f"{count} is no good count of containers", f"at least 0 and at most {MOST}")
    return count


def _needs(container: Container, node: Node, names: Mapping[str, list[str]]) -> tuple[Container, Node]:
    """Who needs a counted container needs all of them."""
    sequence = node.pairs.get("needs") if isinstance(node, MappingNode) else None
    if not names.keys() & set(container.needs) or not isinstance(sequence, Sequence):
        return container, node
    assert isinstance(node, MappingNode)
    pairs = [
        (each, item)
        for name, item in zip(container.needs, sequence.items, strict=True)
        for each in names.get(name, [name])
    ]
    below: dict[str, Any] = {**node.pairs, "needs": Sequence([item for _, item in pairs], sequence.mark)}
    needing = container.model_copy(update={"needs": tuple(name for name, _ in pairs)})
    return needing, MappingNode(below, node.key_marks, node.mark)
