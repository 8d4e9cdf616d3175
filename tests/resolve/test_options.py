"""Parameters that belong to an option, containers by count, and ports in a row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from podhost.build import Builder, Built
from podhost.problems import Report
from tests.support import REPOSITORY, Podhost, build, contents, make_library, problems

IMAGE = "docker.io/library/nginx:1.30"
STACK = f"""\
stack: example
summary: Example
parameters:
  mail: {{type: boolean, summary: Whether it sends mail, default: false}}
  mail_host: {{type: hostname, option: mail, summary: The mail server, example: smtp.example.org}}
  mail_address: {{type: address, option: mail, summary: Its address, default: ""}}
  workers: {{type: integer, summary: How many, default: 0}}
pods:
  inner:
    publish: ["80:8080", "{{{{ '127.0.0.1:25:25' if mail else '' }}}}", "5000-5009:6000-6009/udp"]
containers:
  web:
    image: {IMAGE}
    pod: inner
    needs: [worker, other]
    command: [nginx, "{{{{ '--mail=' + mail_host if mail else '' }}}}", -q]
    files: {{/etc/shared.conf: shared.conf}}
  worker:
    image: {IMAGE}
    pod: inner
    count: "{{{{ workers }}}}"
    listens: ["{{{{ 9000 + number }}}}"]
    files: {{/etc/shared.conf: shared.conf, /etc/worker.conf: worker.conf}}
  other: {{image: "{IMAGE}"}}
  queue: {{image: "{IMAGE}", when: "{{{{ workers }}}}"}}
  outer: {{image: "{IMAGE}", network: host, publish: ["7000-7001:7000-7001"]}}
"""
FILES = {"shared.conf": "mail {{ mail_host }}\n", "worker.conf": "number {{ number }}\n"}
QUADLET = "/etc/containers/systemd"
CONFIG = "/var/srv/containers/example/config"


def host(folder: Path, parameters: str) -> Built:
    library = make_library(folder / "library", STACK, **FILES)
    (folder / "host.yaml").write_text(f"stacks:\n  example: {{{parameters}}}\n")
    return build(Builder(library), folder / "host.yaml")


def values(unit: str, key: str) -> list[str]:
    return [line.partition("=")[2] for line in unit.splitlines() if line.startswith(f"{key}=")]


def test_what_a_template_leaves_empty_is_left_out_of_lists(tmp_path: Path) -> None:
    files = contents(host(tmp_path, ""))
    assert values(files[f"{QUADLET}/example-inner.pod"], "PublishPort") == ["80:8080", "5000-5009:6000-6009/udp"]
    assert values(files[f"{QUADLET}/example-web.container"], "Exec") == ["nginx -q"]
    assert files[f"{CONFIG}/shared.conf"] == "mail \n"


def test_and_in_with_its_option(tmp_path: Path) -> None:
    files = contents(host(tmp_path, "mail: true, mail_host: smtp.example.org"))
    ports = ["80:8080", "127.0.0.1:25:25", "5000-5009:6000-6009/udp"]
    assert values(files[f"{QUADLET}/example-inner.pod"], "PublishPort") == ports
    assert values(files[f"{QUADLET}/example-web.container"], "Exec") == ["nginx --mail=smtp.example.org -q"]
    assert files[f"{CONFIG}/shared.conf"] == "mail smtp.example.org\n"


def test_the_hosts_own_network_needs_no_ports(tmp_path: Path) -> None:
    """They stand in the plan for who asks what a service takes of its host."""
    built = host(tmp_path, "")
    outer = contents(built)[f"{QUADLET}/example-outer.container"]
    assert (values(outer, "Network"), values(outer, "PublishPort")) == (["host"], [])
    ports = next(each for each in built.plan.services[0].containers if each.name == "outer").publish
    assert [(port.host, port.inner, port.span) for port in ports] == [(7000, 7000, 2)]


def test_none_of_a_counted_container(tmp_path: Path) -> None:
    files = contents(host(tmp_path, ""))
    assert [path for path in files if "worker" in path or "queue" in path] == []
    assert values(files[f"{QUADLET}/example-web.container"], "Requires") == ["example-other.service"]


@pytest.mark.parametrize("count", [1, 3])
def test_several_of_a_counted_container(tmp_path: Path, count: int) -> None:
    built = host(tmp_path, f"workers: {count}")
    files = contents(built)
    assert f"{QUADLET}/example-queue.container" in files
    numbers = range(1, count + 1)
    needed = " ".join([*(f"example-worker-{number}.service" for number in numbers), "example-other.service"])
    assert values(files[f"{QUADLET}/example-web.container"], "Requires") == [needed]
    for number in numbers:
        unit = files[f"{QUADLET}/example-worker-{number}.container"]
        assert values(unit, "ContainerName") == [f"example-worker-{number}"]
        # What is the same for all is one file, and what is not is each one's own.
        assert [value.rsplit(":", 1)[0] for value in values(unit, "Volume")] == [
            f"{CONFIG}/shared.conf:/etc/shared.conf",
            f"{CONFIG}/worker-{number}.conf:/etc/worker.conf",
        ]
        assert files[f"{CONFIG}/worker-{number}.conf"] == f"number {number}\n"
    listens = {each.name: each.listens for each in built.plan.services[0].containers if each.listens}
    assert listens == {f"worker-{number}": (9000 + number,) for number in numbers}


def test_a_parameter_without_its_option_does_nothing(tmp_path: Path) -> None:
    """It may stay in the file of somebody who only tries to do without."""
    builder, report = Builder(make_library(tmp_path / "library", STACK, **FILES)), Report()
    (tmp_path / "host.yaml").write_text("stacks:\n  example:\n    mail_host: smtp.example.org\n")
    file = builder.read(str(tmp_path / "host.yaml"), report)
    assert file
    assert builder.build(file, report)
    assert f"{tmp_path}/host.yaml:3:16: 'mail_host' does nothing without 'mail'" in problems(report)


def test_the_example_of_the_documentation_is_a_host(tmp_path: Path) -> None:
    blocks = re.findall(
        r"^```yaml\n(.*?)^```$", (REPOSITORY / "docs/matrix.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    for name, text in zip(("host.yaml", "secrets.yaml"), blocks, strict=True):
        (tmp_path / name).write_text(text)
    matrix = build(Builder(), tmp_path / "host.yaml").plan.services[0]
    assert {each.name for each in matrix.containers} - {
        "postgres",
        "synapse",
        "element-web",
        "nginx",
        "nginx-http",
    } == {
        "redis",
        "worker-1",
        "worker-2",
        "federation-sender",
        "coturn",
        "mail",
    }
    assert [unit.name for unit in matrix.units] == ["matrix-admin.service"]


def test_a_stack_says_what_its_options_need(podhost: Podhost, tmp_path: Path) -> None:
    make_library(tmp_path / "library", STACK, **FILES)
    podhost.use(tmp_path / "library")
    assert "hostname; has to be given with mail" in podhost("stacks", "example").stdout
    shown = podhost("init", "example").stdout
    assert "\n    # mail_host: smtp.example.org\n" in shown
    assert '\n    # mail_address: ""\n' in shown
