"""A host as a folder: every file at its path, to read and to compare, and a manifest of what a folder cannot hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from podhost.ignition import dataurl
from podhost.plan import Plan

UNITS = "/etc/systemd/system"
MANIFEST = "manifest.json"
FORMAT = "podhost tree 1"


def tree(config: dict[str, Any], plan: Plan) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Give the files by their paths without the leading '/', and the manifest.

    The manifest has, for each path, `kind` (file, directory, link), `mode` in octal, `owner` as UID:GID or names, and `label`:
    z where podman labels it for all containers, Z where it does so for one pod or container alone.
    What is not a file (users, disks, kernel arguments, what is enabled) is there in Ignition's own words.
    """
    labels = {
        mount.source: option
        for service in plan.services
        for container in service.containers
        for mount in container.mounts
        for option in mount.options
        if option in ("z", "Z")
    }
    files: dict[str, bytes] = {}
    paths: dict[str, dict[str, str]] = {}

    def add(path: str, kind: str, mode: int | None, node: dict[str, Any]) -> None:
        entry = {"kind": kind, "owner": ":".join(str(_id(node.get(each))) for each in ("user", "group"))}
        if mode is not None:
            entry["mode"] = f"{mode:04o}"
        if path in labels:
            entry["label"] = labels[path]
        paths[path] = entry

    storage = config.get("storage", {})
    for node in storage.get("directories", ()):
        add(node["path"], "directory", node.get("mode", 0o755), node)
    for node in storage.get("files", ()):
        add(node["path"], "file", node.get("mode", 0o644), node)
        files[node["path"].lstrip("/")] = _content(node)
    for node in storage.get("links", ()):
        add(node["path"], "link", None, node)
        paths[node["path"]]["target"] = node["target"]
    enabled = {}
    for unit in config.get("systemd", {}).get("units", ()):
        if "enabled" in unit:
            enabled[unit["name"]] = unit["enabled"]
        texts = {f"{UNITS}/{unit['name']}": unit.get("contents")}
        texts |= {f"{UNITS}/{unit['name']}.d/{each['name']}": each.get("contents") for each in unit.get("dropins", ())}
        for path, text in texts.items():
            if text is not None:
                add(path, "file", 0o644, {})
                files[path.lstrip("/")] = text.encode()
    manifest = {
        "format": FORMAT,
        "ignition": config["ignition"],
        "paths": dict(sorted(paths.items())),
        "enabled": dict(sorted(enabled.items())),
        "storage": {key: value for key, value in storage.items() if key not in ("files", "directories", "links")},
        "other": {key: value for key, value in config.items() if key not in ("ignition", "storage", "systemd")},
    }
    return files, {key: value for key, value in manifest.items() if value}


def is_tree(folder: Path) -> bool:
    """Whether a folder holds a tree and nothing else: its manifest lists every file."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        known = {path.lstrip("/") for path in manifest["paths"]} | {MANIFEST}
        return manifest["format"] == FORMAT and all(
            path.is_dir() or path.relative_to(folder).as_posix() in known for path in folder.rglob("*")
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _content(node: dict[str, Any]) -> bytes:
    """The content of a file; of one that is fetched from elsewhere, where it is fetched from."""
    resource = node.get("contents") or {}
    source = resource.get("source") or "data:,"
    return (
        dataurl.contents(source, resource.get("compression")) if source.startswith("data:") else f"{source}\n".encode()
    )


def _id(node: dict[str, Any] | None) -> object:
    return 0 if not node else node.get("name", node.get("id", 0))
