"""Parts in stacks: what comes out is one plain stack, in which every value knows its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from podhost.build import Builder
from podhost.document import Mapping, locate, plain, read
from podhost.library import Library, StackFolder
from podhost.problems import InvalidInput, Report, Source
from tests.support import REPOSITORY, build, contents, make_library, problems

PART = """\
part: cache
summary: A cache
options:
  size: {summary: How large it is}
  port: {summary: Where it listens, default: "6379"}
  arguments: {summary: What it is started with, default: [--port, <port>]}
parameters:
  <key>_image: {type: string, summary: The image, default: "docker.io/library/redis:8"}
secrets:
  <key>_password:
volumes:
  <name>: {summary: What it keeps}
containers:
  <name>:
    summary: A cache of <size>
    image: "{{ <key>_image }}"
    command: <arguments>
    listens: [<port>]
    secrets: [<key>_password]
    volumes: ["<name>:/data:Z"]
    files: {/etc/cache.conf: <name>/cache.conf}
    stop: {signal: SIGINT, timeout: 60s}
"""
STACK = """\
stack: example
summary: An example
parts:
  cache: {size: 1G}
  second-cache: {part: cache, size: 2G, port: 6380}
containers:
  web: {image: "docker.io/library/nginx:1.30", needs: [cache, second-cache]}
"""


def library(root: Path, stack: str = STACK, part: str = PART, conf: str = "port <port>\nsize <size>\n") -> Library:
    found = make_library(root, stack)
    folder = root / "parts/cache"
    (root / "parts").unlink()
    (folder / "files").mkdir(parents=True)
    (folder / "part.yaml").write_text(part)
    (folder / "files/cache.conf").write_text(conf)
    return found


def stack(root: Path, text: str = STACK, **more: str) -> StackFolder:
    return library(root, text, **more).stack("example")


def test_a_part_used_twice_under_two_names(tmp_path: Path) -> None:
    folder = stack(tmp_path)
    assert plain(folder.node) == {
        "stack": "example",
        "summary": "An example",
        "parameters": {
            name: {"type": "string", "summary": "The image", "default": "docker.io/library/redis:8"}
            for name in ("cache_image", "second_cache_image")
        },
        "secrets": {"cache_password": None, "second_cache_password": None},
        "volumes": {name: {"summary": "What it keeps"} for name in ("cache", "second-cache")},
        "containers": {
            "web": {"image": "docker.io/library/nginx:1.30", "needs": ["cache", "second-cache"]},
            **{
                name: {
                    "summary": f"A cache of {size}",
                    "image": f"{{{{ {name.replace('-', '_')}_image }}}}",
                    "command": ["--port", port],
                    "listens": [port],
                    "secrets": [f"{name.replace('-', '_')}_password"],
                    "volumes": [f"{name}:/data:Z"],
                    "files": {"/etc/cache.conf": f"{name}/cache.conf"},
                    "stop": {"signal": "SIGINT", "timeout": "60s"},
                }
                for name, size, port in (("cache", "1G", "6379"), ("second-cache", "2G", 6380))
            },
        },
    }
    assert {name: source.text for name, source in folder.files.items()} == {
        "cache/cache.conf": "port 6379\nsize 1G\n",
        "second-cache/cache.conf": "port 6380\nsize 2G\n",
    }


def test_a_host_with_it(tmp_path: Path) -> None:
    root = tmp_path / "library"
    (tmp_path / "host.yaml").write_text("stacks: {example: {second_cache_image: 'docker.io/library/redis:7'}}\n")
    files = contents(build(Builder(library(root)), tmp_path / "host.yaml"))
    unit = files["/etc/containers/systemd/example-second-cache.container"]
    assert "Exec=--port 6380" in unit
    assert files["/etc/containers/systemd/example-second-cache.image"].count("Image=docker.io/library/redis:7") == 1
    assert files["/etc/containers/systemd/example-cache.image"].count("Image=docker.io/library/redis:8") == 1
    assert files["/var/srv/containers/example/config/second-cache/cache.conf"] == "port 6380\nsize 2G\n"


def test_the_stack_wins_and_the_rest_stays(tmp_path: Path) -> None:
    folder = stack(tmp_path, STACK + "  cache:\n    stop: {timeout: 5s}\n    volumes: []\n    secrets:\n")
    containers = plain(folder.node)["containers"]
    assert containers["cache"]["stop"] == {"signal": "SIGINT", "timeout": "5s"}
    assert containers["cache"]["volumes"] == []
    assert "secrets" not in containers["cache"]
    assert containers["second-cache"]["stop"] == {"signal": "SIGINT", "timeout": "60s"}
    assert containers["second-cache"]["volumes"] == ["second-cache:/data:Z"]


def test_a_whole_container_can_be_taken_away(tmp_path: Path) -> None:
    folder = stack(tmp_path, STACK.replace("[cache, second-cache]", "[cache]") + "  second-cache:\n")
    assert plain(folder.node)["containers"].keys() == {"web", "cache"}


def test_a_file_of_the_stack_takes_the_place_of_the_parts(tmp_path: Path) -> None:
    found = library(tmp_path)
    (tmp_path / "stacks/example/files/cache").mkdir()
    (tmp_path / "stacks/example/files/cache/cache.conf").write_text("mine\n")
    texts = {name: source.text for name, source in found.stack("example").files.items()}
    assert texts == {"cache/cache.conf": "mine\n", "second-cache/cache.conf": "port 6380\nsize 2G\n"}


def test_every_value_knows_its_line(tmp_path: Path) -> None:
    folder = stack(tmp_path, STACK + "  cache:\n    stop: {timeout: 5s}\n")

    def place(*path: str | int) -> str:
        mark = locate(folder.node, path)[0]
        return f"{Path(mark.source.name).name}:{mark.line}"

    cache = ("containers", "cache")
    assert place("containers", "web", "image") == "stack.yaml:7"
    assert place(*cache, "image") == "part.yaml:16"
    assert place(*cache, "stop", "signal") == "part.yaml:22"
    assert place(*cache, "stop", "timeout") == "stack.yaml:9"
    assert place(*cache, "stop") == "stack.yaml:9"  # a mapping that both have is where the stack's begins
    assert place("containers", "second-cache", "listens", 0) == "stack.yaml:5"  # an option's value is the stack's
    assert place(*cache, "listens", 0) == "part.yaml:5"  # and a default is the part's
    also = {
        f"{path[-1]}: {how} {Path(mark.source.name).name}:{mark.line}"
        for path in ((*cache, "stop", "timeout"), (*cache, "summary"))
        for how, mark in [folder.also[locate(folder.node, path)[1]]]
    }
    assert also == {"timeout: in place of part.yaml:22", "summary: with stack.yaml:4"}


def test_in_a_file_what_is_no_option_stays(tmp_path: Path) -> None:
    folder = stack(tmp_path, conf="<html> <size> <arguments>")
    assert folder.files["cache/cache.conf"].text == '<html> 1G ["--port", "6379"]'


def test_a_stack_without_parts_is_as_it_was(tmp_path: Path) -> None:
    text = "stack: example\nsummary: x\ncontainers:\n  web: {image: 'docker.io/library/nginx:1.30'}\n"
    folder = stack(tmp_path, text)
    expected = read(Source("x", text), Report())
    assert expected
    assert plain(folder.node) == plain(expected)
    assert (folder.files, folder.also) == ({}, {})


OPTIONAL = """\
stack: example
summary: An example
parameters:
  cached: {type: boolean, summary: Whether there is a cache, default: false}
parts:
  cache: {size: 1G, when: "{{ cached }}"}
  second-cache: {part: cache, size: 2G, port: 6380}
containers:
  web: {image: "docker.io/library/nginx:1.30", needs: [cache, second-cache]}
"""
UNLESS_EDGE = PART.replace("    summary: A cache", '    when: "{{ not edge }}"\n    summary: A cache')


def test_a_part_with_when_has_it_in_all_that_it_brings(tmp_path: Path) -> None:
    found = plain(stack(tmp_path, OPTIONAL).node)
    assert found["parameters"]["cache_image"]["option"] == "cached"
    assert found["secrets"] == {"cache_password": {"when": "{{ cached }}"}, "second_cache_password": None}
    assert found["volumes"]["cache"] == {"summary": "What it keeps", "when": "{{ cached }}"}
    assert found["containers"]["cache"]["when"] == "{{ cached }}"
    assert "option" not in found["parameters"]["second_cache_image"]
    assert "when" not in found["containers"]["second-cache"]


def test_hosts_without_it_and_with_it(tmp_path: Path) -> None:
    root, quadlet = tmp_path / "library", "/etc/containers/systemd/example"
    builder = Builder(library(root, OPTIONAL))
    (tmp_path / "without.yaml").write_text("stacks: {example: }\n")
    (tmp_path / "with.yaml").write_text("stacks: {example: {cached: true}}\n")
    without, found = (contents(build(builder, tmp_path / f"{name}.yaml")) for name in ("without", "with"))
    assert found.keys() - without.keys() >= {f"{quadlet}-cache.container", f"{quadlet}-cache.image"}
    assert "Requires=example-second-cache.service" in without[f"{quadlet}-web.container"]
    assert "Requires=example-cache.service example-second-cache.service" in found[f"{quadlet}-web.container"]
    assert without["/etc/podhost/example.secrets"] == "second_cache_password\ttoken:32\n"


def test_its_parameters_do_nothing_without_it(tmp_path: Path) -> None:
    builder, report = Builder(library(tmp_path / "library", OPTIONAL)), Report()
    (tmp_path / "host.yaml").write_text("stacks:\n  example:\n    cache_image: 'docker.io/library/redis:7'\n")
    file = builder.read(str(tmp_path / "host.yaml"), report)
    assert file
    assert builder.build(file, report)
    assert f"{tmp_path}/host.yaml:3:18: 'cache_image' does nothing without 'cached'" in problems(report)


def test_where_a_part_has_a_when_of_its_own_both_have_to_hold(tmp_path: Path) -> None:
    folder = stack(tmp_path / "library", OPTIONAL, part=UNLESS_EDGE)
    assert plain(folder.node)["containers"]["cache"]["when"] == ["{{ not edge }}", "{{ cached }}"]
    mark, node = locate(folder.node, ("containers", "cache", "when"))
    how, other = folder.also[node]
    assert (mark.line, how, Path(other.source.name).name, other.line) == (15, "with", "stack.yaml", 6)
    for own, expected in (("edge", False), ("not edge", True)):
        root = tmp_path / own
        builder = Builder(library(root, OPTIONAL, UNLESS_EDGE.replace("not edge", own)))
        (root / "host.yaml").write_text("stacks: {example: {cached: true}}\n")
        files = contents(build(builder, root / "host.yaml"))
        assert ("/etc/containers/systemd/example-cache.container" in files) == expected


def test_a_when_that_is_more_than_a_parameter_is_no_option(tmp_path: Path) -> None:
    for when in ("{{ not cached }}", "{{ edge }}", "yes"):
        found = plain(stack(tmp_path / when, OPTIONAL.replace("{{ cached }}", when)).node)
        assert "option" not in found["parameters"]["cache_image"]
        assert found["volumes"]["cache"]["when"] == when


def test_the_stack_wins_over_the_when_of_its_use(tmp_path: Path) -> None:
    folder = stack(tmp_path, OPTIONAL + "volumes:\n  cache: {when: 'true'}\n")
    assert plain(folder.node)["volumes"]["cache"] == {"summary": "What it keeps", "when": "true"}


def test_a_mistake_in_the_when_of_a_use_is_there_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        stack(tmp_path / "mapping", OPTIONAL.replace('"{{ cached }}"', "{a: b}"))
    assert [each.rpartition("/")[2] for each in problems(caught.value.report)] == [
        "stack.yaml:6:27: a list is expected here, not a mapping of keys to values"
    ]
    root = tmp_path / "name"
    builder, report = Builder(library(root, OPTIONAL.replace("{{ cached }}", "{{ cashed }}"))), Report()
    (root / "host.yaml").write_text("stacks: {example: }\n")
    file = builder.read(str(root / "host.yaml"), report)
    assert file
    assert builder.build(file, report) is None
    assert [each.rpartition("/")[2] for each in problems(report) if "stack.yaml" in each] == [
        "stack.yaml:6:27: there is no 'cashed' to fill in"
    ]


WRONG = [
    ("  cache: {size: 1G}", "  cache: {part: cash, size: 1G}", ["stack.yaml:4:17: there is no part 'cash'"]),
    ("  cache: {size: 1G}", "  cache:", ["stack.yaml:4:3: the part's option 'size' is missing"]),
    ("size: 1G", "size: 1G, sise: 1G", ["stack.yaml:4:21: the part has no option 'sise'"]),
    ("{size: 1G}", "[size, 1G]", ["stack.yaml:4:10: the part's options are expected here, as a mapping"]),
    ("  cache: {size", "  Cache: {part: cache, size", ["stack.yaml:4:3: 'Cache' is not a name"]),
    ("size: 1G", "size: [1, 2]", ["part.yaml:15:14: the option 'size' is no single value, and stands inside a text here"]),
    ("part: cache, size: 2G", "part: {a: b}, size: 2G", ["stack.yaml:5:24: the name of a part is expected here"]),
    ("size: 1G", "size: 1G, port: {a: b}", ["stack.yaml:4:27: a single value is expected here, not a mapping of keys to values"] * 2),
    ("size: 1G", "size: 1G, arguments: word", ["stack.yaml:4:32: a list is expected here, not a single value"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wrong", "expected"), WRONG, ids=[each[1].strip() for each in WRONG])
def test_a_mistake_in_the_use_of_a_part(tmp_path: Path, text: str, wrong: str, expected: list[str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        stack(tmp_path, STACK.replace(text, wrong))
    assert [each.rpartition("/")[2] for each in problems(caught.value.report)] == expected


def test_parts_that_are_no_mapping(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"stack.yaml:3:8: error: a mapping of names to parts is expected here"):
        stack(tmp_path, "stack: example\nsummary: x\nparts: [cache]\ncontainers: {}\n")


@pytest.mark.parametrize(
    ("text", "wrong", "expected"),
    [
        ("part: cache", "part: cash", ["part.yaml:1:1: the part in the folder 'cache' does not say so"]),
        ("secrets:", "sekrets:", ["part.yaml:9:1: unknown key 'sekrets'"]),
        ("A cache of <size>", "A cache of <sise>", ["part.yaml:15:14: the part has no option 'sise'"]),
        ("volumes:\n  <name>:", "volumes:\n  data:", ["stack.yaml:5:3: another part has 'data' in volumes already"]),
        (
            "    image: ",
            "    imagine: ",
            ["part.yaml:16:5: unknown key 'imagine'", "part.yaml:14:3: 'image' is missing"],
        ),
    ],
)
def test_a_mistake_in_a_part(tmp_path: Path, text: str, wrong: str, expected: list[str]) -> None:
    """However often the part is used, a mistake is there once."""
    with pytest.raises(InvalidInput) as caught:
        stack(tmp_path, part=PART.replace(text, wrong, 1))
    assert {each.rpartition("/")[2] for each in problems(caught.value.report)} == set(expected)


def test_a_part_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"part.yaml:1:1: error: a part is a mapping"):
        stack(tmp_path / "a", part="[]\n")
    with pytest.raises(InvalidInput, match=r"part.yaml:2:10: error: a mapping of names is expected here"):
        stack(tmp_path / "b", part="part: cache\nvolumes: []\n")


@pytest.mark.parametrize("path", sorted((REPOSITORY / "parts").iterdir()), ids=lambda path: path.name)
def test_every_part_is_used_and_says_what_its_options_are(path: Path) -> None:
    """By two stacks at least: else it were none. But of these stacks only matrix sends mail."""
    node = read(Source(path.name, (path / "part.yaml").read_text()), Report())
    assert isinstance(node, Mapping)
    data = plain(node)
    assert data["summary"]
    assert all(option["summary"] for option in data["options"].values())
    users = set()
    for name in Library().names:
        uses = plain(read(Source("", (REPOSITORY / f"stacks/{name}/stack.yaml").read_text()), Report()))  # type: ignore[arg-type]
        users |= {name for use, given in uses.get("parts", {}).items() if (given or {}).get("part", use) == path.name}
    assert len(users) >= (1 if path.name == "relay" else 2)
