"""The family `images`: which program will run, and whether it can.

`images.json` tells what some official images need: paths that they write to, and where their data is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from podhost.check.rules import WARNING, Finding, early, rule
from podhost.check.subject import Member, Subject

early(
    "images/short-name",
    """
    An image without its registry.

    Why: which registry a short name means is a setting of the host; where several are known, podman would have to ask somebody, and a host has nobody.

    Mend: write the registry and the whole name, as in `docker.io/library/nginx:1.29`.

    Source: containers-registries.conf(5), 'SHORT-NAME ALIASING'; tried: 'short-name "nginx" did not resolve to an alias'.
    """,
)
early(
    "images/no-tag",
    """
    An image with neither tag nor digest.

    Why: it means `latest`, whatever that is on the day: nobody knows what will run, and for some images there is no `latest` at all.

    Mend: add the version to run, as in `:1.29`.

    Source: github.com/distribution/reference; tried: 'manifest unknown' where there is no `latest`.
    """,
)


@rule("images/latest", WARNING)
def latest(subject: Subject) -> Iterator[Finding]:
    """An image by its tag `latest`.

    Why: the tag moves over major versions, with changes that need somebody's hand; two hosts made on two days run two programs.

    Mend: write the version to follow: `:17` follows its minor releases, `:17.2` its builds.
    """
    for member in subject.members:
        if re.search(r":latest(@|$)", member.container.reference):
            yield Finding(
                f"'{member.container.reference}' is another program every few months",
                member.mark("image"),
                "write the version to follow",
                member.service.name,
            )


@rule("images/digest", WARNING)
def digest(subject: Subject) -> Iterator[Finding]:
    """An image that is not to be updated, by a tag that may be.

    Why: with `update: no` the image is meant to stay what it is, and its tag may lead elsewhere when the host is made anew.

    Mend: add the digest: `docker.io/library/nginx:1.29@sha256:…`; `podman image inspect` shows it as RepoDigests.

    Source: podman-auto-update(1).
    """
    for member in subject.members:
        if member.container.update == "no" and "@sha256:" not in member.container.reference:
            yield Finding(
                f"'{member.container.reference}' is not followed, and its tag may move",
                member.mark("image"),
                "add the digest: @sha256:…",
                member.service.name,
            )


@cache
def _known() -> dict[str, dict[str, Any]]:
    kinds = json.loads(Path(__file__).with_name("images.json").read_text("utf-8"))
    return {kind["name"]: kind for kind in kinds}


def _kind(member: Member) -> tuple[dict[str, Any], int | None]:
    """What is known of a container's image, and the major version that its tag begins with."""
    name, _, tag = member.container.reference.partition("@")[0].rpartition(":")
    major = re.match(r"v?(\d+)", tag)
    return _known().get(name, {}), int(major[1]) if major else None


def data_path(member: Member) -> dict[str, Any]:
    """Where the image keeps its data, in the version that its tag says; empty where that is not known."""
    kind, major = _kind(member)
    for each in kind.get("data", ()):
        bounds = (each.get("from", 0), each.get("below", 10**9))
        if "from" not in each and "below" not in each:
            return dict(each)
        if major is not None and bounds[0] <= major < bounds[1]:
            return dict(each)
    return {}


def _writable(member: Member, path: str) -> bool:
    container = member.container
    places = [*container.tmpfs, *(each.target for each in container.mounts if "ro" not in each.options)]
    places += [value.partition(":")[0] for key in member.given("Tmpfs") for value in key.values]
    return any(path == each or path.startswith(each.rstrip("/") + "/") for each in places)


@rule("images/old-data-path", WARNING)
def old_data_path(subject: Subject) -> Iterator[Finding]:
    """A volume is mounted where earlier versions of the image had their data.

    Why: the new image refuses to start, for it would make an empty database beside the old one.

    Mend: mount the volume where this version wants it.
    Data of an earlier version has to be dumped and restored.

    Source: github.com/docker-library/postgres, pull request 1259.
    """
    for member in subject.members:
        data = data_path(member)
        for mount in member.container.mounts:
            if "refuses" in data and mount.target == data["refuses"]:
                yield Finding(
                    f"'{member.container.reference}' refuses a volume at {mount.target}",
                    mount.mark,
                    f"mount it at {data['path']}",
                    member.service.name,
                )


@rule("images/read-only", WARNING)
def read_only(subject: Subject) -> Iterator[Finding]:
    """A path that the image's program writes to is read-only.

    Why: with `read_only: true`, the default, a container may write to /run, /tmp, /var/tmp and its volumes alone.
    A program that cannot make its cache ends at once.

    Mend: add the path to `tmpfs`, or have the program write below /tmp.

    Source: the images' own repositories, named in podhost/check/images.json.
    """
    for member in subject.members:
        container = member.container
        if not container.read_only or not container.user or not container.user.uid:
            continue
        kind, _ = _kind(member)
        targets = {mount.target for mount in container.mounts}
        for need in kind.get("writable", ()):
            if need.get("unless") not in targets and not _writable(member, need["path"]):
                yield Finding(
                    f"'{container.reference}' writes to {need['path']}, and cannot",
                    member.mark("image"),
                    f"add it: tmpfs: [{need['path']}]",
                    member.service.name,
                )
