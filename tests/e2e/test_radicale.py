"""The demo host of the stack `radicale`, really booted, and used by a CalDAV client."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import caldav
import pytest
from caldav.lib.error import AuthorizationError

from .acme import Pebble
from .bed import Bed
from .hosts import booted, healthy, rendered
from .testhost import Host

URL = "https://dav.fcos.fr/"
START = datetime.datetime(2026, 11, 24, 10, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def host(bed: Bed, acme: Pebble) -> Iterator[Host]:
    with booted(bed, acme, "radicale", rendered("radicale", *acme.settings), "dav.fcos.fr", path="/.web/") as machine:
        yield machine


@pytest.fixture(scope="module")
def root(acme: Pebble, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The authority's certificate, as a file."""
    path = tmp_path_factory.mktemp("radicale") / "root.pem"
    path.write_text(acme.root)
    return path


def password(host: Host) -> str:
    """As the stack's README says that it is found."""
    return host.run("cat /var/srv/containers/radicale/secrets/password").stdout.strip()


def client(root: Path, name: str, secret: str) -> Any:
    return caldav.DAVClient(url=URL, username=name, password=secret, ssl_verify_cert=str(root))


def test_a_calendar_is_kept(host: Host, root: Path, acme: Pebble) -> None:
    with client(root, "user", password(host)) as dav:
        calendar = dav.principal().make_calendar(name="Work")
        calendar.save_event(dtstart=START, dtend=START + datetime.timedelta(hours=1), summary="Meeting")
    host.reboot()
    host.wait_until_answers(f"{URL}.web/", authority=acme.root)
    host.wait_booted()
    healthy(host)
    with client(root, "user", password(host)) as dav:
        (found,) = dav.principal().calendars()
        assert found.get_display_name() == "Work"
        (event,) = found.events()
        assert event.icalendar_component["summary"] == "Meeting"
        assert event.icalendar_component["dtstart"].dt == START


@pytest.mark.parametrize(("name", "secret"), [("user", "wrong"), ("other", "right"), ("user", "")])
def test_nobody_else_gets_in(host: Host, root: Path, name: str, secret: str) -> None:
    secret = password(host) if secret == "right" else secret
    with client(root, name, secret) as dav, pytest.raises(AuthorizationError):
        dav.principal().calendars()


def test_an_address_book_is_where_telephones_look_for_it(host: Host) -> None:
    for name in ("caldav", "carddav"):
        answer = host.request(f"{URL}.well-known/{name}")
        assert answer.status in (301, 302, 307, 308)
        assert answer.headers["location"].removeprefix(URL.rstrip("/")) == "/"


def test_the_password_is_for_its_reader_alone(host: Host) -> None:
    kept = host.run("stat --format '%a %u' /var/srv/containers/radicale/secrets/htpasswd").stdout.split()
    assert kept == ["600", "0"]
    shown = host.run("podman exec radicale-server stat --format '%a %u' /run/secrets/htpasswd").stdout.split()
    assert shown == ["400", "1000"]
    assert password(host) not in host.run("podman inspect radicale-server; ps axeww; journalctl --no-pager").stdout


def test_users_that_the_administrator_brings(host: Host, acme: Pebble, root: Path, tmp_path: Path) -> None:
    """The list of the stack's README, on the machine made anew; what was there stays."""
    (tmp_path / "secrets.yaml").write_text("radicale:\n  htpasswd: |\n    alice:first\n    user:second\n")
    (tmp_path / "host.yaml").write_text("secrets: secrets.yaml\nstacks: {radicale: {domain: dav.fcos.fr}}\n")
    host.poweroff()
    host.config = rendered(tmp_path / "host.yaml", *acme.settings)
    host.provision()
    host.boot()
    host.wait_until_answers(f"{URL}.web/", authority=acme.root)
    with client(root, "alice", "first") as dav:
        assert dav.principal().calendars() == []
    with client(root, "user", "second") as dav:
        assert [each.get_display_name() for each in dav.principal().calendars()] == ["Work"]
