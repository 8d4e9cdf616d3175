"""What goes wrong, told in one line each, and what it costs: the authority's limits are never reached."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.certs.world import Home, Pebble, World

NAT = "if it does, and a router between does not lead it back here, say 'preflight: false'"


@pytest.fixture
def names(world: World, home: Home) -> list[str]:
    """Names that only this test uses, so that others keep theirs."""
    home.set(certificates={"web": {"names": ["astray.test"]}})
    return ["astray.test"]


def lead(world: World, name: str, *addresses: str) -> None:
    """Let a name lead to addresses of IPv4 and nothing else; to none at all without any."""
    for path in ("/clear-a", "/clear-aaaa"):
        world.post(8055, path, {"host": name})
    world.post(8055, "/set-default-ipv6", {"ip": ""})
    if addresses:
        world.post(8055, "/add-a", {"host": name, "addresses": list(addresses)})


@pytest.fixture(autouse=True)
def _as_before(world: World):  # type: ignore[no-untyped-def]
    yield
    world.post(8055, "/set-default-ipv6", {"ip": "::1"})
    for path in ("/clear-a", "/clear-aaaa", "/clear-servfail"):
        world.post(8055, path, {"host": "astray.test"})


def test_a_name_that_does_not_resolve(world: World, home: Home, names: list[str], pebble: Pebble) -> None:
    before = pebble.orders()
    world.post(8055, "/set-default-ipv4", {"ip": ""})
    world.post(8055, "/set-default-ipv6", {"ip": ""})
    try:
        assert home.fails("check") == (
            "error: web: 'astray.test' does not resolve: add an A or AAAA record that leads to this host"
        )
        assert "'astray.test' does not resolve" in home.fails()
    finally:
        world.post(8055, "/set-default-ipv4", {"ip": "127.0.0.1"})
    assert pebble.orders() == before
    assert home.state()["authorities"][pebble.url]["failures"] == []


def test_a_name_that_leads_to_a_closed_port(world: World, home: Home, names: list[str]) -> None:
    world.run("ip", "link", "add", "other", "type", "dummy")
    lead(world, "astray.test", "127.0.0.1")
    world.run("ip6tables", "-L")
    lead(world, "astray.test", "127.0.0.9")
    closed = world.start(["sh", "-c", "exec sleep 60"], "none")
    closed.kill()
    closed.wait()
    assert home.podhost("check").returncode == 0, "the web server is at every address of this machine"


def test_a_name_that_leads_elsewhere(world: World, home: Home, names: list[str], pebble: Pebble) -> None:
    """Somebody else's web server answers: here, one at another port 80, in another folder."""
    served = home.webroot
    home.webroot = home.folder / "other"
    home.webroot.mkdir()
    home.set(webroot="other")
    assert served.is_dir()
    before = pebble.orders()
    assert home.fails("check").startswith(
        "error: web: 'astray.test' leads elsewhere: ::1 answers without this host's file (status 404): let the name lead to this host; "
    )
    assert NAT in home.fails()
    assert pebble.orders() == before


def test_mistakes_in_dns_cost_nothing_however_often(home: Home, names: list[str], pebble: Pebble) -> None:
    home.set(webroot="other") if (home.folder / "other").mkdir() is None else None
    before = pebble.orders()
    for _ in range(8):
        home.fails()
    assert pebble.orders() == before
    home.set(webroot="webroot")
    home.run()


def test_a_validation_that_fails(home: Home, names: list[str], pebble: Pebble) -> None:
    """It is counted, and not tried again before its time; by hand it may be, until the limit."""
    (home.folder / "other").mkdir()
    home.set(webroot="other", preflight=False)
    message = home.fails()
    assert message.startswith("error: web: the authority refuses for 'astray.test' (unauthorized): ")
    assert message.endswith(": let the name lead to this host alone, over IPv4 and IPv6")
    assert len(home.state()["authorities"][pebble.url]["failures"]) == 1
    before = pebble.orders()
    assert "it is tried again in 15 minutes" in home.fails()
    assert pebble.orders() == before
    home.fails(later=16 * 60)
    assert pebble.orders() == before + 1
    assert "it is tried again in 30 minutes" in home.fails(later=16 * 60)
    for _ in range(3):
        assert "(unauthorized)" in home.fails("issue", "web", later=16 * 60)
    assert pebble.orders() == before + 4
    assert "no order now (5 of 5 failed validations of astray.test in an hour)" in home.fails(
        "issue", "web", later=17 * 60
    )
    assert pebble.orders() == before + 4
    home.set(webroot="webroot", preflight=True)
    home.run("issue", "web", later=62 * 60)
    assert home.state()["certificates"]["web"]["trouble"] is None


def test_a_name_that_the_authority_refuses(home: Home) -> None:
    home.set(certificates={"bad": {"names": ["blocked.test"]}, "web": {"names": ["example.test"]}})
    message = home.fails()
    assert message.startswith("error: bad: the authority refuses")
    assert "(rejectedIdentifier)" in message
    assert home.current().is_dir(), "the other certificate is had all the same"


def test_five_for_the_same_names_and_no_more(home: Home, pebble: Pebble) -> None:
    """Whatever happens to the state: the folder of the account and the certificates may even be another each time."""
    home.set(certificates={"web": {"names": ["five.test"]}})
    orders = []
    for _ in range(5):
        home.run("issue", "web")
        for issued in (home.store / "certificates/web").glob("2*/issued.json"):
            issued.unlink()  # without it nobody knows whose the certificate is, and no order can name it
        orders.append(pebble.orders())
    message = home.fails("issue", "web")
    assert "no order now (5 of 5 certificates for these names in a week)" in message
    assert pebble.orders() == orders[-1]
    (home.store / "state.json").write_text('{"version": 1, "authorities": {')
    broken = home.podhost("issue", "web")
    assert broken.returncode == 1
    assert "was broken and is kept as 'state.json.broken-" in broken.stderr
    assert (
        "certificates for these names in a week" in broken.stderr
        or "what was done before is not known" in broken.stderr
    )
    assert "5 of 5 certificates for these names" in home.fails("issue", "web", later=2 * 3600)
    assert pebble.orders() == orders[-1]
    home.run("issue", "web", later=8 * 86400)


def test_a_server_that_is_down_and_comes_back(world: World, home: Home) -> None:
    down = Pebble(world, 14200)
    down.stop()
    home.set(authority=down.url)
    assert home.fails() == (
        f"error: web: '{down.url}' does not answer (connection refused): "
        "nothing to do if it is down, it is tried again; else see that this host reaches it"
    )
    down.start()
    home.run(later=31)
    home.verified(down.root, "example.test")
    down.stop()
    assert "good" in home.run(later=7 * 3600), "a certificate that is good needs no server"


def test_a_server_that_forgot_the_account(world: World, home: Home) -> None:
    forgetful = Pebble(world, 14210)
    home.set(authority=forgetful.url)
    home.run()
    forgetful.stop()
    forgetful.start()  # it keeps nothing on disk
    home.run("issue", "web")
    assert len(home.state()["authorities"][forgetful.url]["accounts"]) == 2


def test_a_server_nobody_trusts(home: Home, pebble: Pebble) -> None:
    home.set(ca_bundle=None)
    assert home.fails() == (
        f"error: web: the TLS certificate of '{pebble.url}' is not trusted: "
        "name its authority's in 'ca_bundle', and see that this host's clock is right"
    )


def test_what_is_no_directory(home: Home, pebble: Pebble) -> None:
    home.set(authority=pebble.url.replace("/dir", "/nonsense"))
    assert "see that 'authority' is the URL of a directory" in home.fails()


def test_two_runs_at_once(world: World, home: Home) -> None:
    """The second one says so, and changes nothing."""
    slow = Pebble(world, 14220, env={"PEBBLE_VA_NOSLEEP": "0", "PEBBLE_VA_SLEEPTIME": "8"})
    home.set(authority=slow.url)
    (home.store).mkdir(mode=0o700)
    with (home.store / "lock").open("w") as lock:
        subprocess.run(["flock", "-n", str(lock.fileno())], pass_fds=[lock.fileno()], check=True)
        result = home.podhost("run")
    assert (result.returncode, result.stderr) == (
        1,
        "error: another run is under way\n  hint: wait until it has ended\n",
    )


def test_status_as_json(home: Home, pebble: Pebble) -> None:
    before = json.loads(home.podhost("status", "--json").stdout)
    assert before[0]["version"] is None
    assert before[0]["current"] is False
    home.run()
    (status,) = json.loads(home.podhost("status", "--json").stdout)
    assert status["names"] == ["example.test", "chat.example.test"]
    assert status["version"] == home.current().name
    assert "Pebble Intermediate CA" in status["issuer"]
    assert status["current"] is True
    assert status["failure"] is None
    assert status["issued"] < status["renewal"] < status["expires"]
