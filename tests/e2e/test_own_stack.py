"""The stack that docs/stacks.md teaches, made from the page's text alone, really booted and used."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_stacks_page import BLOCK, PAGE, written

from .acme import Pebble
from .bed import Bed
from .hosts import booted, healthy, rendered
from .testhost import Host

URL = "https://drop.fcos.fr"
LETTER = "Dear reader,\n"


@pytest.fixture(scope="module")
def host(bed: Bed, acme: Pebble, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("drop")
    written(folder)
    with booted(bed, acme, "drop", rendered(folder / "host.yaml", *acme.settings), "drop.fcos.fr") as machine:
        yield machine


def put(host: Host, secret: str, body: str = LETTER) -> int:
    headers = {"Authorization": "Basic " + base64.b64encode(f"drop:{secret}".encode()).decode()}
    answer = host.request(f"{URL}/letters/letter.txt", method="PUT", headers=headers, body=body.encode())
    return answer.status


def test_who_knows_the_password_puts_files_there_and_they_stay(host: Host, acme: Pebble) -> None:
    secret = host.run("cat /var/srv/containers/drop/secrets/password").stdout.strip()
    assert put(host, "wrong") == 401
    assert host.request(f"{URL}/letters/letter.txt").status == 404
    assert put(host, secret) == 201
    assert put(host, secret, "x" * (2**20 + 1)) == 413  # `largest`, as the host file has it
    host.reboot()
    host.wait_until_answers(f"{URL}/letters/letter.txt", authority=acme.root)
    host.wait_booted()
    healthy(host)
    assert host.request(f"{URL}/letters/letter.txt").text == LETTER
    assert "letters/" in host.request(f"{URL}/").text


def test_a_part_that_is_used_twice(bed: Bed, tmp_path: Path) -> None:
    """Two databases in one pod, as the page shows: each with its own port, user, password and data."""
    (uses,) = (block for block in BLOCK.findall(PAGE.read_text("utf-8")) if block.startswith("parts:"))
    (tmp_path / "stacks/notes").mkdir(parents=True)
    (tmp_path / "stacks/notes/stack.yaml").write_text(f"stack: notes\nsummary: Notes\npods: {{notes: }}\n{uses}")
    (tmp_path / "host.yaml").write_text("stacks: {notes: {}}\n")
    data = bed.folder("notes")
    host = bed.host("notes", rendered(tmp_path / "host.yaml"), data=data)
    host.provision()
    host.boot()
    host.wait_booted()
    healthy(host)
    for name, user, port in (("postgres", "notes", 5432), ("archive", "archive", 5433)):
        query = "select current_user, inet_server_port()"
        login = f"PGPASSFILE=/tmp/pass psql --host=127.0.0.1 --port={port} {user} {user}"
        secret = (data / f"notes/secrets/{name}_passfile").read_text()
        assert secret.startswith(f"127.0.0.1:{port}:{user}:{user}:")
        # From the other container: they share the pod's network, and nothing else.
        other = {"postgres": "archive", "archive": "postgres"}[name]
        host.run(f"podman exec notes-{other} sh -c 'umask 077; echo \"{secret}\" > /tmp/pass'")
        said = host.run(f"podman exec notes-{other} sh -c '{login} -Atc \"{query}\"'").stdout
        assert said.strip() == f"{user}|{port}"
        assert (data / f"notes/{name}/PG_VERSION").exists()
    host.destroy()
