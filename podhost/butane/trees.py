"""Whole folders of local files (`storage.trees`) as files, links and directories of the config."""

from __future__ import annotations

import posixpath
from typing import Any

from podhost.butane.local import LocalError, TreeNode
from podhost.butane.translate import Translator, embedded, in_order
from podhost.ignition.findings import Path
from podhost.ignition.paths import clean
from podhost.ignition.schema import STRUCTS, Struct

_STRUCTS = {"directories": "Directory", "files": "File", "links": "Link"}
_TAKEN = "is in the config already, with contents or as something else"


def add_trees(data: Struct, config: Struct, translator: Translator) -> None:
    """Put every node of every tree into a config, in place.

    A file or link that the config describes without contents, for its owner or mode, gets them from the tree.
    """
    trees = data.get("storage", {}).get("trees", ())
    if not trees:
        return
    grower = _Grower(config, translator)
    for index, tree in enumerate(trees):
        grower.grow(tree, ("storage", "trees", index))


class _Grower:
    def __init__(self, config: Struct, translator: Translator) -> None:
        self.translator = translator
        self.files = translator.files
        self.storage: Struct = config.setdefault("storage", {})
        self.nodes: dict[str, dict[str, int]] = {
            kind: {node["path"]: index for index, node in enumerate(self.storage.get(kind, ()))} for kind in _STRUCTS
        }

    def grow(self, tree: Struct, source: Path) -> None:
        local = tree.get("local", "")
        base = tree.get("path") or "/"
        try:
            for node in self.files.tree(local):
                if isinstance(node, LocalError):
                    self.error(source, node)
                    continue
                try:
                    self.place(node, clean(posixpath.join(base, node.path)) if node.path else clean(base), tree, source)
                except LocalError as error:
                    self.error(source, error)
        except LocalError as error:
            self.error(source, error)

    def error(self, source: Path, error: LocalError) -> None:
        self.translator.findings.error(source, str(error), error.hint)

    def place(self, node: TreeNode, path: str, tree: Struct, source: Path) -> None:
        if node.directory:
            owned = tree.get("user") or tree.get("group")
            if tree.get("dir_mode") is not None or owned:
                directory = self.new("directories", path, tree, source)
                directory["mode"] = tree.get("dir_mode", 0o755)
        elif node.file:
            self.place_file(node, path, tree, source)
        elif node.link:
            link = self.known("links", path, lambda link: bool(link.get("target")))
            if link is None:
                link = self.new("links", path, tree, source)
            link["target"] = self.files.target(node)
            self.translator.note(("storage", "links", self.nodes["links"][path], "target"), source)
        else:
            raise LocalError(f"'{node.path}' is no file, folder or symbolic link")

    def place_file(self, node: TreeNode, path: str, tree: Struct, source: Path) -> None:
        file = self.known("files", path, lambda file: bool(file.get("contents", {}).get("source")))
        if file is None:
            file = self.new("files", path, tree, source)
        index = self.nodes["files"][path]
        contents = file.get("contents", {})
        data = self.files.content(node)
        made = {**contents, **embedded(data, contents.get("compression"), self.translator.version)}
        mode = file.get("mode")
        if mode is None:
            mode = tree.get("file_mode")
        if mode is None:
            mode = 0o755 if node.mode & 0o111 else 0o644
        into: Path = ("storage", "files", index)
        parts: list[Path] = [("contents",), ("contents", "source")]
        if not contents.get("compression"):
            parts.append(("contents", "compression"))
        if "mode" not in file:
            parts.append(("mode",))
        for part in parts:
            self.translator.note((*into, *part), source)
        whole = in_order("File", {**file, "contents": in_order("Resource", made), "mode": mode})
        self.storage["files"][index] = whole

    def known(self, kind: str, path: str, filled: Any) -> Struct | None:
        """Give the node of this kind and path that still wants contents; raise if the path is taken."""
        index = self.nodes[kind].get(path)
        if index is not None:
            node: Struct = self.storage[kind][index]
            if filled(node):
                raise LocalError(f"'{path}' {_TAKEN}", "remove one of the two")
            return node
        return None

    def new(self, kind: str, path: str, tree: Struct, source: Path) -> Struct:
        if any(path in nodes for nodes in self.nodes.values()):
            raise LocalError(f"'{path}' {_TAKEN}", "remove one of the two")
        node: Struct = {}
        if group := tree.get("group"):
            node["group"] = dict(group)
        node["path"] = path
        if user := tree.get("user"):
            node["user"] = dict(user)
        items = self.storage.setdefault(kind, [])
        self.nodes[kind][path] = len(items)
        into: Path = ("storage", kind, len(items))
        self.translator.note(into, source)
        for field in STRUCTS[_STRUCTS[kind]]:
            self.translator.note((*into, field.name), source)
        if not items:
            self.translator.note(into[:-1], source)
        items.append(node)
        return node
