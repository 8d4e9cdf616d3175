"""A Matrix host that saves its data, really booted: the machine is lost with its disks, and the next one is what it was."""

from __future__ import annotations

import contextlib
import http.server
import json
import queue
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from .acme import Pebble
from .backups import PASSWORD, PROGRAM, USER, RestServer
from .bed import Bed
from .hosts import healthy, rendered
from .network import GATEWAY
from .testhost import Host

DOMAIN, MATRIX, CHAT = "fcos.fr", "matrix.fcos.fr", "chat.fcos.fr"
VERSIONS = f"https://{MATRIX}/_matrix/client/versions"
ALICE = "correct horse battery staple"
PICTURE = bytes(range(256)) * 400
REPOSITORY_PASSWORD = "what everything is encrypted with"
HOST = f"""
hostname: {CHAT}
backup:
  repository: REPOSITORY
  password: password
  credentials: credentials
  ca_bundle: ca.pem
  report: http://{GATEWAY}:8001/saved
stacks:
  matrix: {{domain: {DOMAIN}, email: admin@fcos.fr}}
"""
OTHER = HOST.replace(CHAT, "other.fcos.fr").replace(
    "matrix: {domain: fcos.fr, email: admin@fcos.fr}", "site: {domain: other.fcos.fr}"
)
RESTORE = "backup-restore.service"
PATIENCE = 60  # seconds


@pytest.fixture(scope="module")
def server(bed: Bed) -> Iterator[RestServer]:
    if not PROGRAM.exists():
        pytest.skip("rest-server is missing: tests/e2e/setup builds it")
    made = RestServer(bed.network, bed.folder("backups"))
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def folder(server: RestServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The administrator's folder: host files and what they name."""
    made = tmp_path_factory.mktemp("administrator")
    (made / "password").write_text(f"{REPOSITORY_PASSWORD}\n")
    (made / "credentials").write_text(f"RESTIC_REST_USERNAME={USER}\nRESTIC_REST_PASSWORD={PASSWORD}\n")
    shutil.copy(server.ca_bundle, made / "ca.pem")
    for name, text in (("chat", HOST), ("other", OTHER)):
        (made / f"{name}.yaml").write_text(text.replace("REPOSITORY", server.repository("chat")))
    return made


@pytest.fixture(scope="module")
def config(folder: Path, acme: Pebble) -> str:
    return rendered(folder / "chat.yaml", *acme.settings)


@pytest.fixture(scope="module")
def reports() -> Iterator[queue.Queue[str]]:
    """What hosts told of their backups."""
    told: queue.Queue[str] = queue.Queue()

    class Reports(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.put(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer((GATEWAY, 8001), Reports) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield told
        listening.shutdown()


def machine(bed: Bed, name: str, config: str, data: Path) -> Host:
    """A new machine, for the first time: its names lead to it."""
    made = bed.host(name, config, data=data)
    for domain in (DOMAIN, MATRIX, CHAT):
        bed.network.name(domain, made.address)
    made.provision()
    made.boot()
    return made


def ready(host: Host) -> None:
    host.wait_until_answers(VERSIONS)
    host.wait_booted()
    healthy(host)


@pytest.fixture(scope="module")
def first(bed: Bed, server: RestServer, config: str) -> Iterator[Host]:
    made = machine(bed, "first", config, bed.folder("first"))
    ready(made)
    yield made
    made.destroy()


class Alice:
    """What one person did, and asks for."""

    def __init__(self, host: Host) -> None:
        self.host = host
        body = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": "alice"}, "password": ALICE}
        self.token = self.ask("POST", "/_matrix/client/v3/login", body)["access_token"]

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if hasattr(self, "token"):
            headers["Authorization"] = f"Bearer {self.token}"
        answer = self.host.request(f"https://{MATRIX}{path}", method=method, headers=headers, body=content, timeout=30)
        assert answer.status == 200, answer.text
        return answer.body if path.startswith("/_matrix/client/v1/media/download") else answer.json()

    def make_room(self) -> str:
        return str(self.ask("POST", "/_matrix/client/v3/createRoom", {"name": "Kept"})["room_id"])

    def say(self, room: str, text: str) -> None:
        path = f"/_matrix/client/v3/rooms/{quote(room)}/send/m.room.message/{time.monotonic_ns()}"
        self.ask("PUT", path, {"msgtype": "m.text", "body": text})

    def read(self, room: str) -> list[str]:
        """What was said, in its order."""
        found = self.ask("GET", f"/_matrix/client/v3/rooms/{quote(room)}/messages?dir=f&limit=100")
        return [event["content"]["body"] for event in found["chunk"] if event["type"] == "m.room.message"]

    def upload(self, content: bytes) -> str:
        made = self.ask("POST", "/_matrix/media/v3/upload", content, **{"Content-Type": "image/png"})
        return str(made["content_uri"]).removeprefix("mxc://")


def signing_key(host: Host) -> Any:
    return host.request(f"https://{MATRIX}/_matrix/key/v2/server").json()["verify_keys"]


class Kept:
    """What there was on the first machine when it was saved."""

    def __init__(self, host: Host) -> None:
        host.run(
            "podman exec matrix-synapse register_new_matrix_user --config /config/homeserver.yaml"
            f" --user alice --password '{ALICE}' --no-admin http://127.0.0.1:8008"
        )
        alice = Alice(host)
        self.room = alice.make_room()
        alice.say(self.room, "before the backup")
        self.picture = alice.upload(PICTURE)
        self.key = signing_key(host)
        host.wait_for_unit("certificates.service", "inactive")

    def is_there(self, host: Host) -> Alice:
        """Find everything on another machine."""
        alice = Alice(host)
        assert alice.read(self.room)[0] == "before the backup"
        assert alice.ask("GET", f"/_matrix/client/v1/media/download/{self.picture}") == PICTURE
        assert signing_key(host) == self.key
        return alice


@pytest.fixture(scope="module")
def kept(first: Host) -> Kept:
    return Kept(first)


def snapshots(server: RestServer) -> set[str]:
    return {path.name for path in (server.repositories / "chat/snapshots").iterdir()}


def runs(command: bytes) -> bool:
    """Whether a process with this in its command runs; those of hosts can be seen from outside."""
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if command in process.read_bytes():
                return True
    return False


# -- saving


def test_a_host_of_which_nothing_was_saved_begins_anew(first: Host) -> None:
    assert "nothing was saved yet: the host begins anew" in first.journal(RESTORE)
    assert first.run("ls /var/srv/containers/matrix/postgres-dump").stdout == ""


def test_a_backup_is_a_snapshot_and_is_reported(
    first: Host, kept: Kept, server: RestServer, reports: queue.Queue[str]
) -> None:
    first.run("systemctl start backup.service")
    assert len(snapshots(server)) == 1
    assert reports.get(timeout=PATIENCE) == "/saved"
    healthy(first)


def test_the_days_last_snapshot_is_the_one_that_stays(first: Host, kept: Kept, server: RestServer) -> None:
    """Beside the oldest one, which restic keeps for as long as there are fewer than were asked for."""
    (oldest,) = snapshots(server)
    first.run("systemctl start backup.service")
    (second,) = snapshots(server) - {oldest}
    first.run("systemctl start backup.service")
    assert oldest in snapshots(server)
    assert second not in snapshots(server)
    assert len(snapshots(server)) == 2


def test_the_database_is_saved_as_its_dump_alone(first: Host, kept: Kept) -> None:
    dump = first.run("cat /var/srv/containers/matrix/postgres-dump/postgres.sql").stdout
    assert dump.startswith("BEGIN;\n")
    assert dump.endswith("COMMIT;\n")
    assert "before the backup" in dump
    assert first.run("stat --format '%a %u' /var/srv/containers/matrix/postgres-dump/*").stdout == "600 999\n"
    excluded = first.run("cat /var/srv/containers/backup/config/unsaved").stdout.split()
    assert "/var/srv/containers/matrix/postgres" in excluded


def test_a_dump_that_fails_takes_the_place_of_none(first: Host, kept: Kept) -> None:
    """And then nobody is told that all is well."""
    folder = "/var/srv/containers/matrix/postgres-dump"
    before = first.run(f"sha256sum {folder}/postgres.sql").stdout
    first.run("systemctl stop matrix-synapse.service matrix-postgres.service")
    first.run(f"mkdir {folder}/.new")
    assert first.run("systemctl start matrix-postgres-dump.service", check=False).returncode != 0
    assert first.run(f"sha256sum {folder}/postgres.sql").stdout == before
    assert first.failed_units() == ["matrix-postgres-dump.service"]
    first.run(f"rmdir {folder}/.new && systemctl reset-failed && systemctl start matrix-synapse.service")
    healthy(first)


def test_a_plug_that_is_pulled_holds_up_no_later_backup(first: Host, kept: Kept, server: RestServer) -> None:
    """The lock of the run that was cut short is known to be nobody's."""
    locks = server.repositories / "chat/locks"
    first.run("systemctl start --no-block backup.service")
    deadline = time.monotonic() + PATIENCE
    while not (runs(b"restic\0backup\0") and (left := list(locks.iterdir()))):
        assert time.monotonic() < deadline, first.account()
        time.sleep(0.001)
    first.kill()
    assert list(locks.iterdir()) == left
    first.boot()
    ready(first)
    first.run("systemctl start backup.service")
    assert list(locks.iterdir()) == []
    healthy(first)


def test_no_secret_is_shown(first: Host, kept: Kept) -> None:
    shown = first.run(
        "systemctl show backup.service backup-restore.service; cat /run/systemd/generator/backup*; ps axeww; journalctl --no-pager"
    ).stdout
    for secret in (REPOSITORY_PASSWORD, PASSWORD):
        assert secret not in shown
    assert first.run("stat --format %a /etc/podhost/secrets/backup/*").stdout.split() == ["600", "600"]


# -- taking back


@pytest.fixture(scope="module")
def second(bed: Bed, first: Host, kept: Kept, config: str, acme: Pebble) -> Iterator[tuple[Host, int]]:
    """A machine with the same description and no data, after the first one is gone; and the orders of certificates there were before."""
    first.destroy()
    orders = acme.orders
    made = machine(bed, "second", config, bed.folder("second"))
    ready(made)
    yield made, orders
    made.destroy()


def test_a_machine_without_data_is_what_the_lost_one_was(second: tuple[Host, int], kept: Kept, acme: Pebble) -> None:
    """Accounts, rooms, pictures, the signing key and certificates: nobody notices, and no authority is asked."""
    host, orders = second
    kept.is_there(host)
    assert "the host has its data again" in host.journal(RESTORE)
    host.request(VERSIONS, authority=acme.root)
    assert acme.orders == orders


def test_data_are_taken_back_once(second: tuple[Host, int], kept: Kept) -> None:
    host, _ = second
    kept.is_there(host).say(kept.room, "after it was taken back")
    host.reboot()
    ready(host)
    assert Alice(host).read(kept.room) == ["before the backup", "after it was taken back"]
    assert host.run(f"systemctl show --property ConditionResult --value {RESTORE}").stdout == "no\n"


def test_data_that_are_there_are_never_written_over(second: tuple[Host, int], kept: Kept) -> None:
    """A machine made anew on a data disk from before there were backups."""
    host, _ = second
    host.run("rm -r /var/srv/containers/backup/state/*")
    host.poweroff()
    host.provision()
    host.boot()
    ready(host)
    assert "the host has data: nothing is taken back" in host.journal(RESTORE)
    assert Alice(host).read(kept.room)[1] == "after it was taken back"


def test_nothing_starts_before_the_data_are_back(
    bed: Bed, second: tuple[Host, int], kept: Kept, config: str, server: RestServer
) -> None:
    """The repository is away, and then the plug is pulled in the middle: the machine waits, and has it all in the end."""
    second[0].destroy()
    server.stop()
    data = bed.folder("third")
    host = machine(bed, "third", config, data)
    host.run(
        f"timeout {PATIENCE} sh -c 'until journalctl --boot --unit={RESTORE} | grep -q \"connection refused\"; do sleep 0.2; done'"
    )
    waiting = host.run("systemctl list-jobs --plain --no-legend").stdout
    assert "matrix-postgres.service" in waiting
    assert "matrix-secrets.service" in waiting
    assert not (data / "matrix/secrets").exists()
    server.start()
    deadline = time.monotonic() + PATIENCE
    while not (data / "backup/state/begun").exists():
        assert time.monotonic() < deadline, host.account()
        time.sleep(0.001)
    host.kill()
    host.boot()
    ready(host)
    kept.is_there(host)
    host.destroy()


def test_a_host_takes_back_what_is_its_own(bed: Bed, kept: Kept, folder: Path, acme: Pebble) -> None:
    host = bed.host("another", rendered(folder / "other.yaml", *acme.settings), data=bed.folder("another"))
    bed.network.name("other.fcos.fr", host.address)
    host.provision()
    host.boot()
    host.wait_for_unit(RESTORE)
    assert "nothing was saved of this host yet: it begins anew" in host.journal(RESTORE)
    host.destroy()


def test_a_wrong_password_is_no_empty_repository(bed: Bed, kept: Kept, folder: Path, acme: Pebble) -> None:
    (folder / "password").write_text("another\n")
    data = bed.folder("refused")
    host = machine(bed, "refused", rendered(folder / "chat.yaml", *acme.settings), data)
    host.run(
        f"timeout {PATIENCE} sh -c 'until journalctl --boot --unit={RESTORE} | grep -q \"wrong password\"; do sleep 0.2; done'"
    )
    assert not (data / "backup/state/done").exists()
    assert not (data / "matrix/secrets").exists()
    host.destroy()
