"""Four stacks on one host, really booted: the edge hands each name on, and no stack minds the others."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime
import http.client
import json
import re
import shlex
import socket
import ssl
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import caldav
import nio
import pytest

from podhost.build import Builder
from podhost.problems import Report
from podhost.tree import tree

from . import processes
from .acme import Pebble
from .bed import Bed
from .hosts import healthy, rendered
from .testhost import Host

CHAT, MATRIX, DOMAIN = "chat.fcos.fr", "matrix.fcos.fr", "fcos.fr"
FEEDS, DAV, WWW = "feeds.fcos.fr", "dav.fcos.fr", "www.fcos.fr"
VERSIONS = "/_matrix/client/versions"
# What each stack answers to anybody.
PAGES = {
    "matrix": f"https://{MATRIX}{VERSIONS}",
    "miniflux": f"https://{FEEDS}/healthcheck",
    "radicale": f"https://{DAV}/.web/",
    "site": f"https://{WWW}/",
}
SECONDS = 60
REQUESTS = 900  # nginx ends a connection after a thousand
PASSWORD = "correct horse battery staple"
HOST = """\
stacks:
  matrix: {domain: fcos.fr, email: admin@fcos.fr}
  miniflux: {domain: feeds.fcos.fr}
  radicale: {domain: dav.fcos.fr}
"""
SITE = "  site: {domain: www.fcos.fr, folder: pages}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Host files: one with three stacks, and one with four."""
    path = tmp_path_factory.mktemp("four")
    (path / "pages").mkdir()
    (path / "pages/index.html").write_text("<h1>Hello</h1>\n")
    (path / "three.yaml").write_text(HOST)
    (path / "four.yaml").write_text(HOST + SITE)
    return path


@pytest.fixture(scope="module")
def three(bed: Bed, acme: Pebble, folder: Path) -> Iterator[Host]:
    """A host with three stacks after its first boot, which has its certificates."""
    machine = bed.host("four", rendered(folder / "three.yaml", *acme.settings), data=bed.folder("four"))
    for name in (DOMAIN, MATRIX, CHAT, FEEDS, DAV, WWW):
        bed.network.name(name, machine.address)
    machine.provision()
    machine.boot()
    for name in ("matrix", "miniflux", "radicale"):
        machine.wait_until_answers(PAGES[name], authority=acme.root)
    machine.wait_booted()
    machine.wait_for_unit("certificates.service", "inactive")
    healthy(machine)
    yield machine
    machine.destroy()


def invocations(host: Host) -> dict[str, str]:
    """Each service that runs, with what changes when it is started again; health checks of podman come and go."""
    shown = host.run("systemctl show --state=active --property=Id,InvocationID '*.service'").stdout
    pairs = (dict(line.split("=", 1) for line in block.splitlines()) for block in shown.split("\n\n"))
    return {pair["Id"]: pair["InvocationID"] for pair in pairs if not re.match("[0-9a-f]{64}-", pair["Id"])}


def add(host: Host, folder: Path, acme: Pebble) -> None:
    """What the larger host has and this one has not, put on it; what is new is started, and the edge told."""

    def files(name: str) -> dict[str, tuple[bytes, str]]:
        report = Report()
        builder = Builder()
        file = builder.read(str(folder / name), report, acme.settings)
        built = builder.build(file, report) if file else None
        report.raise_if_failed()
        assert built
        content, manifest = tree(built.config, built.plan)
        return {path: (data, manifest["paths"][f"/{path}"]["mode"]) for path, data in content.items()}

    before, after = files("three.yaml"), files("four.yaml")
    for path, (data, mode) in after.items():
        if before.get(path) != (data, mode):
            where = shlex.quote(f"/{path}")
            host.run(f"mkdir -p $(dirname {where}) && cat > {where} && chmod {mode} {where}", stdin=data.decode())
    host.run("systemctl daemon-reload && systemctl reload edge.service")
    host.run("systemctl start site-pod.service site-nginx.service site-certificates.path")


@pytest.fixture(scope="module")
def host(three: Host, folder: Path, acme: Pebble) -> Host:
    """The host with all four stacks, the fourth of which came while the others served."""
    add(three, folder, acme)
    three.wait_until_answers(PAGES["site"], authority=acme.root)
    return three


def test_one_more_stack_restarts_no_other(three: Host, folder: Path, acme: Pebble) -> None:
    """Not even a connection that goes through the edge is lost."""
    before = invocations(three)
    context = ssl.create_default_context(cadata=acme.root)
    with contextlib.closing(http.client.HTTPSConnection(MATRIX, context=context)) as kept:
        kept.request("GET", VERSIONS)
        assert kept.getresponse().read()
        wire = kept.sock
        add(three, folder, acme)
        three.wait_until_answers(PAGES["site"], authority=acme.root)
        kept.request("GET", VERSIONS)
        assert kept.getresponse().status == 200
        assert kept.sock is wire
    after = invocations(three)
    changed = {unit for unit in before if after.get(unit) != before[unit]}
    assert {unit for unit in changed if not unit.startswith("certificates")} == set()
    assert {"site-nginx.service", "site-pod.service"} <= after.keys() - before.keys()
    healthy(three)


# -- every service is used


def test_people_talk(host: Host) -> None:
    async def act() -> str:
        alice = nio.AsyncClient(f"https://{MATRIX}", f"@alice:{DOMAIN}", ssl=False)
        try:
            assert isinstance(await alice.login(PASSWORD), nio.LoginResponse)
            made = await alice.room_create(name="Talk")
            assert isinstance(made, nio.RoomCreateResponse), made
            await alice.room_send(made.room_id, "m.room.message", {"msgtype": "m.text", "body": "Hello"})
            found = await alice.room_messages(made.room_id, limit=1)
            assert isinstance(found, nio.RoomMessagesResponse), found
            return str(getattr(found.chunk[0], "body", ""))
        finally:
            await alice.close()

    host.run(
        "podman exec -i matrix-synapse register_new_matrix_user --config /config/homeserver.yaml "
        f"--user alice --password '{PASSWORD}' --no-admin http://127.0.0.1:8008"
    )
    assert asyncio.run(act()) == "Hello"


def test_feeds_are_subscribed_to(host: Host, acme: Pebble) -> None:
    secret = host.run("cat /var/srv/containers/miniflux/secrets/admin_password").stdout.strip()
    headers = {"Authorization": "Basic " + base64.b64encode(f"admin:{secret}".encode()).decode()}
    answer = host.request(
        f"https://{FEEDS}/v1/categories",
        method="POST",
        headers=headers,
        body=json.dumps({"title": "News"}).encode(),
        authority=acme.root,
    )
    assert (answer.status, answer.json()["title"]) == (201, "News")


def test_calendars_are_kept(host: Host, acme: Pebble, tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_text(acme.root)
    secret = host.run("cat /var/srv/containers/radicale/secrets/password").stdout.strip()
    start = datetime.datetime(2026, 11, 24, 10, tzinfo=datetime.UTC)
    with caldav.DAVClient(
        url=f"https://{DAV}/", username="user", password=secret, ssl_verify_cert=str(tmp_path / "root.pem")
    ) as client:
        calendar = client.principal().make_calendar(name="Work")
        calendar.save_event(dtstart=start, dtend=start + datetime.timedelta(hours=1), summary="Meeting")
        (event,) = calendar.events()
    assert event.icalendar_component["summary"] == "Meeting"


def test_pages_are_read(host: Host, acme: Pebble, tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_text(acme.root)
    command = ["curl", "--silent", "--http2", "--cacert", tmp_path / "root.pem", "--write-out", "%{http_version}"]
    done = subprocess.run([*command, PAGES["site"]], capture_output=True, text=True, check=True)
    assert done.stdout == "<h1>Hello</h1>\n2"


# -- what the edge does


@pytest.mark.parametrize("stack", PAGES)
def test_the_log_of_a_stack_has_the_clients_address(host: Host, stack: str) -> None:
    """Over IPv4 and over IPv6; the client is the tests' own end of the bridge."""
    for number, address in enumerate((host.address, host.address6)):
        name = PAGES[stack].split("/")[2]
        host.request(f"https://{name}/asked-{stack}-{number}", address=address)
    log = host.run(f"podman logs {stack}-nginx").stdout
    found = dict(re.findall(rf'^(\S+) \S+ "GET (/asked-{stack}-\d)" ', log, re.MULTILINE))
    assert {path: client for client, path in found.items()} == {
        f"/asked-{stack}-0": "10.99.0.1",
        f"/asked-{stack}-1": "fd99::1",
    }


def test_programs_behind_know_the_client_too(host: Host) -> None:
    host.request(f"https://{FEEDS}/v1/me", headers={"Authorization": "Basic YWRtaW46d3Jvbmc="})
    assert "client_ip=10.99.0.1" in host.run("podman logs miniflux-app 2>&1").stdout


def test_who_names_a_client_in_a_header_is_not_believed(host: Host) -> None:
    host.request(f"https://{WWW}/forged", headers={"X-Forwarded-For": "192.0.2.1", "X-Real-IP": "192.0.2.1"})
    assert '10.99.0.1 www.fcos.fr "GET /forged"' in host.run("podman logs site-nginx").stdout


def test_names_that_are_nobodys_are_refused(host: Host) -> None:
    for name in ("example.org", "xchat.fcos.fr", "fr"):
        with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
            host.request(f"https://{name}/")
        assert host.request(f"http://{name}/").status == 404
    with socket.create_connection((host.address, 443), 5) as plain, pytest.raises(ssl.SSLError):
        ssl._create_unverified_context().wrap_socket(plain)  # without a name


def test_nginx_takes_the_edges_configuration_however_long_a_name_is(host: Host) -> None:
    longest = ".".join(["a" * 63] * 3 + ["b" * 57, "fr"])
    assert len(longest) == 252
    for name in (WWW, longest, f"*.{longest[2:]}"):
        script = f"sed 's/{WWW}/{name}/' /etc/nginx/nginx.conf >/tmp/try.conf; grep -qF '{name}' /tmp/try.conf && nginx -t -c /tmp/try.conf"
        said = host.run("podman exec -i edge sh 2>&1", stdin=script).stdout
        assert "test is successful" in said, said
        assert "warn" not in said


def test_a_name_in_capitals_is_the_same_name(host: Host) -> None:
    assert host.request(PAGES["site"].replace("www", "WWW")).text == "<h1>Hello</h1>\n"


@pytest.mark.parametrize("name", [DOMAIN, CHAT, FEEDS, DAV, WWW])
def test_port_80_leads_to_https(host: Host, name: str) -> None:
    for address in (host.address, host.address6):
        answer = host.request(f"http://{name}/a?b=c", address=address)
        assert (answer.status, answer.headers["location"]) == (301, f"https://{name}/a?b=c")


def test_what_listens_for_the_edge_is_closed_to_others(host: Host) -> None:
    for address in (host.address, host.address6):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address, 8443), 5)


def test_the_edge_has_one_privilege_and_is_nobody_in_particular(host: Host) -> None:
    pid = host.run("podman inspect --format '{{.State.Pid}}' edge").stdout.strip()
    status = dict(line.split(":\t", 1) for line in host.run(f"cat /proc/{pid}/status").stdout.splitlines())
    assert status["Uid"].split() == ["101"] * 4
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 1 << 10  # CAP_NET_BIND_SERVICE


def test_a_certificate_that_comes_while_another_is_dealt_with_is_taken(host: Host) -> None:
    """The unit that takes certificates is made to last; what comes meanwhile is there when the job has ended."""
    host.wait_for_unit("certificates.service", "inactive")
    taken = "/var/srv/containers/radicale/certificates/web/current"
    current = host.run(f"readlink {taken}").stdout
    folder = "/run/systemd/system/radicale-certificates.service.d"
    host.run(
        f"mkdir -p {folder} && printf '[Service]\\nExecStartPost=sleep 3\\n' >{folder}/slow.conf && systemctl daemon-reload"
        " && systemctl start --no-block radicale-certificates.service"
        " && until systemctl show --property SubState radicale-certificates.service | grep -q start-post; do sleep 0.1; done"
        f" && ln -sfn placeholder {taken} && systemctl start certificates.service && rm -r {folder} && systemctl daemon-reload"
    )
    assert host.run(f"readlink {taken}").stdout == current != "placeholder\n"


# -- one fails, the others do not notice


@pytest.mark.parametrize("stack", PAGES)
def test_a_stack_that_is_stopped_leaves_the_others_answering(host: Host, acme: Pebble, stack: str) -> None:
    host.run(f"systemctl stop {stack}-pod.service")
    try:
        for other in PAGES.keys() - {stack}:
            assert host.request(PAGES[other], authority=acme.root).status == 200
        with pytest.raises(OSError, match=r"EOF|reset"):  # at once: nobody waits for what is not there
            host.request(PAGES[stack], timeout=2)
    finally:
        host.run(f"systemctl start {stack}-pod.service")
    host.wait_until_answers(PAGES[stack], authority=acme.root)


def test_a_stack_that_hangs_leaves_the_others_answering(host: Host, acme: Pebble) -> None:
    """Its connections are taken by the kernel and never answered."""
    processes_of = "$(podman top miniflux-nginx hpid | tail -n +2)"
    host.run(f"kill -STOP {processes_of}")
    try:
        with pytest.raises(TimeoutError):
            host.request(PAGES["miniflux"], timeout=0.5)
        for other in PAGES.keys() - {"miniflux"}:
            assert host.request(PAGES[other], authority=acme.root, timeout=2).status == 200
    finally:
        host.run(f"kill -CONT {processes_of}")
    host.wait_until_answers(PAGES["miniflux"], authority=acme.root)


def test_an_edge_that_dies_comes_back(host: Host, acme: Pebble) -> None:
    host.run("podman kill --signal KILL edge")
    for page in PAGES.values():
        host.wait_until_answers(page, authority=acme.root)


# -- load


def test_load_on_all_stacks_fails_no_request(host: Host, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not even while the edge reads its configuration anew."""
    logs = {stack: tmp_path / f"{stack}.log" for stack in PAGES}
    loads = [
        processes.start(["wrk", "-t1", "-c4", f"-d{SECONDS}s", "--timeout", "5s", url], logs[stack])
        for stack, url in PAGES.items()
    ]
    try:
        host.run("systemctl reload edge.service")
        for load in loads:
            load.wait(SECONDS + 30)
    finally:
        for load in loads:
            processes.stop(load)
    for stack, log in logs.items():
        said = log.read_text()
        assert "Socket errors" not in said, said
        assert "Non-2xx" not in said, said
        with capsys.disabled():
            print(f"\n{stack}: {re.findall(r'Requests/sec: +(.*)', said)[0]} requests/s beside the others", end="")
    assert host.failed_units() == []


class Asker:
    """A client with one connection that it keeps, and as little work of its own as can be."""

    def __init__(self, host: Host, port: int, path: str) -> None:
        answer = host.request(f"https://{MATRIX}:{port}{path}")
        plain = socket.create_connection((host.address, port), 10)
        self._wire = ssl._create_unverified_context().wrap_socket(plain, server_hostname=MATRIX)
        self._request = f"GET {path} HTTP/1.1\r\nHost: {MATRIX}\r\n\r\n".encode()
        self._end = answer.body[-40:]
        self.status = answer.status
        self.times: list[float] = []

    def ask(self) -> None:
        """Ask once more, and note the seconds until the end of the answer is there."""
        start = time.perf_counter()
        self._wire.send(self._request)
        answer = b""
        while self._end not in answer:
            part = self._wire.recv(65536)
            assert part, answer
            answer += part
        self.times.append(time.perf_counter() - start)

    def close(self) -> None:
        self._wire.close()


def test_the_edge_adds_at_most_a_tenth_to_a_request(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    """Synapse through the edge at 443 and without it at 8448, request by request in turn.

    Taken is the tenth part of them that was fastest, and the least of five such ratios: what else the machine does only ever adds.

    What nginx answers by itself is shown beside it: it takes so little that the same few microseconds are more of it.
    """
    ratios: dict[str, list[float]] = {VERSIONS: [], "/nothing": []}
    for path, status in ((VERSIONS, 200), ("/nothing", 404)) * 5:
        with contextlib.closing(Asker(host, 443, path)) as edge, contextlib.closing(Asker(host, 8448, path)) as alone:
            assert edge.status == alone.status == status
            for _ in range(REQUESTS):
                edge.ask()
                alone.ask()
        with_edge, without = (statistics.quantiles(asker.times, n=10)[0] * 1000 for asker in (edge, alone))
        ratios[path].append(with_edge / without)
        with capsys.disabled():
            print(
                f"\n{path} takes {with_edge:.3f} ms with the edge, {without:.3f} ms without it: "
                f"ratio {ratios[path][-1]:.2f}",
                end="",
            )
    assert min(ratios[VERSIONS]) <= 1.10


def test_a_reboot_brings_all_of_it_back(host: Host, acme: Pebble) -> None:
    host.reboot()
    for page in PAGES.values():
        host.wait_until_answers(page, authority=acme.root)
    host.wait_booted()
    healthy(host)
