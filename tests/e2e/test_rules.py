"""Rules are true: what podhost refuses really fails on a host, and its mended twin really runs.

The cases are those of tests/errors/check, built as if podhost had no rules.
All wrong ones share one host, and all right ones another; the labels of SELinux need a kernel that has it, and are not among them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from podhost import ignition
from podhost.build import Built
from podhost.check.rules import RULES
from podhost.problems import Severity
from tests.check.cases import Case
from tests.check.hosts import built, deaf, right_cases, stack_name, wrong_cases

from .bed import Bed
from .testhost import Host

FAMILIES = ("images", "order", "ports", "quadlet")


WRONG, RIGHT = wrong_cases(*FAMILIES), right_cases(*FAMILIES)


class Booted:
    """A host with the stacks of many cases, and what is known of each stack's services."""

    def __init__(self, host: Host, made: Built) -> None:
        self.host = host
        self.services = {service.name: service for service in made.plan.services}

    def faults(self, stack: str) -> list[str]:
        """What is wrong with the services of a stack for good; empty while they start, and once they run."""
        service = self.services[stack]
        containers = {f"{each.unit}.service": each.unit for each in service.containers}
        units = [*containers, *(f"{each.unit}-pod.service" for each in service.pods)]
        units += [f"{each.unit}-image.service" for each in service.images]
        if any(port.host == 22 for container in service.containers for port in container.publish):
            units.append("ssh.service")  # whoever is the second to take the port fails
        shown = self.host.run(
            f"systemctl show --property=Id,LoadState,ActiveState,NRestarts,Job {' '.join(dict.fromkeys(units))}"
        ).stdout
        running = self.host.run("podman ps --format '{{.Names}}'").stdout.split()
        found = []
        for block in shown.strip().split("\n\n"):
            state = dict(line.split("=", 1) for line in block.splitlines())
            name = state["Id"]
            if state["LoadState"] != "loaded":
                found.append(f"{name} is {state['LoadState']}")
            elif state["ActiveState"] == "failed":
                found.append(f"{name} failed")
            elif state.get("NRestarts", "0") != "0":
                found.append(f"{name} was restarted")
            elif name.endswith("-image.service"):
                continue  # it does nothing where the image is there already
            elif state["ActiveState"] == "inactive" and not state.get("Job"):
                found.append(f"{name} was not started")
            elif state["ActiveState"] == "active" and name in containers and containers[name] not in running:
                found.append(f"{name} runs without its container")
        return found

    def listens(self, stack: str) -> list[str]:
        """The ports that containers declare and have not opened."""
        missing = []
        for container in self.services[stack].containers:
            if not container.listens:
                continue
            pid = self.host.run(f"podman inspect --format '{{{{.State.Pid}}}}' {container.unit}").stdout.strip()
            shown = self.host.run(f"nsenter --target {pid} --net ss --listening --tcp --numeric --no-header").stdout
            ports = {line.split()[3].rsplit(":", 1)[1] for line in shown.splitlines()}
            missing += [f"{container.unit}: {port}" for port in container.listens if str(port) not in ports]
        return missing


@pytest.fixture(scope="module")
def wrong(bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    with pytest.MonkeyPatch.context() as patch:
        deaf(patch)
        made = built(WRONG, tmp_path_factory.mktemp("wrong"))
    host = bed.host("wrong", ignition.dumps(made.config), data=bed.folder("wrong"))
    host.provision()
    host.boot()
    # From then on a unit that has no job was not to be started.
    host.run("timeout 60 sh -c 'until systemctl is-active --quiet sysinit.target; do sleep 0.1; done'")
    yield Booted(host, made)
    host.destroy()


@pytest.fixture(scope="module")
def right(bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    made = built(RIGHT, tmp_path_factory.mktemp("right"))
    host = bed.host("right", ignition.dumps(made.config), data=bed.folder("right"))
    host.provision()
    host.boot()
    host.wait_booted(300)
    yield Booted(host, made)
    host.destroy()


@pytest.mark.parametrize("case", RIGHT, ids=lambda case: case.name)
def test_the_mended_twin_runs(right: Booted, case: Case) -> None:
    deadline = time.monotonic() + 30
    while (missing := right.listens(stack_name(case))) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert missing == []
    assert right.faults(stack_name(case)) == []


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.name)
def test_the_mistake_really_fails(wrong: Booted, case: Case) -> None:
    deadline = time.monotonic() + 60
    while not (found := wrong.faults(stack_name(case))) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert found, f"nothing failed; {wrong.host.journal(*(f'{stack_name(case)}*',))[-3000:]}"
    print(", ".join(found))


def test_every_rule_of_severity_error_is_tried() -> None:
    """Of these families."""
    tried = {name for case in WRONG for name in case.rules}
    errors = {name for name, rule in RULES.items() if rule.severity is Severity.ERROR}
    assert {name for name in errors if name.split("/")[0] in FAMILIES} <= tried
