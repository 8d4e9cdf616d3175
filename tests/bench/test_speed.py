"""How fast podhost is, against the limits that it promises. `pytest tests/bench -s` prints the figures.

The limits are ratios within one run, of processor time: a busy machine, or a slow one, makes both sides longer.
The table of pytest-benchmark has the clock.
"""

from __future__ import annotations

import compileall
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import yaml
from pytest_benchmark.fixture import BenchmarkFixture

import podhost
from podhost import ignition
from podhost.build import Builder, HostFile
from podhost.document import read
from podhost.problems import Report, Source
from podhost.spec.host import Host
from podhost.spec.model import validate
from tests.support import REPOSITORY

ROUNDS = 25
RENDER = [sys.executable, "-m", "podhost", "render", "matrix"]
FOUR = [sys.executable, "-m", "podhost", "render", str(REPOSITORY / "docs/four.yaml")]
IMPORTS = [sys.executable, "-c", "import yaml, jinja2, click"]
HOSTS = 1000
BATCH = 50
DOCUMENT = "".join(f"key{number}: [one, two, {{three: 'four'}}]\n" for number in range(100))
YARDSTICK = 1.5e-3


def run(command: list[str]) -> float:
    """Run a command, and give the processor time that it took, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def test_a_cold_run_takes_at_most_two_and_a_half_times_its_imports(benchmark: BenchmarkFixture) -> None:
    """One of each in turn, and the least of each: what else the machine does only ever adds to it.

    The package is compiled first, as an installer does; a checkout is not where Python may not write byte code.
    """
    compileall.compile_dir(Path(podhost.__file__).parent, quiet=2)
    run(RENDER), run(IMPORTS)
    imports: list[float] = []
    renders: list[float] = []
    benchmark.pedantic(lambda: renders.append(run(RENDER)), setup=lambda: imports.append(run(IMPORTS)), rounds=ROUNDS)
    ratio = min(renders) / min(imports)
    benchmark.extra_info |= {"ratio": round(ratio, 2), "ratio of medians": round(median(renders) / median(imports), 2)}
    print(f"\ncold: {min(renders) * 1000:.0f} ms, the imports alone {min(imports) * 1000:.0f} ms, ratio {ratio:.2f}")
    assert ratio <= 2.5


def test_four_stacks_take_at_most_1_6_times_what_matrix_takes(benchmark: BenchmarkFixture) -> None:
    """`podhost render` for both hosts in turn, and the least of each."""
    compileall.compile_dir(Path(podhost.__file__).parent, quiet=2)
    run(RENDER), run(FOUR)
    one: list[float] = []
    four: list[float] = []
    benchmark.pedantic(lambda: four.append(run(FOUR)), setup=lambda: one.append(run(RENDER)), rounds=ROUNDS)
    ratio = min(four) / min(one)
    benchmark.extra_info |= {"ratio": round(ratio, 2), "ratio of medians": round(median(four) / median(one), 2)}
    print(f"\nfour stacks: {min(four) * 1000:.0f} ms, matrix alone {min(one) * 1000:.0f} ms, ratio {ratio:.2f}")
    assert ratio <= 1.6


def test_a_thousand_hosts_at_150_a_second(benchmark: BenchmarkFixture) -> None:
    """All different, in one process, from the text of the host file to the Ignition JSON.

    150 hosts a second is 6.7 ms each, on a machine where PyYAML's C loader takes `YARDSTICK` seconds for `DOCUMENT`.
    Machines differ, and so do hours of one machine: so what is held to the limit is the ratio of the two, measured in turn.
    """
    builder = Builder()
    builder.library.stack("matrix")
    texts = [
        f"hostname: chat{number}\nstacks:\n  matrix:\n    domain: example{number}.org\n"
        f"    email: admin@example{number}.org\n    brand: Chat {number}\n"
        for number in range(HOSTS)
    ]

    def render(text: str) -> str:
        report = Report()
        node = read(Source("host.yaml", text), report)
        assert node
        host = validate(Host, node, report)
        assert host
        built = builder.build(HostFile(host, node, Path()), report)
        assert built, report.problems
        return ignition.dumps(built.config)

    hosts: list[float] = []
    loads: list[float] = []

    def render_all() -> set[str]:
        found = set()
        for start in range(0, HOSTS, BATCH):
            with timed(loads, 20):
                for _ in range(20):
                    yaml.load(DOCUMENT, yaml.CSafeLoader)
            with timed(hosts, BATCH):
                found |= {render(text) for text in texts[start : start + BATCH]}
        return found

    results = benchmark.pedantic(render_all, rounds=1)
    assert len(results) == HOSTS
    ratio = min(hosts) / min(loads)
    figures = {"hosts per second": round(1 / min(hosts)), "over all": round(HOSTS / sum(hosts) / BATCH)}
    benchmark.extra_info |= {**figures, "ratio": round(ratio, 1)}
    print(f"\n{figures}; a host takes {ratio:.1f} times the loading of a document, {min(loads) * 1000:.2f} ms")
    assert ratio <= 1 / 150 / YARDSTICK


@contextmanager
def timed(into: list[float], times: int) -> Iterator[None]:
    """Note the processor time that one of so many took, in seconds."""
    before = time.process_time()
    yield
    into.append((time.process_time() - before) / times)
