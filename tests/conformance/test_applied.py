"""What the real Ignition makes of podhost's configs on a root: every node as the Butane document says.

Debian's Ignition 2.14 takes specs up to 3.3.0, Ignition 2.26 up to 3.6.0.
"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from podhost import ignition
from podhost.ignition import dataurl
from tests.conformance import real
from tests.conformance.ours import translate
from tests.conformance.test_corpus import FILES, SUPPORTED, read
from tests.conformance.test_generated import campaign

TOOLS = {"Debian's Ignition": (real.DEBIAN_IGNITION_APPLY, 3), "Ignition 2.26": (real.IGNITION_APPLY, 6)}
BUTANE_OF_TOOL = {3: "1.4.0", 6: "1.7.0"}

pytestmark = [
    pytest.mark.skipif(bool(absent := real.missing(real.BUTANE, *(path for path, _ in TOOLS.values()))), reason=absent),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away"),
]

PASSWD = "root:x:0:0::/root:/bin/sh\ncore:x:1000:1000::/home/core:/bin/sh\n"
GROUP = "root:x:0:\ncore:x:1000:\nwheel:x:10:\n"


def new_root(path: Path) -> Path:
    """A root that knows the users core and root and the group wheel."""
    shutil.rmtree(path, ignore_errors=True)
    (path / "etc").mkdir(parents=True)
    (path / "etc/passwd").write_text(PASSWD)
    (path / "etc/group").write_text(GROUP)
    return path


def spec_of(config: dict[str, Any]) -> int:
    return int(config["ignition"]["version"].split(".")[1])


@pytest.mark.parametrize("tool", TOOLS)
def test_the_corpus_makes_the_same_root_as_butane(tool: str, tmp_path: Path) -> None:
    """Each accepted case that this Ignition knows is applied twice: as podhost translates it, and as Butane does."""
    program, newest = TOOLS[tool]
    applied = 0
    for case in SUPPORTED:
        ours, theirs = translate(read(case), FILES).config, real.butane(read(case), FILES).config
        if ours is None or spec_of(ours) > newest:
            continue
        roots = [new_root(tmp_path / "ours"), new_root(tmp_path / "theirs")]
        failures = [
            real.apply(program, ignition.dumps(config), root)
            for config, root in zip((ours, theirs), roots, strict=True)
        ]
        # what needs a disk, a user or the network is not applied here, and must fail for both
        assert bool(failures[0]) == bool(failures[1]), f"{case}: {failures}"
        assert real.tree(roots[0]) == real.tree(roots[1]), case
        applied += not failures[0] and len(real.tree(roots[0])) > 3
    assert applied >= 15


# -- hosts made up, and looked at node by node

OWNERS = {"id": [0, 5, 1000], "name": ["root", "core"]}
GROUPS = {"id": [0, 10], "name": ["wheel", "core"]}
TEXTS = ["", "hello\n", "a b & c <d> é\n", "x" * 400, "line\n" * 200]
MODES = [0o600, 0o640, 0o644, 0o755, 0o700, 0]
UNIT = "[Service]\nExecStart=/bin/true\n\n[Install]\nWantedBy=multi-user.target\n"


def owner(choices: dict[str, list[Any]], by: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(st.just({}), *(st.fixed_dictionaries({key: st.sampled_from(choices[key])}) for key in by))


def make_hosts(*by: str) -> st.SearchStrategy[dict[str, Any]]:
    """Hosts whose nodes have owners by id, by name, or both."""

    def nodes(most: int, **more: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
        owners = {"user": owner(OWNERS, list(by)), "group": owner(GROUPS, list(by))}
        return st.lists(st.fixed_dictionaries({**owners, **more}), max_size=most)

    mode = st.sampled_from(MODES)
    return st.fixed_dictionaries(
        {
            "directories": nodes(3, mode=mode),
            "files": nodes(4, mode=mode, text=st.sampled_from(TEXTS)),
            "links": nodes(2, target=st.sampled_from(["../x", "/etc/passwd", "é"])),
            "units": st.lists(st.sampled_from(["enabled", "disabled", "masked", "plain", "dropin"]), max_size=4),
        }
    )


Tree = dict[str, tuple[Any, ...]]


def uid(given: dict[str, Any]) -> int:
    return {"root": 0, "core": 1000}[given["name"]] if "name" in given else given.get("id", 0)


def gid(given: dict[str, Any]) -> int:
    return {"wheel": 10, "core": 1000}[given["name"]] if "name" in given else given.get("id", 0)


def describe(host: dict[str, Any], version: str) -> tuple[bytes, Tree]:
    """Give the Butane document of a host, and the nodes that it has to have, worked out from the host itself."""
    storage: dict[str, list[Any]] = {"directories": [], "files": [], "links": []}
    wanted: Tree = {}
    for index, each in enumerate(host["directories"]):
        path = f"/var/lib/d{index}"
        storage["directories"].append(
            {"path": path, "mode": each["mode"], "user": each["user"], "group": each["group"]}
        )
        wanted[path] = (stat.S_IFDIR, each["mode"], uid(each["user"]), gid(each["group"]), None)
    for index, each in enumerate(host["files"]):
        path = f"/etc/files/f {index}"
        contents = {"inline": each["text"]}
        storage["files"].append(
            {
                "path": path,
                "mode": each["mode"],
                "user": each["user"],
                "group": each["group"],
                "overwrite": True,
                "contents": contents,
            }
        )
        wanted[path] = (stat.S_IFREG, each["mode"], uid(each["user"]), gid(each["group"]), each["text"].encode())
    for index, each in enumerate(host["links"]):
        path = f"/etc/links/l{index}"
        storage["links"].append({"path": path, "target": each["target"], "user": each["user"], "group": each["group"]})
        wanted[path] = (stat.S_IFLNK, None, uid(each["user"]), gid(each["group"]), each["target"])
    units = []
    for index, kind in enumerate(host["units"]):
        name = f"u{index}.service"
        file = f"/etc/systemd/system/{name}"
        unit: dict[str, Any] = {"name": name}
        if kind == "masked":
            unit["mask"] = True
            wanted[file] = (stat.S_IFLNK, None, 0, 0, "/dev/null")
        elif kind == "dropin":
            unit["dropins"] = [{"name": "10-x.conf", "contents": "[Service]\nA=b\n"}]
            wanted[f"{file}.d/10-x.conf"] = (stat.S_IFREG, 0o644, 0, 0, b"[Service]\nA=b\n")
        else:
            unit["contents"] = UNIT
            wanted[file] = (stat.S_IFREG, 0o644, 0, 0, UNIT.encode())
        if kind in ("enabled", "disabled"):
            unit["enabled"] = kind == "enabled"
        units.append(unit)
    body = {"variant": "fcos", "version": version, "storage": storage, "systemd": {"units": units}}
    return yaml.safe_dump(body, sort_keys=False).encode(), wanted


@pytest.mark.parametrize("tool", TOOLS)
def test_a_root_has_what_the_document_says(tool: str, tmp_path: Path, printed_seed: int) -> None:
    program, newest = TOOLS[tool]

    @campaign(60)
    @given(make_hosts("id", "name"))
    def applied(host: dict[str, Any]) -> None:
        document, wanted = describe(host, BUTANE_OF_TOOL[newest])
        config = translate(document).config
        for form in (ignition.dumps(config), ignition.dumps(ignition.at_spec(config))):
            root = new_root(tmp_path / "root")
            assert real.apply(program, form, root) == ""
            found = real.tree(root)
            assert {path: found.get(path) for path in wanted} == wanted
            assert preset(root) == wanted_preset(host, newest)

    applied()


def wanted_preset(host: dict[str, Any], newest: int) -> set[str]:
    """Give the lines of the preset file; Ignition 2.26 disables only what the root has enabled, and this one has nothing."""
    words = {"enabled": "enable", "disabled": "disable"} if newest < 6 else {"enabled": "enable"}
    return {f"{words[kind]} u{index}.service" for index, kind in enumerate(host["units"]) if kind in words}


def preset(root: Path) -> set[str]:
    path = root / "etc/systemd/system-preset/20-ignition.preset"
    return set(path.read_text().splitlines()) if path.exists() else set()


def test_ignition_merges_as_podhost_does(tmp_path: Path, printed_seed: int) -> None:
    """A parent that names the child under `ignition.config.merge` makes the root that the merged config makes."""
    kinds: set[str] = set()

    @campaign(40)
    @given(make_hosts("id"), make_hosts("id"))  # an id merged with a name would be refused
    def same(parent_host: dict[str, Any], child_host: dict[str, Any]) -> None:
        parent, child = (translate(describe(host, "1.7.0")[0]).config for host in (parent_host, child_host))
        reference = {"source": dataurl.encode(ignition.dumps(child).encode(), compress=False)[0]}
        whole = {**parent, "ignition": {**parent["ignition"], "config": {"merge": [reference]}}}
        roots = [new_root(tmp_path / name) for name in ("merged", "merging")]
        assert real.apply(real.IGNITION_APPLY, ignition.dumps(ignition.merge(parent, child)), roots[0]) == ""
        assert real.apply(real.IGNITION_APPLY, ignition.dumps(whole), roots[1]) == ""
        trees = [real.tree(root) for root in roots]
        # Ignition itself leaves a record of where its configs came from
        assert {path: node for path, node in trees[0].items() if not path.startswith("/etc/.ignition")} == {
            path: node for path, node in trees[1].items() if not path.startswith("/etc/.ignition")
        }
        kinds.update(kind for kind in hosts_of(parent_host) & hosts_of(child_host))

    same()
    assert kinds == {"directories", "files", "links", "units"}


def hosts_of(host: dict[str, Any]) -> set[str]:
    return {kind for kind, nodes in host.items() if nodes}


@pytest.mark.parametrize("tool", TOOLS)
def test_a_wrapped_config_makes_the_same_root(tool: str, tmp_path: Path) -> None:
    program, newest = TOOLS[tool]
    config = translate(read("node/files" if newest == 6 else "head/version-1.0")).config
    config = {**config, "storage": {"files": [file for file in config["storage"]["files"] if "append" not in file]}}
    config = ignition.at_spec(config)
    whole, wrapped = new_root(tmp_path / "whole"), new_root(tmp_path / "wrapped")
    assert real.apply(program, ignition.dumps(config), whole) == ""
    wrapper = ignition.wrap(ignition.dumps(config))
    assert wrapper["ignition"]["version"] == "3.1.0"
    assert real.ignition_validate(ignition.dumps(wrapper)) == ""
    assert real.apply(program, ignition.dumps(wrapper), wrapped) == ""
    assert real.tree(whole) == real.tree(wrapped)
    assert len(real.tree(whole)) > 3


def test_a_wrapper_needs_the_spec_it_has(tmp_path: Path) -> None:
    wrapper = ignition.wrap('{"ignition":{"version":"3.0.0"}}')
    assert ignition.lowest_spec(wrapper) == "3.1.0"
    assert real.apply(real.IGNITION_APPLY, ignition.dumps(wrapper), new_root(tmp_path / "root")) == ""
    wrapper["ignition"]["version"] = "3.0.0"
    assert "config is not valid" in real.apply(real.IGNITION_APPLY, ignition.dumps(wrapper), tmp_path / "root")
