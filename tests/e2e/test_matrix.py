"""The demo host of the stack `matrix`, really booted: what people outside it see, and what stays through its life."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import nio
import pytest

from podhost import ignition
from podhost.build import Builder
from podhost.problems import Report

from .acme import Pebble
from .bed import Bed
from .testhost import Host

Result = TypeVar("Result")

CHAT, MATRIX, DOMAIN = "chat.fcos.fr", "matrix.fcos.fr", "fcos.fr"
VERSIONS = f"https://{MATRIX}/_matrix/client/versions"
PASSWORD = "correct horse battery staple"
PICTURE = bytes(range(256)) * 400


@pytest.fixture(scope="module")
def config(acme: Pebble) -> str:
    """The Ignition file of the demo host, as `podhost render matrix` writes it; its certificate authority is the tests' own."""
    builder, report = Builder(), Report()
    file = builder.read("matrix", report, acme.settings)
    assert file is not None
    built = builder.build(file, report)
    assert built is not None, [str(problem) for problem in report.problems]
    return ignition.dumps(built.config)


@pytest.fixture(scope="module")
def data(bed: Bed) -> Path:
    """The data volume, which outlives every host below."""
    return bed.folder("matrix")


@pytest.fixture(scope="module")
def first_boot(bed: Bed, config: str, data: Path) -> Iterator[tuple[Host, float]]:
    """A host after its first boot, and the seconds from its start to Matrix answering through TLS."""
    machine = bed.host("matrix", config, data=data)
    for name in (CHAT, MATRIX, DOMAIN):
        bed.network.name(name, machine.address)
    machine.provision()
    machine.boot()
    seconds = machine.wait_until_answers(VERSIONS)
    machine.wait_booted()
    yield machine, seconds
    machine.destroy()


@pytest.fixture(scope="module")
def host(first_boot: tuple[Host, float]) -> Host:
    """The host that all tests below share, in their order."""
    return first_boot[0]


def healthy(host: Host) -> None:
    """Nothing failed, and nothing was started twice."""
    assert host.failed_units() == []
    assert host.restarts() == {}


# -- what the real tools say


def test_first_boot_needs_nobody(first_boot: tuple[Host, float], capsys: pytest.CaptureFixture[str]) -> None:
    host, seconds = first_boot
    with capsys.disabled():
        print(f"\nfirst boot to {VERSIONS}: {seconds:.1f} s, {host.cpu_seconds():.1f} s of computing")
    healthy(host)


def test_every_unit_is_accepted_by_quadlet_and_systemd(host: Host) -> None:
    done = host.run("/usr/libexec/podman/quadlet -dryrun 2>&1 >/dev/null")
    assert [line for line in done.stdout.splitlines() if "Loading source unit file" not in line] == []
    units = host.run("ls /run/systemd/generator/matrix*.service /etc/systemd/system/matrix*.service").stdout.split()
    assert len(units) == 13
    assert host.run(f"systemd-analyze verify --recursive-errors=no {' '.join(units)} 2>&1").stdout == ""


def test_programs_accept_their_configuration(host: Host) -> None:
    for name in ("matrix-nginx", "matrix-nginx-http"):
        assert "test is successful" in host.run(f"podman exec {name} nginx -t 2>&1").stdout
    read = "python -m synapse.config read server.server_name --config-path /config/homeserver.yaml"
    assert host.run(f"podman exec matrix-synapse {read}").stdout.splitlines()[-1] == f"server.server_name: {DOMAIN}"


# -- what people outside see


@pytest.mark.parametrize("port", ["", ":8448"])
def test_matrix_answers(host: Host, port: str) -> None:
    answer = host.request(f"https://{MATRIX}{port}/_matrix/client/versions")
    assert answer.status == 200
    assert "v1.1" in answer.json()["versions"]
    assert answer.headers["strict-transport-security"] == "max-age=63072000"
    assert answer.tls == "TLSv1.3"


def test_federation_answers_under_the_server_name(host: Host) -> None:
    answer = host.request(f"https://{DOMAIN}:8448/_matrix/federation/v1/version")
    assert answer.json()["server"]["name"] == "Synapse"


@pytest.mark.parametrize(
    ("document", "content"),
    [
        ("server", {"m.server": "matrix.fcos.fr:443"}),
        ("client", {"m.homeserver": {"base_url": "https://matrix.fcos.fr"}}),
    ],
)
def test_well_known(host: Host, document: str, content: dict[str, Any]) -> None:
    answer = host.request(f"https://{DOMAIN}/.well-known/matrix/{document}")
    assert answer.json() == content
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["access-control-allow-origin"] == "*"


def test_chat_is_element_configured_for_this_server(host: Host) -> None:
    assert host.request(f"https://{CHAT}/").status == 200
    config = host.request(f"https://{CHAT}/config.json").json()
    assert config["default_server_config"]["m.homeserver"] == {
        "base_url": "https://matrix.fcos.fr",
        "server_name": "fcos.fr",
    }


def test_the_domain_leads_to_chat(host: Host) -> None:
    answer = host.request(f"https://{DOMAIN}/anything")
    assert (answer.status, answer.headers["location"]) == (302, "https://chat.fcos.fr/")


@pytest.mark.parametrize("name", [CHAT, MATRIX, DOMAIN])
def test_port_80_leads_to_https(host: Host, name: str) -> None:
    answer = host.request(f"http://{name}/a?b=c")
    assert (answer.status, answer.headers["location"]) == (301, f"https://{name}/a?b=c")


def test_port_80_serves_acme_challenges(host: Host) -> None:
    folder = "/var/srv/containers/certificates/webroot"
    host.run(
        f"mkdir -p {folder}/.well-known/acme-challenge && echo -n token.thumbprint > {folder}/.well-known/acme-challenge/token"
    )
    assert host.request(f"http://{CHAT}/.well-known/acme-challenge/token").text == "token.thumbprint"


def test_ipv6(host: Host) -> None:
    assert host.request(VERSIONS, address=host.address6).status == 200


def test_other_names_are_refused(host: Host) -> None:
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        host.request("https://example.org/")
    assert host.request("http://example.org/").status == 404


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_tls_is_refused(host: Host) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with socket.create_connection((host.address, 443), 5) as plain, pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(plain, server_hostname=MATRIX)


def test_http2_is_offered(host: Host) -> None:
    context = ssl._create_unverified_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection((host.address, 443), 5) as plain,
        context.wrap_socket(plain, server_hostname=CHAT) as secure,
    ):
        assert secure.selected_alpn_protocol() == "h2"


@pytest.mark.parametrize(
    "path",
    [
        "/_synapse/admin/v1/server_version",
        "/_matrix/..%2f_synapse/admin/v1/server_version",
        "/",
        "/health",
        "/_matrixx",
    ],
)
def test_only_the_public_api_is_public(host: Host, path: str) -> None:
    for port in ("", ":8448"):
        answer = host.request(f"https://{MATRIX}{port}{path}")
        assert answer.status == 404
        assert "nginx" in answer.text  # nginx's own answer: Synapse never saw the request


@pytest.mark.parametrize("port", [5432, 8008, 8080, 8443, 9000])
def test_inner_ports_are_closed(host: Host, port: int) -> None:
    for address in (host.address, host.address6):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address, port), 5)


def test_inner_servers_listen_on_loopback_alone(host: Host) -> None:
    pid = host.run("podman inspect --format '{{.State.Pid}}' matrix-synapse").stdout.strip()
    sockets = host.run(f"nsenter --target {pid} --net ss --listening --tcp --numeric --no-header").stdout
    places = {tuple(line.split()[3].rsplit(":", 1)) for line in sockets.splitlines()}
    assert {address for address, port in places if port in ("5432", "8008")} == {"127.0.0.1"}


def test_upload_limits_agree(host: Host) -> None:
    limit = 50 * 2**20
    for path, size, status in (("/_matrix/media/v3/upload", limit + 1, 413), ("/_matrix/media/v3/upload", 1000, 401)):
        answer = host.request(
            f"https://{MATRIX}{path}", method="POST", body=b"x" * size, headers={"Content-Type": "text/plain"}
        )
        assert answer.status == status


# -- what people do


@dataclass
class Story:
    """What two people did on the first boot, to be found again later."""

    room: str
    picture: str
    signing_key: str


def signing_key(host: Host) -> str:
    """The public key by which the server signs."""
    keys = host.request(f"https://{MATRIX}/_matrix/key/v2/server").json()["verify_keys"]
    assert len(keys) == 1
    return json.dumps(keys)


async def logged_in(name: str) -> nio.AsyncClient:
    client = nio.AsyncClient(f"https://{MATRIX}", f"@{name}:{DOMAIN}", ssl=False)
    answer = await client.login(PASSWORD)
    assert isinstance(answer, nio.LoginResponse), answer
    return client


def as_people(host: Host, story: Coroutine[Any, Any, Result]) -> Result:
    """Run what people do, in a world where the public names lead to the host, as its DNS records will do."""

    def lookup(name: str, port: int, *_: object, **__: object) -> list[Any]:
        assert name == MATRIX
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host.address, port))]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", lookup)
        return asyncio.run(story)


@pytest.fixture(scope="module")
def story(host: Host) -> Story:
    """Alice and Bob share a room, a message and a picture."""

    async def act() -> tuple[str, str]:
        alice, bob = await logged_in("alice"), await logged_in("bob")
        try:
            made = await alice.room_create(name="Talk", invite=[bob.user_id])
            assert isinstance(made, nio.RoomCreateResponse), made
            assert isinstance(await bob.join(made.room_id), nio.JoinResponse)
            sent = await alice.room_send(
                made.room_id, "m.room.message", {"msgtype": "m.text", "body": "Hello from the first boot"}
            )
            assert isinstance(sent, nio.RoomSendResponse), sent
            uploaded, _ = await alice.upload(lambda *_: PICTURE, "application/octet-stream", filesize=len(PICTURE))
            assert isinstance(uploaded, nio.UploadResponse), uploaded
            return made.room_id, uploaded.content_uri
        finally:
            await alice.close()
            await bob.close()

    for name in ("alice", "bob"):
        host.run(
            "podman exec -i matrix-synapse register_new_matrix_user --config /config/homeserver.yaml "
            f"--user {name} --password '{PASSWORD}' --no-admin http://127.0.0.1:8008"
        )
    room, picture = as_people(host, act())
    return Story(room, picture, signing_key(host))


def everything_is_there(host: Host, story: Story) -> None:
    """Bob logs in with his password and finds the message and the picture; the server signs as it did."""

    async def look() -> None:
        bob = await logged_in("bob")
        try:
            await bob.sync(full_state=True)
            found = await bob.room_messages(story.room, limit=50)
            assert isinstance(found, nio.RoomMessagesResponse), found
            assert "Hello from the first boot" in [getattr(event, "body", "") for event in found.chunk]
            picture = await bob.download(story.picture)
            assert isinstance(picture, nio.DownloadResponse), picture
            assert picture.body == PICTURE
        finally:
            await bob.close()

    as_people(host, look())
    assert signing_key(host) == story.signing_key


def test_two_people_talk(host: Host, story: Story) -> None:
    everything_is_there(host, story)


# -- secrets


def test_secrets_are_nowhere_but_where_they_belong(host: Host, config: str, story: Story, data: Path) -> None:
    kept = {path.name: path.read_text() for path in (data / "matrix/secrets").iterdir()}
    assert kept.keys() == {
        "postgres_password",
        "postgres_passfile",
        "signing_key",
        "macaroon_key",
        "form_secret",
        "registration_secret",
    }
    needles = {name: text.split(":")[-1].split(" ")[-1] for name, text in kept.items()}
    assert all(len(needle) >= 43 for needle in needles.values())  # 32 random bytes each

    assert oct((data / "matrix/secrets").stat().st_mode) == "0o40700"
    for path in (data / "matrix/secrets").iterdir():
        assert oct(path.stat().st_mode) == "0o100600"

    readable = "find / -xdev -type f -perm /o=r -not -path '/usr/*' -not -path '/proc/*'"
    for name, needle in needles.items():
        assert needle not in config, name
        # The path to a file may be closed while the file is open: so ask as somebody who is nobody.
        found = host.run(
            f"setpriv --reuid=65534 --regid=65534 --clear-groups sh -c \"{readable} -exec grep -lF -e '{needle}' {{}} +\" 2>/dev/null",
            check=False,
        )
        assert found.stdout == "", name
    shown = host.run(
        "podman inspect $(podman ps -aq) $(podman pod ps -q); podman secret inspect $(podman secret ls -q); systemctl show '*'; systemctl cat '*'; ps axeww"
    ).stdout
    journal = host.run("journalctl --no-pager --output=export").stdout
    for name, needle in needles.items():
        assert needle not in shown, name
        assert needle not in journal, name


def test_each_reader_has_its_secret_alone(host: Host) -> None:
    shown = host.run(
        "podman exec matrix-synapse stat --format '%n %a %u' /run/secrets/signing_key /run/secrets/postgres_passfile"
    ).stdout
    assert shown.splitlines() == ["/run/secrets/signing_key 400 991", "/run/secrets/postgres_passfile 400 991"]
    assert host.run("podman exec matrix-nginx ls /run/secrets 2>&1", check=False).returncode != 0


def test_signing_keys_are_unique(bed: Bed, config: str, host: Host, story: Story) -> None:
    other = bed.host("other", config, data=bed.folder("other"))
    other.provision()
    other.boot()
    other.wait_until_answers(VERSIONS)
    assert signing_key(other) != story.signing_key
    other.destroy()


def test_embedded_secrets_take_the_place_of_made_ones(bed: Bed, tmp_path: Path) -> None:
    """What the administrator brings is used, and what is made of it follows; the rest is made on the host."""
    (tmp_path / "secrets.yaml").write_text("matrix: {postgres_password: 'chosen $one% \"here\"'}\n")
    (tmp_path / "host.yaml").write_text(
        "secrets: secrets.yaml\nstacks: {matrix: {domain: fcos.fr, email: admin@fcos.fr}}\n"
    )
    builder, report = Builder(), Report()
    file = builder.read(str(tmp_path / "host.yaml"), report)
    assert file is not None
    built = builder.build(file, report)
    assert built is not None, [str(problem) for problem in report.problems]
    data = bed.folder("embedded")
    host = bed.host("embedded", ignition.dumps(built.config), data=data)
    host.provision()
    host.boot()
    host.wait_until_answers(VERSIONS)  # Synapse has logged in to PostgreSQL with it
    given = host.run("stat --format '%a %u' /etc/podhost/secrets /etc/podhost/secrets/matrix/postgres_password").stdout
    assert given.splitlines() == ["700 0", "600 0"]
    assert (
        data / "matrix/secrets/postgres_passfile"
    ).read_text() == '127.0.0.1:5432:synapse:synapse:chosen $one% "here"'
    assert not (data / "matrix/secrets/postgres_password").exists()
    host.destroy()


# -- the host's life


def test_a_program_that_dies_comes_back(host: Host, story: Story) -> None:
    for name in ("matrix-postgres", "matrix-synapse", "matrix-nginx"):
        host.run(f"podman kill --signal KILL {name}")
        host.wait_for_unit(f"{name}.service")
    host.wait_until_answers(VERSIONS)
    everything_is_there(host, story)


def test_reboot_keeps_everything(host: Host, story: Story) -> None:
    host.reboot()
    host.wait_until_answers(VERSIONS)
    host.wait_booted()
    healthy(host)
    everything_is_there(host, story)


def test_power_cut_keeps_everything(host: Host, story: Story) -> None:
    host.kill()
    host.boot()
    host.wait_until_answers(VERSIONS)
    everything_is_there(host, story)


def test_a_machine_made_anew_finds_its_data(host: Host, story: Story) -> None:
    host.poweroff()
    host.provision()
    host.boot()
    host.wait_until_answers(VERSIONS)
    host.wait_booted()
    healthy(host)
    everything_is_there(host, story)


def test_reboot_without_registry(bed: Bed, host: Host, story: Story) -> None:
    bed.registry.stop()
    try:
        host.reboot()
        host.wait_until_answers(VERSIONS)
        host.wait_booted()
        healthy(host)
        everything_is_there(host, story)
    finally:
        bed.registry.start()


def test_first_boot_pulls_its_images_even_from_a_registry_that_is_late(bed: Bed, config: str) -> None:
    """The registry is away at first and comes back: the start takes longer, and nothing fails."""
    bed.registry.stop()
    try:
        late = bed.host("late", config, data=bed.folder("late"), preload=False)
        for name in (CHAT, MATRIX, DOMAIN):
            bed.network.name(name, late.address)
        late.provision()
        late.boot()
        late.run(
            "timeout 120 sh -c 'until journalctl --boot --unit=matrix-synapse-image.service | grep -q \"connection refused\"; do sleep 0.2; done'"
        )
    finally:
        bed.registry.start()
    late.wait_until_answers(VERSIONS, timeout=240)
    late.wait_booted(240)
    assert late.failed_units() == []
    assert {unit for unit in late.restarts() if not unit.endswith("-image.service")} == set()
    late.destroy()
