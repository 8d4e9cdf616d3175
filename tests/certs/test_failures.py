"""What goes wrong, told in one line each, and what it costs: the authority's limits are never reached."""

from __future__ import annotations

import fcntl
import json
import sys
import time

import pytest

from tests.certs.world import Home, Pebble, World, until

NAT = "if it does, and a router between does not lead it back here, say 'preflight: false'"


@pytest.fixture
def astray(home: Home) -> Home:
    """A host that serves another folder than it thinks, as if its name led to somebody else."""
    (home.folder / "other").mkdir()
    home.set(webroot="other", certificates={"web": {"names": ["astray.test"]}})
    return home


def test_a_name_that_does_not_resolve(home: Home, pebble: Pebble, tsig: str) -> None:
    home.set(certificates={"web": {"names": ["gone.dyn.test"]}})
    before = pebble.orders()
    for verb in ("check", "run"):
        assert home.fails(verb, prefix=home.resolving_at("127.0.0.2")) == (
            "error: web: 'gone.dyn.test' does not resolve: add an A or AAAA record that leads to this host"
        )
    assert pebble.orders() == before
    assert home.state()["authorities"][pebble.url]["failures"] == []


def test_a_resolver_that_is_away(home: Home) -> None:
    home.set(certificates={"web": {"names": ["example.test"]}})
    assert home.fails("check", prefix=home.resolving_at("127.0.0.9")) == (
        "error: web: the resolver does not answer for 'example.test': see that DNS works on this host"
    )


def test_a_closed_port(world: World, home: Home) -> None:
    """The preflight tries all addresses of the name."""
    world.post(8055, "/add-a", {"host": "closed.test", "addresses": ["127.0.0.9"]})
    home.set(certificates={"web": {"names": ["closed.test"]}})
    assert home.fails("check") == (
        f"error: web: port 80 of 'closed.test' (127.0.0.9) is closed: open it in the firewall, or let the name lead to this host; {NAT}"
    )
    world.post(8055, "/clear-a", {"host": "closed.test"})
    world.post(8055, "/add-a", {"host": "closed.test", "addresses": ["127.0.0.1"]})
    assert home.podhost("check").returncode == 0


def test_no_route(world: World, home: Home) -> None:
    """Of an address of a kind that this host cannot reach nothing is known; another one may do."""
    home.set(certificates={"web": {"names": ["far.test"]}})
    world.post(8055, "/add-aaaa", {"host": "far.test", "addresses": ["2001:db8::1"]})
    world.post(8055, "/add-a", {"host": "far.test", "addresses": ["127.0.0.1"]})
    assert home.podhost("check").returncode == 0
    world.post(8055, "/clear-a", {"host": "far.test"})
    world.post(8055, "/add-a", {"host": "far.test", "addresses": ["198.51.100.1"]})
    message = home.fails("check")
    assert message.startswith("error: web: this host has no route to 'far.test' (")
    assert message.endswith("): see that it reaches the internet, or say 'preflight: false'")


def test_a_name_that_leads_elsewhere(astray: Home, pebble: Pebble) -> None:
    before = pebble.orders()
    assert astray.fails("check") == (
        "error: web: 'astray.test' leads elsewhere: ::1 answers without this host's file (status 404): "
        f"let the name lead to this host; {NAT}"
    )
    assert NAT in astray.fails()
    assert pebble.orders() == before


def test_mistakes_in_dns_cost_nothing_however_often(astray: Home, pebble: Pebble) -> None:
    before = pebble.orders()
    for _ in range(6):
        astray.fails()
    assert pebble.orders() == before
    astray.set(webroot="webroot")
    astray.run()


def test_a_validation_that_fails(astray: Home, pebble: Pebble) -> None:
    """It is counted, and not tried again before its time; by hand it may be, until the limit."""
    home = astray
    home.set(preflight=False)
    message = home.fails()
    assert message.startswith("error: web: the authority refuses for 'astray.test' (unauthorized): ")
    assert message.endswith(": let the name lead to this host alone, over IPv4 and IPv6")
    assert len(home.state()["authorities"][pebble.url]["failures"]) == 1
    before = pebble.orders()
    assert "the next attempt is in 15 minutes" in home.fails()
    assert pebble.orders() == before
    home.fails(later=16 * 60)
    assert pebble.orders() == before + 1
    assert "the next attempt is in 30 minutes" in home.fails(later=16 * 60)
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


def test_two_runs_at_once(home: Home) -> None:
    """The second one says so, and changes nothing."""
    home.store.mkdir(mode=0o700)
    with (home.store / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = home.podhost("run")
    assert (result.returncode, result.stderr) == (
        1,
        "error: another run is under way\n  hint: wait until it has ended\n",
    )
    assert [each.name for each in home.store.iterdir()] == ["lock"]


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


def test_a_clock_that_was_ahead_is_set_right(home: Home, pebble: Pebble) -> None:
    """What was written in a time to come is written anew as soon as the authority's own date says what time it is."""
    home.run(later=3 * 86400)
    ledger = home.state()["authorities"][pebble.url]
    assert all(each["at"] > time.time() + 86400 for each in ledger["orders"])
    home.run("issue", "web")
    ledger = home.state()["authorities"][pebble.url]
    assert len(ledger["orders"]) == 2
    assert all(each["at"] <= time.time() for each in ledger["orders"])


def test_no_secret_is_told(home: Home, pebble: Pebble) -> None:
    """Neither what is printed, nor a process's arguments, nor any file but those of the owner alone holds a key."""
    traced = home.podhost("run", prefix=("strace", "-f", "-qq", "-s", "4096", "-e", "trace=write,execve"))
    assert traced.returncode == 0
    key = (home.current() / "privkey.pem").read_text().splitlines()[1]
    told = [line for line in traced.stderr.splitlines() if key[:40] in line]
    assert told
    assert all("write(" in line for line in told)
    holders = {path for path in home.folder.rglob("*") if path.is_file() and key in path.read_text("latin-1")}
    assert {path.resolve() for path in holders} == {home.current() / "privkey.pem"}
    private = {path for path in home.store.rglob("*") if path.is_file() and "PRIVATE KEY" in path.read_text("latin-1")}
    assert {oct(path.stat().st_mode & 0o777) for path in private} == {"0o600"}
    folders = [home.store, *(path for path in home.store.rglob("*") if path.is_dir() and not path.is_symlink())]
    assert {oct(path.stat().st_mode & 0o777) for path in folders} == {"0o700"}


def test_a_run_that_is_told_to_end_takes_its_files_away(world: World, home: Home) -> None:
    """SIGTERM, as systemd sends it, in the middle of a validation."""
    slow = Pebble(world, 14230, env={"PEBBLE_VA_NOSLEEP": "0", "PEBBLE_VA_SLEEPTIME": "60"})
    home.set(authority=slow.url, preflight=False)
    command = [sys.executable, "-m", "podhost", "cert", "run", "--config", str(home.config)]
    process = world.start(command, "ended")
    folder = home.webroot / ".well-known/acme-challenge"
    until(
        lambda: folder.is_dir() and len([each for each in folder.iterdir() if each.name[0] != "."]) == 2,
        "the challenges",
    )
    process.terminate()
    assert process.wait(20) == 1
    assert list(folder.iterdir()) == []
