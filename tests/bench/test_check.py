"""How fast `podhost check` is, as a command: for processor time, as in test_speed."""

from __future__ import annotations

import sys
from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

from tests.bench.test_speed import run
from tests.support import PUBLIC_KEY, REPOSITORY, python

SERVICES = 50
STACK = """\
stack: {name}
summary: A program with its database
parameters:
  domain: {{type: hostname, summary: Where}}
secrets:
  password: {{summary: The database's}}
certificates:
  web: {{names: ["{{{{ domain }}}}"]}}
volumes:
  data: {{summary: The database}}
pods:
  {name}:
    publish: ["{port}:8443"]
containers:
  store:
    image: docker.io/library/postgres:17
    pod: {name}
    user: 999:999
    environment: {{POSTGRES_PASSWORD_FILE: "{{{{ secrets.password }}}}"}}
    listens: [5432]
    secrets: [password]
    volumes: ["data:/var/lib/postgresql/data:Z"]
    tmpfs: [/run/postgresql]
    ready: notify
  web:
    image: docker.io/example/web:1
    pod: {name}
    user: 5:5
    listens: [8443]
    certificates: [web]
    needs: [store]
    files: {{/etc/web.conf: web.conf}}
"""


def test_fifty_services_in_half_a_second(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """25 stacks of two containers and a pod each, from the start of Python to the last line of the report."""
    for shared in ("units", "butane"):
        (tmp_path / shared).symlink_to(REPOSITORY / shared)
    names = [f"service{number}" for number in range(SERVICES // 2)]
    for port, name in enumerate(names, 7001):
        folder = tmp_path / "stacks" / name / "files"
        folder.mkdir(parents=True)
        (folder.parent / "stack.yaml").write_text(STACK.format(name=name, port=port))
        (folder / "web.conf").write_text("listen 8443;\n" + "# a line of configuration\n" * 100)
    hosts = "".join(f"  {name}: {{domain: {name}.example.org}}\n" for name in names)
    (tmp_path / "host.yaml").write_text(f"ssh_keys: [{PUBLIC_KEY}]\nstacks:\n{hosts}")
    program = (
        f"from pathlib import Path; from podhost import library; library._data_root = lambda: Path({str(tmp_path)!r});"
        "import sys; from podhost.__main__ import main; sys.argv[0] = 'podhost'; main()"
    )
    arguments = ["-c", program, "check", str(tmp_path / "host.yaml")]
    said = python(*arguments)
    assert (said.returncode, said.stderr.partition(": ")[2].partition(": ")[2]) == (0, "nothing is wrong\n"), (
        said.stderr
    )
    times: list[float] = []
    benchmark.pedantic(lambda: times.append(run([sys.executable, *arguments])), rounds=10)
    print(f"\ncheck of {SERVICES} services: {min(times) * 1000:.0f} ms")
    assert min(times) <= 0.5
