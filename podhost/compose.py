"""Parts into the stack that uses them: what stacks have in common is written once, and becomes nodes of each stack.

A part is a folder `parts/NAME` with `part.yaml` and `files/`; a stack names it under `parts`, once or several times.
Where the part says `<option>`, in a key, a value or a file, the stack's value for that option is put in; `<name>` is what the stack calls this use,
`<key>` the same with '_' in place of '-', as parameters and secrets are called, and `<stack>` the stack itself.
With `when` at a use, what the part brings is there only where that holds.
What comes out is one plain stack: every node keeps the mark of the line it came from, and nothing downstream knows of parts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from podhost.document import Mapping as MappingNode
from podhost.document import Node, Scalar, Sequence, plain
from podhost.problems import Mark, Report, Source, did_you_mean
from podhost.spec.stack import KINDS

_OPTION = r"<([a-z][a-z0-9_]*)>"
_NAME = r"[a-z][a-z0-9_-]{0,62}"
_PARAMETER = r"\{\{ *([a-z][a-z0-9_]*) *\}\}"


class Part(NamedTuple):
    """A part as it stands in its folder: the nodes of its file, and its template files by name."""

    node: MappingNode
    files: Mapping[str, Source]


class Composed(NamedTuple):
    """A stack with its parts in it.

    `also` tells, for a node that did not come from one place alone, what it took the place of, or what was put into it.
    """

    node: MappingNode
    files: dict[str, Source]
    also: dict[Node, tuple[str, Mark]]


def compose(
    node: MappingNode,
    files: Mapping[str, Source],
    part: Callable[[str, Mark], Part | None],
    report: Report,
) -> Composed:
    """Put the parts that a stack uses below what it says itself; its own values win, and a key with nothing takes away.

    `part` reads a part by its name, and reports at the mark given when there is none.
    """
    done = Composed(MappingNode(dict(node.pairs), node.key_marks, node.mark, node.weight), {}, {})
    uses = done.node.pairs.pop("parts", None)
    taken = MappingNode({}, {}, node.mark)
    called = node.pairs.get("stack")
    stack = called.text if isinstance(called, Scalar) else ""
    if isinstance(uses, MappingNode):
        for name, given in uses.pairs.items():
            _use(name, stack, uses.key_marks[name], given, part, taken, done, report)
    elif uses is not None:
        report.error("a mapping of names to parts is expected here", uses.mark)
    for kind, found in taken.pairs.items():
        done.node.pairs[kind] = _over(found, done.node.pairs.get(kind), done.also)
        done.node.key_marks.setdefault(kind, taken.key_marks[kind])
    done.files.update(files)
    return done


def _use(
    name: str,
    stack: str,
    mark: Mark,
    given: Node,
    part: Callable[[str, Mark], Part | None],
    taken: MappingNode,
    done: Composed,
    report: Report,
) -> None:
    """Add what one use of a part brings to what was taken from others."""
    if not re.fullmatch(_NAME, name):
        report.error(f"'{name}' is not a name", mark, "a name begins with a letter and holds a-z, 0-9, '-' and '_'")
        return
    if isinstance(given, Scalar) and given.value is None:
        given = MappingNode({}, {}, mark)
    if not isinstance(given, MappingNode):
        report.error("the part's options are expected here, as a mapping", given.mark)
        return
    which = given.pairs.get("part", Scalar(name, True, None, mark))
    if not isinstance(which, Scalar):
        report.error("the name of a part is expected here", which.mark)
        return
    used = part(which.text, which.mark)
    if used is None:
        return
    filler = _Filler(_options(name, stack, mark, given, used, report), done.also, report)
    for kind in KINDS:
        found = used.node.pairs.get(kind)
        if found is None:
            continue
        filled = filler.node(found)
        if not isinstance(filled, MappingNode):
            report.error("a mapping of names is expected here", filled.mark)
            continue
        if "when" in given.pairs:
            own = done.node.pairs.get("parameters")
            filled = _only(filled, kind, given.pairs["when"], own, done.also)
        holder = taken.pairs.setdefault(kind, MappingNode({}, {}, filled.mark))
        taken.key_marks.setdefault(kind, used.node.key_marks[kind])
        assert isinstance(holder, MappingNode)
        for each in filled.pairs.keys() & holder.pairs.keys():
            report.error(
                f"another part has '{each}' in {kind} already",
                mark,
                f"the part has to name it by its use, as in <name>-{each}",
            )
        holder.pairs |= filled.pairs
        holder.key_marks |= filled.key_marks
    for file, source in used.files.items():
        done.files[f"{name}/{file}"] = Source(source.name, filler.text(source.text))


def _options(name: str, stack: str, mark: Mark, given: MappingNode, part: Part, report: Report) -> dict[str, Node]:
    """The value of each option of a part: the stack's, or the part's own; one may name those before it."""
    key = MappingNode({}, {}, mark)
    known = part.node.pairs.get("options", key)
    known = known if isinstance(known, MappingNode) else key
    values: dict[str, Node] = {
        "name": Scalar(name, False, None, mark),
        "key": Scalar(name.replace("-", "_"), False, None, mark),
        "stack": Scalar(stack, False, None, mark),
    }
    for option in given.pairs:
        if option not in known.pairs and option not in ("part", "when"):
            report.error(
                f"the part has no option '{option}'", given.key_marks[option], did_you_mean(option, known.pairs)
            )
    for option, about in known.pairs.items():
        says = about.pairs if isinstance(about, MappingNode) else {}
        if option in given.pairs:
            values[option] = given.pairs[option]
        elif "default" in says:
            values[option] = _Filler(values, {}, report).node(says["default"])
        else:
            summary = says.get("summary")
            report.error(
                f"the part's option '{option}' is missing", mark, summary.text if isinstance(summary, Scalar) else ""
            )
            values[option] = Scalar("x", False, None, mark)  # to go on with
    return values


def _only(
    nodes: MappingNode, kind: str, when: Node, parameters: Node | None, also: dict[Node, tuple[str, Mark]]
) -> MappingNode:
    """What a part brings of a kind, there only where `when` holds, and its own `when`, too, if it has one.

    Where `when` is one parameter of the stack's and nothing else, the part's parameters belong to that one as their option.
    """
    key, value = "when", when
    if kind == "parameters":
        found = re.fullmatch(_PARAMETER, when.text) if isinstance(when, Scalar) else None
        if not found or not isinstance(parameters, MappingNode) or found[1] not in parameters.pairs:
            return nodes
        key, value = "option", Scalar(found[1], False, None, when.mark)
    pairs: dict[str, Node] = {}
    for name, node in nodes.pairs.items():
        if isinstance(node, Scalar) and node.value is None:
            node = MappingNode({}, {}, node.mark)
        if isinstance(node, MappingNode):
            own = node.pairs.get(key)
            if own is None:
                node = MappingNode(
                    {**node.pairs, key: value}, {**node.key_marks, key: when.mark}, node.mark, node.weight
                )
            elif key == "when":
                both = Sequence([*_items(own), *_items(when)], own.mark)
                also[both] = ("with", when.mark)
                node = MappingNode({**node.pairs, key: both}, node.key_marks, node.mark, node.weight)
        pairs[name] = node
    return MappingNode(pairs, nodes.key_marks, nodes.mark, nodes.weight)


def _items(node: Node) -> list[Node]:
    """The items of a list; a value alone is a list of one."""
    return node.items if isinstance(node, Sequence) else [node]


class _Filler:
    """Puts the values of options where a part names them."""

    def __init__(self, values: Mapping[str, Node], also: dict[Node, tuple[str, Mark]], report: Report) -> None:
        self.values = values
        self.also = also
        self.report = report

    def node(self, node: Node) -> Node:
        """The same node with every option filled in; a text that is an option and nothing else becomes its value, whatever that is."""
        match node:
            case Scalar():
                return self.scalar(node) if "<" in node.text else node
            case Sequence():
                return Sequence([self.node(item) for item in node.items], node.mark, node.weight)
            case MappingNode():
                names = {key: self.text(key, node.key_marks[key]) for key in node.pairs}
                return MappingNode(
                    {names[key]: self.node(item) for key, item in node.pairs.items()},
                    {names[key]: mark for key, mark in node.key_marks.items()},
                    node.mark,
                    node.weight,
                )

    def scalar(self, node: Scalar) -> Node:
        whole = re.fullmatch(_OPTION, node.text)
        value = self.values.get(whole[1]) if whole else None
        if value is not None:
            return value
        filled = Scalar(self.text(node.text, node.mark), node.plain, node.tag, node.mark)
        for name in re.findall(_OPTION, node.text):
            if name not in ("name", "key", "stack") and name in self.values:
                self.also[filled] = ("with", self.values[name].mark)
        return filled

    def text(self, text: str, mark: Mark | None = None) -> str:
        """A text with options filled in.

        In a file, which has no `mark`, a list becomes one that Jinja reads, and what no option is called stays: it may be HTML.
        """

        def value(match: re.Match[str]) -> str:
            found = self.values.get(match[1])
            if isinstance(found, Scalar):
                return found.text
            if mark is None:
                return match[0] if found is None else json.dumps(plain(found))
            message, hint = f"the part has no option '{match[1]}'", did_you_mean(match[1], self.values)
            if found is not None:
                message, hint = f"the option '{match[1]}' is no single value, and stands inside a text here", ""
            self.report.error(message, mark, hint)
            return match[0]

        return re.sub(_OPTION, value, text) if "<" in text else text


def _over(below: Node, above: Node | None, also: dict[Node, tuple[str, Mark]]) -> Node:
    """Lay the stack's own node over that of a part."""
    if above is None:
        return below
    if not isinstance(below, MappingNode) or not isinstance(above, MappingNode):
        also[above] = ("in place of", below.mark)
        return above
    pairs = {}
    for key, node in above.pairs.items():
        under = below.pairs.get(key)
        if under is None or not (isinstance(node, Scalar) and node.value is None):
            pairs[key] = node if under is None else _over(under, node, also)
    pairs |= {key: node for key, node in below.pairs.items() if key not in above.pairs}
    return MappingNode(pairs, {**below.key_marks, **above.key_marks}, above.mark)
