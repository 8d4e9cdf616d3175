"""The stack that docs/stacks.md teaches, made from the page's text alone, really booted and used."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from tests.test_stacks_page import written

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
