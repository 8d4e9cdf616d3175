from __future__ import annotations

from pathlib import Path

from tests.support import Podhost, make_library

STACK = """\
stack: example
summary: An example
parameters:
  domain: {type: hostname, summary: Where it is}
  kind: {type: enum, values: [red, green], summary: What kind, default: red}
  ports: {type: list, items: port, summary: Which ports, default: [80, 443]}
  open: {type: boolean, summary: Whether, default: false}
containers:
  web: {image: "docker.io/library/nginx:1.30"}
"""


def test_all_stacks_one_line_each(podhost: Podhost) -> None:
    result = podhost("stacks")
    assert (result.status, result.stderr) == (0, "")
    assert result.stdout == (
        "matrix    Matrix homeserver (Synapse) with Element Web, PostgreSQL and nginx\n"
        "miniflux  Feed reader (Miniflux) with PostgreSQL and nginx\n"
        "radicale  Calendars and contacts (Radicale) behind nginx\n"
        "site      Static files served by nginx\n"
    )


def test_what_belongs_to_an_option_is_shown_below_it(podhost: Podhost, tmp_path: Path) -> None:
    """Also where a part brings it, whose parameters come after the stack's own."""
    added = """\
  calls: {type: boolean, summary: Whether there are calls, default: false}
  relay: {type: boolean, option: mail, summary: Whether through a relay, default: false}
  mail: {type: boolean, summary: Whether it sends mail, default: false}
  open: {type: boolean, option: open, summary: A mistake, default: false}
  mail_host: {type: hostname, option: mail, summary: The server}
  port: {type: port, option: relay, summary: The port of the relay, default: 25}
"""
    make_library(tmp_path / "library", STACK.replace(STACK[STACK.index("  domain") : STACK.index("containers")], added))
    podhost.use(tmp_path / "library")
    order = ["calls", "mail", "relay", "port", "mail_host", "open"]
    shown = [line.split()[0] for line in podhost("stacks", "example").stdout.splitlines()[2::2]]
    assert shown == order
    lines = [line.removeprefix("    # ") for line in podhost("init", "example").stdout.splitlines()]
    assert [word for line in lines if (word := line.partition(":")[0]) in order] == order


def test_the_parameters_of_a_stack(podhost: Podhost, tmp_path: Path) -> None:
    make_library(tmp_path / "library", STACK)
    podhost.use(tmp_path / "library")
    result = podhost("stacks", "example")
    assert (result.status, result.stderr) == (0, "")
    assert result.stdout == (
        "example: An example\n"
        "\n"
        "  domain  Where it is\n"
        "          hostname; has to be given\n"
        "  kind    What kind\n"
        "          red | green; default: red\n"
        "  ports   Which ports\n"
        "          list of port; default: 80, 443\n"
        "  open    Whether\n"
        "          boolean; default: false\n"
    )


def test_every_parameter_of_matrix_is_there(podhost: Podhost) -> None:
    lines = podhost("stacks", "matrix").stdout.splitlines()
    for name in ("domain", "email", "brand", "max_upload", "postgres_image"):
        assert any(line.startswith(f"  {name} ") for line in lines)


def test_a_stack_that_is_not_there(podhost: Podhost) -> None:
    result = podhost("stacks", "matrx")
    expected = "error: there is no stack 'matrx'\n  hint: did you mean 'matrix'?\n"
    assert (result.status, result.stdout, result.stderr) == (1, "", expected)


def test_a_broken_stack_has_its_line(podhost: Podhost, tmp_path: Path) -> None:
    make_library(tmp_path / "library", STACK + "podz:\n")
    podhost.use(tmp_path / "library")
    for arguments in (["stacks"], ["stacks", "example"], ["init", "example"], ["render", "example"]):
        result = podhost(*arguments)
        assert (result.status, result.stdout) == (1, "")
        assert "stack.yaml:10:1: error: unknown key 'podz'" in result.stderr


def test_no_stacks_at_all(podhost: Podhost, tmp_path: Path) -> None:
    podhost.use(tmp_path)
    assert podhost("stacks").status == 0


def test_a_stack_without_a_demo_host(podhost: Podhost, tmp_path: Path) -> None:
    make_library(tmp_path / "library", STACK)
    podhost.use(tmp_path / "library")
    result = podhost("render", "example")
    assert (result.status, result.stdout) == (1, "")
    assert "error: the stack 'example' has no demo host" in result.stderr
    assert "podhost init example" in result.stderr
