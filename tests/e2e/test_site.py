"""The demo host of the stack `site`, really booted: files of a folder beside the host file, and files on the data volume."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .acme import Pebble
from .bed import Bed
from .hosts import booted, healthy, rendered
from .testhost import Host

URL = "https://www.fcos.fr"
STYLE = "body { margin: 0 }\n" * 200
PICTURE = bytes(range(256)) * 64


@pytest.fixture(scope="module")
def www(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A host file with a folder of files beside it."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "pages/deep").mkdir(parents=True)
    (folder / "pages/index.html").write_text("<h1>Hello</h1>\n")
    (folder / "pages/deep/index.html").write_text("<h1>Deep</h1>\n")
    (folder / "pages/style.css").write_text(STYLE)
    (folder / "pages/picture.png").write_bytes(PICTURE)
    (folder / "host.yaml").write_text("stacks: {site: {domain: www.fcos.fr, folder: pages}}\n")
    return folder


@pytest.fixture(scope="module")
def host(bed: Bed, acme: Pebble, www: Path) -> Iterator[Host]:
    with booted(bed, acme, "site", rendered(www / "host.yaml", *acme.settings), "www.fcos.fr") as machine:
        yield machine


def test_the_folder_is_served(host: Host, acme: Pebble) -> None:
    for path, body, kind in (
        ("/", b"<h1>Hello</h1>\n", "text/html"),
        ("/deep/", b"<h1>Deep</h1>\n", "text/html"),
        ("/style.css", STYLE.encode(), "text/css"),
        ("/picture.png", PICTURE, "image/png"),
    ):
        answer = host.request(f"{URL}{path}", authority=acme.root)
        assert (answer.status, answer.headers["content-type"], answer.body) == (200, kind, body)
        assert answer.headers["strict-transport-security"] == "max-age=63072000"
    assert host.request(f"{URL}/nothing").status == 404
    assert host.request(f"{URL}/..%2f..%2f..%2fetc/passwd").status in (400, 404)


def test_gzip_for_who_takes_it(host: Host) -> None:
    answer = host.request(f"{URL}/style.css", headers={"Accept-Encoding": "gzip, br"})
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert gzip.decompress(answer.body).decode() == STYLE
    assert "content-encoding" not in host.request(f"{URL}/style.css").headers


def test_a_folder_is_named_with_its_slash_at_the_public_port(host: Host) -> None:
    answer = host.request(f"{URL}/deep")
    assert (answer.status, answer.headers["location"]) == (301, f"{URL}/deep/")


def test_port_80_leads_to_https(host: Host) -> None:
    answer = host.request("http://www.fcos.fr/a")
    assert (answer.status, answer.headers["location"]) == (301, f"{URL}/a")


def test_the_log_has_the_clients_address(host: Host) -> None:
    host.request(f"{URL}/picture.png?token=x")
    (line,) = re.findall(r"(\S+) www.fcos.fr \"GET /picture.png\" 200 \d+", host.journal("site-nginx.service"))[-1:]
    assert line == "10.99.0.1"


def test_nginx_has_nothing_to_remark(host: Host) -> None:
    assert "[warn]" not in host.run("podman exec site-nginx nginx -t 2>&1").stdout


def test_after_a_reboot_and_on_a_new_machine_it_is_all_there(host: Host, acme: Pebble, www: Path) -> None:
    """What was removed from the folder is gone from a machine made anew, for its files are part of the Ignition file."""
    host.reboot()
    host.wait_until_answers(f"{URL}/deep/", authority=acme.root)
    host.wait_booted()
    healthy(host)
    (www / "pages/style.css").unlink()
    host.poweroff()
    host.config = rendered(www / "host.yaml", *acme.settings)
    orders = acme.orders
    host.provision()
    host.boot()
    host.wait_until_answers(f"{URL}/deep/", authority=acme.root)
    assert host.request(f"{URL}/style.css").status == 404
    assert acme.orders == orders


def test_without_a_folder_the_data_volume_is_served(host: Host, acme: Pebble, www: Path) -> None:
    """And with `fallback`, an application in the browser gets every path."""
    (www / "host.yaml").write_text("stacks: {site: {domain: www.fcos.fr, fallback: /index.html}}\n")
    host.poweroff()
    host.config = rendered(www / "host.yaml", *acme.settings)
    host.provision()
    host.boot()
    host.wait_until_answers("http://www.fcos.fr/", status=301)
    host.run("echo application > /var/srv/containers/site/www/index.html")
    host.wait_until_answers(f"{URL}/some/path", authority=acme.root)
    assert host.request(f"{URL}/some/path").text == "application\n"
