"""Merging, child over parent, as https://coreos.github.io/ignition/operator-notes/#config-merging tells it."""

from __future__ import annotations

from typing import Any

from podhost.ignition import merge

V = "3.4.0"


def config(version: str = V, **sections: Any) -> dict[str, Any]:
    return {"ignition": {"version": version}, **sections}


def merged(parent: dict[str, Any], child: dict[str, Any]) -> dict[str, Any]:
    result = merge(config(**parent), config(**child))
    assert result.pop("ignition") == {"version": V}
    return result


def files(*files: dict[str, Any]) -> dict[str, Any]:
    return {"storage": {"files": list(files)}}


def test_the_newer_spec_wins() -> None:
    assert merge(config("3.2.0"), config("3.4.0"))["ignition"]["version"] == "3.4.0"
    assert merge(config("3.4.0"), config("3.2.0"))["ignition"]["version"] == "3.4.0"


def test_members_of_a_list_merge_by_key_and_the_childs_new_ones_come_last() -> None:
    parent = files({"path": "/a", "mode": 420, "user": {"id": 1}}, {"path": "/b", "mode": 420})
    child = files({"path": "/c"}, {"path": "/a", "mode": 384, "group": {"id": 2}})
    assert merged(parent, child) == files(
        {"group": {"id": 2}, "path": "/a", "user": {"id": 1}, "mode": 384}, {"path": "/b", "mode": 420}, {"path": "/c"}
    )


def test_a_path_is_what_the_child_makes_of_it() -> None:
    parent = {"storage": {"files": [{"path": "/a"}, {"path": "/b"}], "directories": [{"path": "/d"}]}}
    child = {"storage": {"links": [{"path": "/a", "target": "/x"}], "files": [{"path": "/d"}]}}
    assert merged(parent, child) == {
        "storage": {"files": [{"path": "/b"}, {"path": "/d"}], "links": [{"path": "/a", "target": "/x"}]}
    }


def test_what_may_be_there_twice_is_appended() -> None:
    parent = files({"path": "/a", "append": [{"source": "data:,x"}]})
    child = files({"path": "/a", "append": [{"source": "data:,x"}]})
    assert merged(parent, child) == files({"path": "/a", "append": [{"source": "data:,x"}, {"source": "data:,x"}]})


def test_words_of_a_list_are_there_once() -> None:
    parent = {"passwd": {"users": [{"name": "core", "sshAuthorizedKeys": ["a", "b"]}]}}
    child = {"passwd": {"users": [{"name": "core", "sshAuthorizedKeys": ["b", "c"]}]}}
    assert merged(parent, child) == {"passwd": {"users": [{"name": "core", "sshAuthorizedKeys": ["a", "b", "c"]}]}}


def test_a_kernel_argument_is_wanted_or_not() -> None:
    parent = {"kernelArguments": {"shouldExist": ["a", "b"]}}
    child = {"kernelArguments": {"shouldNotExist": ["a"]}}
    assert merged(parent, child) == {"kernelArguments": {"shouldExist": ["b"], "shouldNotExist": ["a"]}}


def test_an_empty_value_of_the_child_counts() -> None:
    parent = {"systemd": {"units": [{"name": "a.service", "enabled": True, "contents": "x"}]}}
    child = {"systemd": {"units": [{"name": "a.service", "enabled": False, "contents": ""}]}}
    assert merged(parent, child) == {"systemd": {"units": [{"contents": "", "enabled": False, "name": "a.service"}]}}


def test_a_header_without_a_value_takes_the_parents_away() -> None:
    def headers(*headers: dict[str, str]) -> dict[str, Any]:
        return files({"path": "/a", "contents": {"httpHeaders": list(headers), "source": "https://x"}})

    parent = headers({"name": "A", "value": "1"}, {"name": "B", "value": "2"})
    assert merged(parent, headers({"name": "A"})) == headers({"name": "B", "value": "2"})


def test_partitions_merge_by_number_and_else_by_label() -> None:
    def disk(*partitions: dict[str, Any]) -> dict[str, Any]:
        return {"storage": {"disks": [{"device": "/dev/vda", "partitions": list(partitions)}]}}

    parent = disk({"number": 1, "label": "a"}, {"label": "b", "sizeMiB": 5})
    child = disk({"number": 1, "sizeMiB": 7}, {"label": "b", "sizeMiB": 6})
    assert merged(parent, child) == disk({"label": "a", "number": 1, "sizeMiB": 7}, {"label": "b", "sizeMiB": 6})


def test_neither_config_is_changed() -> None:
    parent, child = config(**files({"path": "/a", "mode": 1})), config(**files({"path": "/a", "mode": 2}))
    merge(parent, child)
    assert parent == config(**files({"path": "/a", "mode": 1}))
    assert child == config(**files({"path": "/a", "mode": 2}))
