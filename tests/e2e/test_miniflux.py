"""The demo host of the stack `miniflux`, really booted, and used through its API."""

from __future__ import annotations

import base64
import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from .acme import Pebble
from .bed import Bed
from .client import Answer
from .hosts import booted, healthy, rendered
from .network import GATEWAY
from .testhost import Host

URL = "https://feeds.fcos.fr/v1"
FEED = """\
<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0"><channel><title>News</title><link>http://news.test/</link><description>n</description>
<item><title>First post</title><link>http://news.test/1</link><guid>1</guid></item></channel></rss>
"""


@pytest.fixture(scope="module")
def host(bed: Bed, acme: Pebble) -> Iterator[Host]:
    with booted(
        bed, acme, "miniflux", rendered("miniflux", *acme.settings), "feeds.fcos.fr", path="/healthcheck"
    ) as machine:
        yield machine


@pytest.fixture(scope="module")
def feed(bed: Bed) -> Iterator[str]:
    """A feed on the hosts' network."""

    class Feed(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/rss+xml")
            self.end_headers()
            self.wfile.write(FEED.encode())

        def log_message(self, *_: object) -> None:
            pass

    bed.network.name("news.test", GATEWAY)
    with http.server.ThreadingHTTPServer((GATEWAY, 8000), Feed) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield "http://news.test:8000/feed.xml"
        server.shutdown()


def ask(host: Host, acme: Pebble, path: str, body: Any = None, secret: str | None = None) -> Answer:
    """Ask Miniflux's API as the first user, whose password is found as the stack's README says."""
    secret = secret or host.run("cat /var/srv/containers/miniflux/secrets/admin_password").stdout.strip()
    headers = {"Authorization": "Basic " + base64.b64encode(f"admin:{secret}".encode()).decode()}
    return host.request(
        f"{URL}{path}",
        method="GET" if body is None else "POST",
        headers=headers,
        body=None if body is None else json.dumps(body).encode(),
        authority=acme.root,
        timeout=30,
    )


def test_a_feed_is_read_and_kept(host: Host, acme: Pebble, feed: str) -> None:
    made = ask(host, acme, "/feeds", {"feed_url": feed, "category_id": 1})
    assert made.status == 201, made.text
    assert titles(host, acme) == [("First post", "News")]
    host.reboot()
    host.wait_until_answers("https://feeds.fcos.fr/healthcheck", authority=acme.root)
    host.wait_booted()
    healthy(host)
    assert titles(host, acme) == [("First post", "News")]


def titles(host: Host, acme: Pebble) -> list[tuple[str, str]]:
    """The entries that there are, each with its feed."""
    return [(each["title"], each["feed"]["title"]) for each in ask(host, acme, "/entries").json()["entries"]]


def test_only_the_first_user_gets_in(host: Host, acme: Pebble) -> None:
    assert ask(host, acme, "/me").json()["username"] == "admin"
    assert ask(host, acme, "/me", secret="wrong").status == 401


def test_the_page_for_people(host: Host, acme: Pebble) -> None:
    answer = host.request("https://feeds.fcos.fr/", authority=acme.root)
    assert answer.status == 200
    assert "Miniflux" in answer.text


def test_clients_have_their_own_addresses(host: Host, acme: Pebble) -> None:
    ask(host, acme, "/me", secret="wrong")
    assert "10.99.0.1 feeds.fcos.fr" in host.journal("miniflux-nginx.service")
    assert "client_ip=10.99.0.1" in host.journal("miniflux-app.service")


def test_no_secret_is_shown(host: Host) -> None:
    for name in ("admin_password", "postgres_password"):
        secret = host.run(f"cat /var/srv/containers/miniflux/secrets/{name}").stdout.strip()
        shown = host.run("podman inspect miniflux-app miniflux-postgres; ps axeww; journalctl --no-pager").stdout
        assert secret
        assert secret not in shown
