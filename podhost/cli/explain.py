"""A stack as YAML, with its parts in it: behind each value, the line that it is from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from podhost.document import Mapping, Node, Scalar, Sequence, plain
from podhost.library import StackFolder
from podhost.problems import Mark

COLUMN = 64  # where the remarks begin, for lines that are shorter


def explained(folder: StackFolder, root: Path) -> Iterator[str]:
    """Give the lines. Files are named from `root` on, where they are below it."""

    def name(path: str) -> str:
        return Path(path).relative_to(root).as_posix() if Path(path).is_relative_to(root) else path

    def place(mark: Mark) -> str:
        return f"{name(mark.source.name)}:{mark.line}"

    def said(text: str, node: Node, mark: Mark) -> str:
        how, other = folder.also.get(node, ("", mark))
        return f"{text:<{COLUMN}}  # {place(mark)}" + (f" {how} {place(other)}" if how else "")

    def lines(node: Node, indent: str) -> Iterator[str]:
        if not isinstance(node, Mapping):
            return
        for key, value in node.pairs.items():
            if isinstance(value, Mapping) and value.pairs:
                yield f"{indent}{key}:"
                yield from lines(value, f"{indent}  ")
            else:
                yield said(f"{indent}{key}: {flow(value)}", value, value.mark)

    yield from lines(folder.node, "")
    yield "files:"
    yield from (f"{f'  {file}:':<{COLUMN}}  # {name(source.name)}" for file, source in sorted(folder.files.items()))


def flow(node: Node) -> str:
    """A value in one line, as YAML has it."""
    match node:
        case Scalar():
            text = "" if node.value is None else node.text
            simple = node.plain and not set(text) & set("[]{},#:")
            return text if simple else json.dumps(text, ensure_ascii=False)
        case Sequence():
            return f"[{', '.join(map(flow, node.items))}]"
        case Mapping():
            return json.dumps(plain(node), ensure_ascii=False)
