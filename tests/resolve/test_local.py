"""Volumes made of a folder beside the host file: its files come with the host."""

from __future__ import annotations

from pathlib import Path

from podhost.build import Builder
from podhost.ignition import dataurl
from tests.support import build, make_library

STACK = """\
stack: example
summary: x
parameters:
  folder: {type: string, summary: x, default: ""}
volumes:
  www: {local: "{{ folder }}", mode: "0755"}
containers:
  web: {image: "docker.io/library/nginx:1.30", user: 101:101, volumes: ["www:/srv/www:ro,z"]}
"""
WWW = "/var/srv/containers/example/config/www"


def test_its_files_are_there_as_they_are_and_none_from_before(builder: Builder, tmp_path: Path) -> None:
    """An earlier system's folder is replaced, and not only written over."""
    (tmp_path / "pages/deep").mkdir(parents=True)
    (tmp_path / "pages/picture.png").write_bytes(bytes(range(256)))
    (tmp_path / "pages/deep/a.txt").write_text("a\n")
    (tmp_path / "pages/deep/b.txt").symlink_to("a.txt")
    (tmp_path / "host.yaml").write_text("stacks: {example: {folder: pages}}\n")
    built = build(Builder(make_library(tmp_path / "library", STACK)), tmp_path / "host.yaml")
    storage = built.config["storage"]
    files = {
        each["path"].removeprefix(WWW): dataurl.contents(
            each["contents"]["source"], each["contents"].get("compression")
        )
        for each in storage["files"]
        if each["path"].startswith(WWW)
    }
    assert files == {"/picture.png": bytes(range(256)), "/deep/a.txt": b"a\n"}
    assert [(each["path"].removeprefix(WWW), each["target"]) for each in storage["links"]] == [("/deep/b.txt", "a.txt")]
    (directory,) = (each for each in storage["directories"] if each["path"] == WWW)
    assert directory == {"path": WWW, "user": {"id": 101}, "group": {"id": 101}, "mode": 0o755, "overwrite": True}
    (mount,) = built.plan.services[0].containers[0].mounts
    assert (mount.source, mount.target) == (WWW, "/srv/www")


def test_without_a_folder_it_is_a_lasting_volume(tmp_path: Path) -> None:
    (tmp_path / "host.yaml").write_text("stacks: {example: {}}\n")
    built = build(Builder(make_library(tmp_path / "library", STACK)), tmp_path / "host.yaml")
    (mount,) = built.plan.services[0].containers[0].mounts
    assert mount.source == "/var/srv/containers/example/www"
    (directory,) = (each for each in built.config["storage"]["directories"] if each["path"] == mount.source)
    assert "overwrite" not in directory
