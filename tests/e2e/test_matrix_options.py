"""A Matrix host with every option of its stack on: calls are relayed, workers answer, mail goes out, and the first administrator logs in."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import nio
import pytest
from aioice.stun import TransactionFailed
from aioice.turn import create_turn_endpoint

from podhost import ignition
from podhost.build import Builder
from podhost.problems import Report

from .acme import Pebble
from .bed import Bed
from .client import Answer
from .mailserver import MailServer
from .network import GATEWAY
from .test_matrix import as_people
from .testhost import Host

MATRIX, TURN, DOMAIN, SMTP_HOST = "matrix.fcos.fr", "turn.fcos.fr", "fcos.fr", "smtp.fcos.fr"
NAMES = (DOMAIN, MATRIX, "chat.fcos.fr", TURN)
VERSIONS = f"https://{MATRIX}/_matrix/client/versions"
MAIL_USER, MAIL_PASSWORD = "matrix@fcos.fr", 'it\'s "quoted" \\ and $odd: %s'
WORKERS = ("worker-1", "worker-2")
PROCESSES = ("main", *WORKERS, "federation-sender")
FIRST, LAST = 49160, 49199
SHOWN = r"@admin:fcos\.fr has the password (\S+)"
HOST = """
secrets: secrets.yaml
hostname: chat.fcos.fr
stacks:
  matrix:
    domain: fcos.fr
    email: admin@fcos.fr
    registration: token
    admin: true
    turn: true
    turn_address: {address}
    turn_first_port: {first}
    turn_last_port: {last}
    workers: 2
    mail: true
    mail_host: smtp.fcos.fr
    mail_user: matrix@fcos.fr
    mail_port: 2587
    mail_security: none
    metrics: true
"""


@pytest.fixture(scope="module")
def data(bed: Bed) -> Path:
    return bed.folder("options")


@pytest.fixture(scope="module")
def host(bed: Bed, acme: Pebble, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """The host after its first boot."""
    folder = tmp_path_factory.mktemp("options")
    machine = bed.host("options", "", data=data)
    (folder / "secrets.yaml").write_text(json.dumps({"matrix": {"mail_password": MAIL_PASSWORD}}))
    (folder / "host.yaml").write_text(HOST.format(address=machine.address, first=FIRST, last=LAST))
    builder, report = Builder(), Report()
    file = builder.read(str(folder / "host.yaml"), report, acme.settings)
    assert file is not None, [str(problem) for problem in report.problems]
    built = builder.build(file, report)
    assert built is not None, [str(problem) for problem in report.problems]
    machine.config = ignition.dumps(built.config)
    for name in NAMES:
        bed.network.name(name, machine.address)
    bed.network.name(SMTP_HOST, GATEWAY)
    machine.provision()
    machine.boot()
    machine.wait_until_answers(VERSIONS)
    machine.wait_booted()
    yield machine
    machine.destroy()


@dataclass
class Person:
    """Somebody with an account, logged in."""

    host: Host
    name: str
    token: str = ""

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Ask the client API, below /_matrix/client/v3."""
        return self.host.request(
            f"https://{MATRIX}/_matrix/client/v3{path}",
            method=method,
            headers={"Content-Type": "application/json"}
            | ({"Authorization": f"Bearer {self.token}"} if self.token else {}),
            body=None if body is None else json.dumps(body).encode(),
        )

    def log_in(self, password: str) -> int:
        """Log in, and give the answer's status."""
        body = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": self.name},
            "password": password,
        }
        answer = self.ask("POST", "/login", body)
        if answer.status == 200:
            self.token = answer.json()["access_token"]
        return answer.status

    def register(self, registration_token: str) -> Answer:
        """Make the account, as a client does who has a token of the administrator's."""
        account = {"username": self.name, "password": f"password of {self.name}"}
        first = self.ask("POST", "/register", account)
        assert first.status == 401
        assert {each["stages"][0] for each in first.json()["flows"]} == {"m.login.registration_token"}
        session = first.json()["session"]
        stage = {"type": "m.login.registration_token", "token": registration_token, "session": session}
        answer = self.ask("POST", "/register", {**account, "auth": stage})
        if "m.login.registration_token" in answer.json().get("completed", []):
            answer = self.ask("POST", "/register", {**account, "auth": {"type": "m.login.dummy", "session": session}})
        if answer.status == 200:
            self.token = answer.json()["access_token"]
        return answer


def inside(person: Person, method: str, path: str, body: Any = None) -> Any:
    """Ask the administrators' API, which is not public, where the administrator of the host can: in Synapse's container."""
    words = (
        f"curl --silent --request {method} --header @- --data '{json.dumps(body or {})}' http://127.0.0.1:8008{path}"
    )
    done = person.host.run(f"podman exec -i matrix-synapse {words}", stdin=f"Authorization: Bearer {person.token}\n")
    return json.loads(done.stdout)


def metrics(host: Host, process: str) -> str:
    """What a process tells Prometheus, as a program on the host asks for it."""
    return host.run(f"curl --silent --fail http://127.0.0.1:9000/metrics/{process}").stdout


def answered(host: Host, process: str, servlet: str) -> int:
    """How many requests of a kind a process has answered."""
    pattern = rf'^synapse_http_server_response_count_total{{.*servlet="{servlet}".*}} ([0-9.]+)$'
    return int(sum(float(count) for count in re.findall(pattern, metrics(host, process), re.MULTILINE)))


def console(host: Host) -> str:
    return host.console.read_text(errors="replace")


# -- first boot


def test_first_boot_needs_nobody(host: Host) -> None:
    assert host.failed_units() == []
    assert host.restarts() == {}


def test_every_unit_is_accepted_by_quadlet_and_systemd(host: Host) -> None:
    done = host.run("/usr/libexec/podman/quadlet -dryrun 2>&1 >/dev/null")
    assert [line for line in done.stdout.splitlines() if "Loading source unit file" not in line] == []
    units = host.run("ls /run/systemd/generator/matrix*.service /etc/systemd/system/matrix*.service").stdout.split()
    assert len(units) == 23
    assert host.run(f"systemd-analyze verify --recursive-errors=no {' '.join(units)} 2>&1").stdout == ""


# -- the first administrator


@pytest.fixture(scope="module")
def password(host: Host) -> str:
    """What the console shows."""
    host.wait_for_unit("matrix-admin.service")
    found = re.findall(SHOWN, console(host))
    assert len(found) == 1, console(host)
    assert re.fullmatch("[A-Z2-7]{24}", found[0])
    return str(found[0])


@pytest.fixture(scope="module")
def admin(host: Host, password: str) -> Person:
    """The first administrator, who has logged in with the password of the console, and changed it."""
    person = Person(host, "admin")
    assert person.log_in(password) == 200
    identifier = {"type": "m.id.user", "user": "admin"}
    proof = {"type": "m.login.password", "identifier": identifier, "password": password}
    answer = person.ask("POST", "/account/password", {"new_password": "my own", "logout_devices": False, "auth": proof})
    assert answer.status == 200, answer.text
    return person


def test_the_password_is_on_the_console_alone(host: Host, password: str) -> None:
    assert password not in host.run("journalctl --no-pager --output=export").stdout
    assert password not in host.run("podman inspect $(podman ps -aq); ps axeww; systemctl show '*'").stdout
    found = host.run(
        f"grep -rlF -e {password} /etc /run /tmp /var/lib/systemd /var/log /var/srv 2>/dev/null", check=False
    )
    assert found.stdout == ""
    assert host.run("stat --format '%s %a %u' /var/srv/containers/matrix/admin").stdout.split() == ["0", "600", "0"]


def test_the_first_administrator_is_one_and_the_password_of_the_console_is_over(admin: Person, password: str) -> None:
    assert Person(admin.host, "admin").log_in(password) == 403
    found = inside(admin, "GET", "/_synapse/admin/v2/users/@admin:fcos.fr")
    assert (found["name"], found["admin"]) == ("@admin:fcos.fr", True)
    assert admin.host.request(f"https://{MATRIX}/_synapse/admin/v1/server_version").status == 404


# -- accounts by token


@pytest.fixture(scope="module")
def people(admin: Person) -> tuple[Person, Person]:
    """Alice and Bob, who each had a token."""
    found = []
    for name in ("alice", "bob"):
        token = inside(admin, "POST", "/_synapse/admin/v1/registration_tokens/new", {"uses_allowed": 1})["token"]
        person = Person(admin.host, name)
        assert person.register(token).status == 200
        again = Person(admin.host, "mallory").register(token)
        assert (again.status, again.json()["errcode"]) == (401, "M_UNAUTHORIZED")  # it was good for one account
        found.append(person)
    return found[0], found[1]


def test_who_has_a_token_makes_an_account(people: tuple[Person, Person]) -> None:
    alice, _ = people
    assert alice.ask("GET", "/account/whoami").json()["user_id"] == "@alice:fcos.fr"


# -- workers


def talk(alice: Person, bob: Person, message: str) -> list[str]:
    """Alice tells Bob something in a new room; gives what he finds there."""

    async def act() -> list[str]:
        clients = [nio.AsyncClient(f"https://{MATRIX}", f"@{each.name}:{DOMAIN}", ssl=False) for each in (alice, bob)]
        for client, person in zip(clients, (alice, bob), strict=True):
            client.access_token, client.user_id = person.token, f"@{person.name}:{DOMAIN}"
        try:
            made = await clients[0].room_create(name="Talk", invite=[clients[1].user_id])
            assert isinstance(made, nio.RoomCreateResponse), made
            assert isinstance(await clients[1].join(made.room_id), nio.JoinResponse)
            sent = await clients[0].room_send(made.room_id, "m.room.message", {"msgtype": "m.text", "body": message})
            assert isinstance(sent, nio.RoomSendResponse), sent
            synced = await clients[1].sync(full_state=True)
            assert isinstance(synced, nio.SyncResponse), synced
            return [getattr(event, "body", "") for event in synced.rooms.join[made.room_id].timeline.events]
        finally:
            for client in clients:
                await client.close()

    return as_people(alice.host, act())


def test_workers_do_the_work(host: Host, people: tuple[Person, Person]) -> None:
    assert "Hello from a worker" in talk(*people, "Hello from a worker")
    for servlet in ("SyncRestServlet", "RoomSendEventRestServlet", "RoomCreateRestServlet", "LoginRestServlet"):
        assert sum(answered(host, each, servlet) for each in WORKERS) >= 1, servlet
        assert answered(host, "main", servlet) == 0, servlet
    before = [answered(host, each, "VersionsRestServlet") for each in WORKERS]
    for _ in range(10):
        assert host.request(VERSIONS).status == 200
    after = [answered(host, each, "VersionsRestServlet") for each in WORKERS]
    assert sum(after) - sum(before) == 10
    assert all(now > then for then, now in zip(before, after, strict=True))


def test_federation_is_answered_by_a_worker(host: Host) -> None:
    answer = host.request(f"https://{DOMAIN}:8448/_matrix/federation/v1/version")
    assert answer.json()["server"]["name"] == "Synapse"
    assert sum(answered(host, each, "FederationVersionServlet") for each in WORKERS) == 1


def test_all_processes_hear_of_each_other_by_redis_and_nobody_else_does(host: Host) -> None:
    script = "REDISCLI_AUTH=$(cut -d'>' -f2 /run/secrets/redis_users) redis-cli pubsub numsub fcos.fr"
    heard = host.run(f'podman exec matrix-redis sh -c "{script.replace("$", chr(92) + "$")}"').stdout.split()
    assert heard == ["fcos.fr", str(len(PROCESSES))]
    assert "NOAUTH" in host.run("podman exec matrix-redis redis-cli ping").stdout


def test_where_workers_are_away_the_main_process_answers(host: Host, people: tuple[Person, Person]) -> None:
    units = " ".join(f"matrix-{each}.service" for each in WORKERS)
    host.run("systemctl stop matrix-worker-1.service")
    assert "One is left" in talk(*people, "One is left")
    host.run(f"systemctl stop {units}")
    assert [host.request(VERSIONS).status for _ in range(10)] == [200] * 10
    host.run(f"systemctl start {units}")
    assert "All are back" in talk(*people, "All are back")


# -- calls


class Peer(asyncio.DatagramProtocol):
    """One end of a call: what it hears, and what was refused."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[bytes | Exception] = asyncio.Queue()
        self.gone = asyncio.Event()

    def datagram_received(self, data: bytes, _addr: object) -> None:
        self.heard.put_nowait(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self.gone.set()

    def error_received(self, error: Exception) -> None:
        self.heard.put_nowait(error)

    async def next(self) -> bytes | Exception:
        return await asyncio.wait_for(self.heard.get(), 10)


@pytest.fixture(scope="module")
def relay_user(people: tuple[Person, Person]) -> dict[str, Any]:
    """What Synapse tells Alice of the relay."""
    found = people[0].ask("GET", "/voip/turnServer").json()
    assert found["uris"] == [
        "turn:turn.fcos.fr:3478?transport=udp",
        "turn:turn.fcos.fr:3478?transport=tcp",
        "turns:turn.fcos.fr:5349?transport=tcp",
    ]
    assert found["ttl"] == 86400
    return {"username": found["username"], "password": found["password"]}


def trusting(root: str) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=root)


def test_the_relay_has_a_certificate(host: Host, acme: Pebble) -> None:
    """It is there some seconds after the first boot, and coturn takes it without being started again."""
    deadline = time.monotonic() + 120
    while True:
        try:
            with (
                socket.create_connection((host.address, 5349), 5) as plain,
                trusting(acme.root).wrap_socket(plain, server_hostname=TURN),
            ):
                break
        except (ssl.SSLError, ConnectionError):
            assert time.monotonic() < deadline, host.journal("certificates.service", "matrix-coturn.service")
            time.sleep(0.1)
    assert host.restarts() == {}


def test_two_people_call_through_the_relay(host: Host, acme: Pebble, relay_user: dict[str, Any]) -> None:
    """One reaches it by UDP and the other through TLS, as from behind a strict firewall."""

    async def call() -> None:
        one, alice = await create_turn_endpoint(Peer, (host.address, 3478), **relay_user)
        other, bob = await create_turn_endpoint(
            Peer, (TURN, 5349), transport="tcp", ssl=trusting(acme.root), **relay_user
        )
        places = [each.get_extra_info("sockname") for each in (one, other)]
        for address, port in places:
            assert address == host.address
            assert FIRST <= port <= LAST
        # Each has to name the other before it hears anything.
        one.sendto(b"knock", places[1])
        other.sendto(b"knock", places[0])
        for _ in range(50):
            one.sendto(b"from Alice", places[1])
            if await bob.next() == b"from Alice":
                break
        other.sendto(b"from Bob", places[0])
        while await alice.next() != b"from Bob":
            pass
        one.close()
        other.close()
        await asyncio.gather(alice.gone.wait(), bob.gone.wait())

    asyncio.run(asyncio.wait_for(call(), 60))


def test_the_relay_reaches_no_inner_network(host: Host, relay_user: dict[str, Any]) -> None:
    """Neither the pod's network nor any other private one, in which this test's own machine stands."""
    pod = host.run(
        "podman inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' matrix-nginx-http"
    )

    async def knock(address: str) -> bytes | Exception:
        transport, peer = await create_turn_endpoint(Peer, (host.address, 3478), **relay_user)
        transport.sendto(b"knock", (address, 8008))
        answer = await peer.next()
        transport.close()
        await peer.gone.wait()
        return answer

    for address in (pod.stdout.strip(), GATEWAY, "127.0.0.1", "192.168.0.1", "172.16.0.1", "169.254.169.254"):
        refused = asyncio.run(knock(address))
        assert isinstance(refused, TransactionFailed), address
        assert refused.response.attributes["ERROR-CODE"][0] == 403


def test_the_relay_knows_its_users(host: Host, relay_user: dict[str, Any]) -> None:
    async def enter(**user: Any) -> None:
        await create_turn_endpoint(Peer, (host.address, 3478), **user)

    for user in (relay_user | {"password": "guessed"}, relay_user | {"username": "9999999999:@mallory:fcos.fr"}):
        with pytest.raises(TransactionFailed, match="401"):
            asyncio.run(enter(**user))


def test_the_relay_ends_when_it_is_asked_to(host: Host) -> None:
    host.run("systemctl stop matrix-coturn.service")
    shown = "systemctl show --value --property=Result,ExecMainStatus matrix-coturn.service"
    assert sorted(host.run(shown).stdout.split()) == ["143", "success"]
    host.run("systemctl start matrix-coturn.service")


# -- mail


def ask_for_mail(person: Person, address: str) -> None:
    """Have Synapse send somebody a mail: it is sent when this returns."""
    wanted = {"client_secret": "secret", "email": address, "send_attempt": 1}
    answer = person.ask("POST", "/account/3pid/email/requestToken", wanted)
    assert answer.status == 200, answer.text + person.host.journal("matrix-synapse.service")


def test_mail_goes_out_through_the_mail_server(host: Host, people: tuple[Person, Person]) -> None:
    with MailServer(MAIL_USER, MAIL_PASSWORD) as server:
        ask_for_mail(people[0], "alice@elsewhere.example")
        mail = server.mails.get(timeout=60)
    assert (mail["From"], mail["To"]) == ("Element <noreply@fcos.fr>", "alice@elsewhere.example")
    text = mail.get_body(("plain",))
    assert text is not None
    link = re.search(rf"https://{MATRIX}/\S+", text.get_content())
    assert link
    assert host.request(link[0]).status == 200


def test_mail_waits_while_the_mail_server_is_away(host: Host, people: tuple[Person, Person]) -> None:
    """Nobody takes the mail when Synapse sends it, and then the relay is started again."""
    started = "systemctl show --value --property=ExecMainStartTimestampMonotonic matrix-synapse.service"
    before = host.run(started).stdout
    ask_for_mail(people[1], "bob@elsewhere.example")
    tried = (
        "journalctl --boot --unit=matrix-mail.service | grep --quiet '== bob@elsewhere.example .* Connection refused'"
    )
    host.run(f'timeout 60 sh -c "until {tried}; do sleep 0.1; done"')
    assert host.run("podman exec matrix-mail exim -bpc").stdout == "1\n"
    host.run("systemctl restart matrix-mail.service")
    with MailServer(MAIL_USER, MAIL_PASSWORD) as server:
        assert server.mails.get(timeout=150)["To"] == "bob@elsewhere.example"
        host.run("timeout 60 sh -c 'until [ \"$(podman exec matrix-mail exim -bpc)\" = 0 ]; do sleep 0.1; done'")
        assert server.mails.empty()
    assert host.run(started).stdout == before


def test_the_relay_takes_mail_from_its_pod_alone(host: Host) -> None:
    send = "podman exec -i matrix-synapse curl --silent --show-error --upload-file - --mail-rcpt a@elsewhere.example"
    with MailServer(MAIL_USER, MAIL_PASSWORD) as server:
        for sender in ("root@localhost", "noreply@fcos.fr", "<>"):
            mail = f"To: a@elsewhere.example\r\nSubject: from {sender}\r\n\r\n{'x' * 900}\r\n"
            host.run(f"{send} --mail-from '{sender}' smtp://127.0.0.1:8025/synapse", stdin=mail)
            assert server.mails.get(timeout=60)["Subject"] == f"from {sender}"
    for address in (host.address, host.address6):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address, 8025), 5)
    show = "podman inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'"
    pod = host.run(f"{show} $(podman pod inspect --format '{{{{.InfraContainerID}}}}' matrix)").stdout.strip()
    assert pod
    for address in (pod, "127.0.0.1"):
        refused = host.run(f"curl --silent --show-error --max-time 5 smtp://{address}:8025", check=False)
        assert (refused.returncode, "Could not connect" in refused.stderr) == (7, True)


# -- metrics


@pytest.mark.parametrize("process", PROCESSES)
def test_metrics_of_every_process_are_on_the_host(host: Host, process: str) -> None:
    assert "synapse_build_info{" in metrics(host, process)


def test_metrics_are_not_outside(host: Host) -> None:
    for address in (host.address, host.address6):
        for port in (9000, 9099, 9100, 9101):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((address, port), 5)
    for path in ("/metrics/main", "/_synapse/metrics"):
        assert host.request(f"https://{MATRIX}{path}").status == 404


# -- secrets, and the host's life


def test_secrets_are_shown_nowhere(host: Host, data: Path, people: tuple[Person, Person]) -> None:
    made = {path.name: path.read_text() for path in (data / "matrix/secrets").iterdir()}
    assert {
        "turn_secret",
        "turn_config",
        "redis_password",
        "redis_users",
        "replication_secret",
        "mail_login",
    } <= made.keys()
    assert json.dumps(MAIL_PASSWORD) in made["mail_login"]
    needles = {made[name] for name in ("turn_secret", "redis_password", "replication_secret")} | {MAIL_PASSWORD}
    shown = host.run(
        "podman inspect $(podman ps -aq) $(podman pod ps -q); systemctl show '*'; systemctl cat '*'; ps axeww; "
        "journalctl --no-pager --output=export"
    ).stdout
    readable = "find / -xdev -type f -perm /o=r -not -path '/usr/*' -not -path '/proc/*'"
    for needle in needles:
        assert needle not in shown
        found = host.run(
            "setpriv --reuid=65534 --regid=65534 --clear-groups "
            f'sh -c "{readable} -exec grep -lFf /dev/stdin {{}} +" 2>/dev/null',
            stdin=needle,
            check=False,
        )
        assert found.stdout == ""


def test_a_reboot_shows_no_password_and_keeps_the_account(
    host: Host, admin: Person, people: tuple[Person, Person]
) -> None:
    host.reboot()
    host.wait_until_answers(VERSIONS)
    host.wait_booted()
    assert host.failed_units() == []
    assert host.restarts() == {}
    assert len(re.findall(SHOWN, console(host))) == 1  # of both boots
    assert admin.ask("GET", f"/profile/{quote('@admin:fcos.fr')}").status == 200
    assert "After the reboot" in talk(*people, "After the reboot")
