"""`podhost check`: its reports, its exit status, and its results for scripts and code hosts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from podhost import __version__
from podhost.check.rules import RULES
from tests.check.cases import lay_out
from tests.support import PUBLIC_KEY, REPOSITORY, Podhost

LATEST = "stack: example\nsummary: x\ncontainers:\n  web: {image: 'docker.io/example/web:latest'}\n"
TAKEN = "stack: example\nsummary: x\ncontainers:\n  web: {image: 'docker.io/example/web:1', publish: ['22:2222'], listens: [2222]}\n"
SILENCE = "silence: {images/latest: it is rebuilt each night}\n"


@pytest.fixture
def at(podhost: Podhost, tmp_path: Path) -> Podhost:
    podhost.use(tmp_path / "library")
    return podhost


@pytest.mark.parametrize("name", sorted(path.parent.name for path in (REPOSITORY / "stacks").glob("*/stack.yaml")))
@pytest.mark.parametrize("podman", ["5.4", "5.8"])
def test_no_false_alarm_on_the_stacks_of_the_repository(podhost: Podhost, name: str, podman: str) -> None:
    result = podhost("check", name, "--podman", podman, "--fail-on", "warning")
    assert (result.status, result.stdout) == (0, ""), result.stderr
    assert "warning" not in result.stderr


def test_a_good_host(at: Podhost, tmp_path: Path) -> None:
    lay_out(LATEST.replace("latest", "1"), tmp_path)
    result = at("check", "host.yaml")
    assert (result.status, result.stdout, result.stderr) == (0, "", f"podhost: {len(RULES)} rules: nothing is wrong\n")


def test_a_report(at: Podhost, tmp_path: Path) -> None:
    lay_out(TAKEN.replace(":1'", ":latest'"), tmp_path)
    result = at("check", "host.yaml")
    assert result.status == 1
    assert result.stderr.replace(f"{tmp_path}/library/stacks/example/", "").splitlines() == [
        "stack.yaml:4:16: warning: 'docker.io/example/web:latest' is another program every few months [images/latest]",
        "    4 |   web: {image: 'docker.io/example/web:latest', publish: ['22:2222'], listens: [2222]}",
        "      |                ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~",
        "  hint: write the version to follow",
        "stack.yaml:4:58: error: port 22/tcp is taken already, by the host's ssh server [ports/published-twice]",
        "    4 |   web: {image: 'docker.io/example/web:latest', publish: ['22:2222'], listens: [2222]}",
        "      |                                                          ^~~~~~~~~",
        "  hint: publish it at another port of the host, or at an address of its own",
        f"podhost: {len(RULES)} rules: 1 error, 1 warning",
    ]


@pytest.mark.parametrize(
    ("stack", "fail_on", "status"),
    [(LATEST, "error", 0), (LATEST, "warning", 1), (TAKEN, "error", 1), (LATEST + SILENCE, "warning", 0)],
)
def test_what_fails(at: Podhost, tmp_path: Path, stack: str, fail_on: str, status: int) -> None:
    lay_out(stack, tmp_path)
    assert at("check", "host.yaml", "--fail-on", fail_on).status == status


def test_render_refuses_errors_and_is_quiet_about_warnings(at: Podhost, tmp_path: Path) -> None:
    lay_out(TAKEN, tmp_path)
    result = at("render", "host.yaml", "-o", "out.ign")
    assert result.status == 1
    assert "is taken already, by the host's ssh server [ports/published-twice]" in result.stderr
    assert not (tmp_path / "out.ign").exists()
    (tmp_path / "library/stacks/example/stack.yaml").write_text(LATEST)
    assert at("render", "host.yaml", "-o", "out.ign").stderr == ""


def test_a_silenced_error_is_rendered(at: Podhost, tmp_path: Path) -> None:
    lay_out(TAKEN + "silence: {ports/published-twice: the ssh server has another port here}\n", tmp_path)
    assert at("render", "host.yaml", "-o", "out.ign").status == 0
    assert at("check", "host.yaml").stderr == f"podhost: {len(RULES)} rules: 1 silenced\n"


def test_a_host_file_silences_all_its_stacks(at: Podhost, tmp_path: Path) -> None:
    lay_out(LATEST, tmp_path)
    with (tmp_path / "host.yaml").open("a") as file:
        file.write(SILENCE)
    assert at("check", "host.yaml", "--fail-on", "warning").status == 0


def test_a_stack_silences_itself_alone(at: Podhost, tmp_path: Path) -> None:
    lay_out(LATEST + SILENCE, tmp_path)
    other = tmp_path / "library/stacks/plain/stack.yaml"
    other.write_text(other.read_text().replace("web:1", "web:latest"))
    with (tmp_path / "host.yaml").open("a") as file:
        file.write("  plain:\n")
    result = at("check", "host.yaml")
    assert result.stderr.count("[images/latest]") == 1
    assert "plain/stack.yaml:5:12: warning: " in result.stderr


def test_a_mistake_in_the_host_file_is_found_there(at: Podhost, tmp_path: Path) -> None:
    """What the stack fills in is mended where the value is given."""
    stack = "stack: example\nsummary: x\nparameters: {version: {type: string, summary: x}}\n"
    lay_out(stack + "containers: {web: {image: 'docker.io/example/web:{{ version }}'}}\n", tmp_path)
    (tmp_path / "host.yaml").write_text(f"ssh_keys: [{PUBLIC_KEY}]\nstacks:\n  example: {{version: latest}}\n")
    assert at("check", "host.yaml").stderr.startswith("host.yaml:3:22: warning: 'docker.io/example/web:latest' is")


def test_json(at: Podhost, tmp_path: Path) -> None:
    lay_out(TAKEN.replace(":1'", ":latest'") + SILENCE, tmp_path)
    result = at("check", "host.yaml", "--json")
    assert (result.status, result.stderr) == (1, "")
    stack = f"{tmp_path}/library/stacks/example/stack.yaml"
    assert json.loads(result.stdout) == {
        "problems": [
            {
                "severity": "error",
                "rule": "ports/published-twice",
                "message": "port 22/tcp is taken already, by the host's ssh server",
                "hint": "publish it at another port of the host, or at an address of its own",
                "file": stack,
                "line": 4,
                "column": 58,
                "length": 9,
            }
        ],
        "silenced": [
            {
                "severity": "warning",
                "rule": "images/latest",
                "message": "'docker.io/example/web:latest' is another program every few months",
                "hint": "write the version to follow",
                "file": stack,
                "line": 4,
                "column": 16,
                "length": 30,
                "reason": "it is rebuilt each night",
            }
        ],
    }


def test_json_of_what_cannot_be_read(at: Podhost, tmp_path: Path) -> None:
    lay_out("stack: example\n", tmp_path)
    for target in ("host.yaml", "nowhere"):
        result = at("check", target, "--json")
        assert (result.status, result.stderr) == (1, "")
        assert {each["rule"] for each in json.loads(result.stdout)["problems"]} == {None}


def test_sarif(at: Podhost, tmp_path: Path) -> None:
    lay_out(LATEST + SILENCE + "units: {a.timer: {template: a}}\n", tmp_path)
    (tmp_path / "library/stacks/example/files/a").write_text("[Timer]\nOnCalendar=daily\n")
    (tmp_path / "host.yaml").write_text("stacks: {example: }\n")
    result = at("check", "host.yaml", "--sarif")
    assert (result.status, result.stderr) == (0, "")
    log = json.loads(result.stdout)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("podhost", __version__)
    assert [each["id"] for each in driver["rules"]] == ["host/no-login", "images/latest"]
    assert driver["rules"][1]["help"]["markdown"] == RULES["images/latest"].page
    assert run["results"] == [
        {
            "ruleId": "host/no-login",
            "level": "warning",
            "message": {"text": "nobody can log in to this host\nadd ssh_keys, or use --ssh-key ~/.ssh/id_ed25519.pub"},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": "host.yaml"}}}],
        },
        {
            "ruleId": "images/latest",
            "level": "warning",
            "message": {
                "text": "'docker.io/example/web:latest' is another program every few months\nwrite the version to follow"
            },
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": f"{tmp_path}/library/stacks/example/stack.yaml"},
                        "region": {"startLine": 4, "startColumn": 16, "endColumn": 46},
                    }
                }
            ],
            "suppressions": [{"kind": "inSource", "justification": "it is rebuilt each night"}],
        },
    ]


def test_the_mistake_of_the_readme(at: Podhost, tmp_path: Path) -> None:
    """Its stack gives just the report that it shows."""
    text = (REPOSITORY / "README.md").read_text("utf-8").partition("\n## A mistake, said before the first boot\n")[2]
    stack, report = (text.split("```")[index].partition("\n")[2] for index in (1, 3))
    lay_out(stack, tmp_path)
    result = at("check", "host.yaml")
    assert result.status == 1
    assert "$ podhost check host.yaml\n" + result.stderr.replace(f"{tmp_path}/library/stacks/example/", "") == report


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'TARGET'."),
        (["matrix", "--json", "--sarif"], "take one of them"),
        (["matrix", "--stream", "stabel"], "'stabel' is not one of"),
        (["matrix", "--provider", "nobody"], "'nobody' is not one of"),
        (["matrix", "--podman", "five"], "'five' is not a podman version"),
        (["matrix", "--spec", "four"], "--spec"),
        (["matrix", "--fail-on", "hint"], "'hint' is not one of"),
    ],
)
def test_misuse(podhost: Podhost, arguments: list[str], message: str) -> None:
    result = podhost("check", *arguments)
    assert result.status == 2
    assert message in result.stderr
