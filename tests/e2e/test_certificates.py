"""Certificates of a booted host: it gets them by itself, keeps them, and renews them while it serves."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from podhost import ignition
from podhost.build import Builder
from podhost.problems import Report

from . import processes
from .acme import Pebble
from .bed import Bed
from .testhost import Host

CHAT, MATRIX, DOMAIN = "chat.fcos.fr", "matrix.fcos.fr", "fcos.fr"
NAMES = (DOMAIN, MATRIX, CHAT)
WELL_KNOWN = f"https://{DOMAIN}/.well-known/matrix/server"
STORE = "certificates/store/certificates/matrix-web"
REBOOTS, REPROVISIONS = (20, 5) if os.environ.get("PODHOST_SOAK") == "1" else (3, 2)
PATIENCE = 120
# What docs/certificates.md tells an administrator to do who wants a new certificate now.
BY_HAND = (
    "cd /var/srv/containers/certificates && podman run --rm --network certificates --volume ./store:/store:z "
    "--volume ./webroot:/webroot:z --volume ./config:/config:ro,z ghcr.io/podhost/podhost:0.1 "
    "cert issue --config /config/certificates.yaml matrix-web"
)


def rendered(*settings: str) -> str:
    """The Ignition file of the demo host with some settings of its own."""
    builder, report = Builder(), Report()
    file = builder.read("matrix", report, settings)
    assert file is not None, [str(problem) for problem in report.problems]
    built = builder.build(file, report)
    assert built is not None, [str(problem) for problem in report.problems]
    return ignition.dumps(built.config)


def presented(host: Host, name: str, root: str | None) -> bytes:
    """The certificate that the host presents for a name, in DER; raises `ssl.SSLError` for a client that trusts `root` alone."""
    context = ssl.create_default_context(cadata=root) if root is not None else ssl._create_unverified_context()
    with (
        socket.create_connection((host.address, 443), 5) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        certificate = secure.getpeercert(binary_form=True)
        assert certificate
        return certificate


def wait_for_another(host: Host, before: bytes) -> bytes:
    """Wait until the host presents another certificate, and give it."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if (now := presented(host, DOMAIN, None)) != before:
                return now
        time.sleep(0.05)
    raise TimeoutError(host.journal("certificates.service", "matrix-certificates.service"))


@pytest.fixture(scope="module")
def data(bed: Bed) -> Path:
    return bed.folder("certificates")


@pytest.fixture(scope="module")
def host(bed: Bed, acme: Pebble, data: Path) -> Iterator[Host]:
    """A host whose authority is away when it boots for the first time."""
    acme.stop()
    machine = bed.host("certs", rendered(*acme.settings), data=data)
    for name in NAMES:
        bed.network.name(name, machine.address)
    machine.provision()
    machine.boot()
    machine.wait_until_answers(WELL_KNOWN)
    machine.wait_booted()
    yield machine
    machine.destroy()
    if not acme.runs:
        acme.start()


def test_without_its_authority_a_host_is_up_on_a_placeholder(host: Host) -> None:
    assert host.failed_units() == []
    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
        presented(host, DOMAIN, "")
    host.run(
        f"timeout {PATIENCE} sh -c 'until journalctl --boot --unit=certificates.service | grep -q acme.test; do sleep 0.2; done'"
    )
    assert host.request(WELL_KNOWN).status == 200


def test_when_the_authority_is_back_the_host_gets_its_certificate_by_itself(host: Host, acme: Pebble) -> None:
    before = presented(host, DOMAIN, None)
    orders = acme.orders
    acme.start()
    wait_for_another(host, before)
    for name in NAMES:
        assert presented(host, name, acme.root)
    assert acme.orders == orders + 1
    host.wait_for_unit("certificates.service", "inactive")
    assert host.failed_units() == []


def test_keys_are_for_their_reader_alone(host: Host) -> None:
    kept = host.run(
        "stat --format '%a %u %n' /var/srv/containers/certificates/store /var/srv/containers/certificates/store/certificates/matrix-web/current/privkey.pem"
    )
    assert [line.split()[:2] for line in kept.stdout.splitlines()] == [["700", "10001"], ["600", "10001"]]
    served = host.run("stat --format '%a %u %n' /var/srv/containers/matrix/certificates/web/current/privkey.pem")
    assert served.stdout.split()[:2] == ["600", "101"]


def test_the_job_has_no_privilege(host: Host) -> None:
    """It is gone when it has done its work, so what it was started with is looked at."""
    command = host.run("systemctl show --property ExecStart --value certificates.service").stdout
    for words in ("--cap-drop all", "--read-only", "--user 10001:10001", "no-new-privileges"):
        assert words in command
    assert "podman.sock" not in command


def test_a_renewal_under_load_loses_no_request(host: Host, acme: Pebble, data: Path, tmp_path: Path) -> None:
    chain = (data / STORE / "current/fullchain.pem").read_text()
    before = presented(host, DOMAIN, acme.root)
    log = tmp_path / "wrk.log"
    load = processes.start(["wrk", "-t1", "-c16", "-d15s", "--timeout", "5s", WELL_KNOWN], log)
    try:
        host.run(BY_HAND)
        wait_for_another(host, before)
        assert load.poll() is None  # it was under load all the time
        load.wait(60)
    finally:
        processes.stop(load)
    said = log.read_text()
    assert presented(host, MATRIX, acme.root) != before
    assert "Requests/sec" in said
    assert "Socket errors" not in said, said
    assert "Non-2xx" not in said, said
    assert (data / STORE / "current/fullchain.pem").read_text() != chain
    assert chain in [path.read_text() for path in (data / STORE).glob("*/fullchain.pem")]  # the old one is kept


def test_reboots_and_new_systems_order_nothing(host: Host, acme: Pebble) -> None:
    certificate, orders = presented(host, DOMAIN, acme.root), acme.orders
    for _ in range(REBOOTS):
        host.reboot()
        host.wait_until_answers(WELL_KNOWN)
        host.wait_booted()
        assert presented(host, DOMAIN, acme.root) == certificate
    for _ in range(REPROVISIONS):
        host.kill()
        host.provision()
        host.boot()
        host.wait_until_answers(WELL_KNOWN)
        host.wait_booted()
        assert presented(host, DOMAIN, acme.root) == certificate
    host.run("systemctl start certificates.service")
    assert presented(host, DOMAIN, acme.root) == certificate
    assert acme.orders == orders


def test_the_served_tls_has_no_finding_above_low(
    host: Host, acme: Pebble, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "root.pem").write_text(acme.root)
    command = ["testssl", "--quiet", "--color", "0", "--warnings", "batch", "--add-ca", str(tmp_path / "root.pem")]
    command += [
        "--jsonfile",
        str(tmp_path / "found.json"),
        "--severity",
        "LOW",
        "--ip",
        host.address,
        f"https://{MATRIX}/",
    ]
    subprocess.run(command, capture_output=True, check=False, timeout=600)
    found = json.loads((tmp_path / "found.json").read_text())
    with capsys.disabled():
        print(f"\ntestssl.sh: {len(found)} findings of LOW or more")
        for each in found:
            print(f"  {each['severity']} {each['id']}: {each['finding']}")
    worse = [each for each in found if each["severity"] in ("MEDIUM", "HIGH", "CRITICAL")]
    assert [f"{each['severity']} {each['id']}: {each['finding']}" for each in worse] == []


def test_the_image_adds_at_most_40_megabytes_to_python(bed: Bed, capsys: pytest.CaptureFixture[str]) -> None:
    layers = [bed.layer(name) / "opt/podhost" for name in ("podhost-needs", "podhost")]
    size = sum(path.lstat().st_size for layer in layers for path in layer.rglob("*"))
    with capsys.disabled():
        print(f"\npodhost and what it needs, in its image: {size / 1e6:.1f} MB")
    assert 10e6 < size <= 40e6


# -- the other two ways


def test_an_authority_of_the_hosts_own(bed: Bed) -> None:
    """Its root is to be had at port 80, and vouches for what is presented."""
    machine = bed.host("internal", rendered("certificates.authority=internal"), data=bed.folder("internal"))
    machine.provision()
    machine.boot()
    machine.wait_until_answers(WELL_KNOWN)
    machine.wait_until_answers(f"http://{DOMAIN}/ca.crt", timeout=PATIENCE)
    root = machine.request(f"http://{DOMAIN}/ca.crt").text
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            for name in NAMES:
                assert presented(machine, name, root)
            break
        except (ssl.SSLError, ConnectionError):
            assert time.monotonic() < deadline, machine.journal("certificates.service")
            time.sleep(0.05)
    machine.destroy()


def test_a_pair_that_the_administrator_brings(bed: Bed, tmp_path: Path) -> None:
    names = ",".join(f"DNS:{name}" for name in NAMES)
    files = ["-keyout", str(tmp_path / "own.key"), "-out", str(tmp_path / "own.pem")]
    words = f"req -x509 -newkey rsa:2048 -nodes -days 60 -subj /CN=own -addext subjectAltName={names}".split()
    subprocess.run(["openssl", *words, *files], check=True, capture_output=True)
    own = f"{{matrix: {{web: {{certificate: {tmp_path}/own.pem, key: {tmp_path}/own.key}}}}}}"
    machine = bed.host("own", rendered(f"certificates.own={own}"), data=bed.folder("own"))
    machine.provision()
    machine.boot()
    machine.wait_until_answers(WELL_KNOWN)
    machine.wait_booted()
    for name in NAMES:
        assert presented(machine, name, (tmp_path / "own.pem").read_text())
    assert machine.failed_units() == []
    assert machine.restarts() == {}, machine.journal("matrix-nginx-http.service")
    assert machine.run("systemctl cat certificates.service", check=False).returncode != 0
    machine.destroy()
