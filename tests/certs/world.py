"""A small internet of this test run's own: a network namespace in which ports 53 and 80 are free, with real servers in it.

- Pebble, an ACME server, and pebble-challtestsrv, its name server, at 127.0.0.1:53: every name leads to 127.0.0.1 unless told otherwise.
- BIND at 127.0.0.2:53, for the zone `dyn.test`, which takes updates signed with a key.
- a web server for each webroot, at port 80 of 127.0.0.1 and ::1.

/etc/resolv.conf is that of this internet, so whoever runs in it resolves names as any host does: through DNS.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.processes import start, stop
from tests.support import REPOSITORY

BIN = REPOSITORY / "tests/.cache/bin"
PATIENCE = 30
MAC_KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


def missing() -> str:
    """What is missing for a world; '' when there is all."""
    if os.geteuid() != 0:
        return "a network namespace needs root"
    programs = [str(BIN / "pebble"), str(BIN / "pebble-challtestsrv"), "named", "tsig-keygen", "dig"]
    programs += ["curl", "ip", "openssl", "strace", "unshare"]
    absent = [each for each in programs if shutil.which(each) is None]
    return f"not installed: {', '.join(absent)}; tests/certs/setup does it" if absent else ""


def until(good: Callable[[], Any], what: str) -> Any:
    """Ask until the answer is true."""
    end = time.monotonic() + PATIENCE
    while not (answer := good()):
        assert time.monotonic() < end, f"{what} took too long"
        time.sleep(0.02)
    return answer


class World:
    """The namespace, and what runs in it; everything in it ends with the process that holds it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "world.log"
        resolv = folder / "resolv.conf"
        resolv.write_text("nameserver 127.0.0.1\noptions timeout:2 attempts:2\n")
        ready = folder / "ready"
        script = (
            "ip link set lo up && ip address add 127.0.0.2/32 dev lo && ip address add fd00::2/128 dev lo nodad && mount --bind $1 /etc/resolv.conf && "
            "mount -t tmpfs none /run && echo ok > $2.new && mv $2.new $2 && exec sleep infinity"
        )
        command = ["unshare", "--net", "--mount", "--propagation", "private"]
        self.holder = start([*command, "sh", "-c", script, "sh", str(resolv), str(ready)], self.log)
        self.processes = [self.holder]
        until(ready.exists, "the namespace")
        self.prefix = ["nsenter", "-t", str(self.holder.pid), "-n", "-m"]
        self.root = folder / "tls"
        self._make_tls()

    def start(self, command: list[str], name: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a server in the namespace."""
        process = start([*self.prefix, *command], self.folder / f"{name}.log", env={**os.environ, **(env or {})})
        self.processes.append(process)
        return process

    def run(self, *command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a program in the namespace, to its end."""
        words = [*self.prefix, *map(str, command)]
        return subprocess.run(words, capture_output=True, text=True, timeout=300, check=False, **options)

    def close(self) -> None:
        """End everything."""
        for process in reversed(self.processes):
            stop(process)

    def connects(self, address: str, port: int) -> bool:
        """Whether something listens there."""
        code = f"import socket; socket.create_connection(({address!r}, {port}), 1).close()"
        return self.run(sys.executable, "-S", "-c", code).returncode == 0

    def post(self, port: int, path: str, body: object, tls: bool = False) -> str:
        """Tell a server of the world something."""
        url = f"http{'s' if tls else ''}://127.0.0.1:{port}{path}"
        result = self.run("curl", "-sSfk", "-d", json.dumps(body), url)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def get(self, url: str) -> str:
        """Fetch a page."""
        result = self.run("curl", "-sSfk", url)
        assert result.returncode == 0, result.stderr
        return result.stdout

    # -- servers

    def _make_tls(self) -> None:
        """A root and a server certificate for the ACME servers, as an administrator with openssl would make them."""
        self.root.mkdir()

        def openssl(*words: str) -> None:
            subprocess.run(["openssl", *words], cwd=self.root, check=True, capture_output=True)

        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=test", "-days", "30")
        openssl("req", *key, "-keyout", "acme.key", "-out", "acme.csr", "-subj", "/CN=acme.test")
        (self.root / "ext").write_text("subjectAltName=DNS:acme.test,IP:127.0.0.1\n")
        signing = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-extfile", "ext")
        openssl("x509", "-req", "-in", "acme.csr", "-out", "acme.crt", *signing)

    def names(self) -> None:
        """Start the name server of all names."""
        servers = ["-dnsserver", "127.0.0.1:53", "-http01", "", "-https01", "", "-tlsalpn01", ""]
        command = [str(BIN / "pebble-challtestsrv"), "-management", "127.0.0.1:8055", "-defaultIPv6", "::1", *servers]
        self.start(command, "challtestsrv")
        until(lambda: self.connects("127.0.0.1", 8055) and self.connects("127.0.0.1", 53), "the name server")

    def bind(self) -> str:
        """Start BIND for the zone dyn.test; give the secret of the key that may update it."""
        folder = self.folder / "bind"
        folder.mkdir()
        key = subprocess.run(
            ["tsig-keygen", "-a", "hmac-sha256", "podhost"], capture_output=True, text=True, check=True
        )
        (folder / "dyn.zone").write_text(
            "$TTL 60\n@ SOA ns.dyn.test. admin.dyn.test. 1 60 60 3600 60\n@ NS ns.dyn.test.\nns A 127.0.0.2\n"
            "@ A 127.0.0.1\n"
        )
        (folder / "named.conf").write_text(
            f'{key.stdout}\noptions {{ directory "{folder}"; listen-on {{ 127.0.0.2; }}; listen-on-v6 {{ fd00::2; }};'
            f" pid-file none; session-keyfile none; recursion no; dnssec-validation no; }};\ncontrols {{ }};\n"
            f'zone "dyn.test" {{ type primary; file "{folder}/dyn.zone"; allow-update {{ key podhost; }}; }};\n'
        )
        self.start(["named", "-g", "-c", str(folder / "named.conf")], "bind")
        until(lambda: self.connects("127.0.0.2", 53), "BIND")
        self.post(8055, "/add-a", {"host": "ns.dyn.test", "addresses": ["127.0.0.2"]})
        self.post(8055, "/add-aaaa", {"host": "ns.dyn.test", "addresses": ["fd00::2"]})
        return key.stdout.split('secret "')[1].split('"')[0]

    @contextmanager
    def web(self, webroot: Path) -> Iterator[None]:
        """Serve a folder at port 80."""
        process = self.start([sys.executable, "-S", str(Path(__file__).with_name("web.py")), str(webroot)], "web")
        try:
            until(lambda: self.connects("127.0.0.1", 80), "the web server")
            yield
        finally:
            stop(process)


class Pebble:
    """An ACME server in the world: always in strict mode."""

    def __init__(
        self, world: World, port: int, dns: str = "127.0.0.1:53", env: dict[str, str] | None = None, **settings: Any
    ) -> None:
        self.world = world
        self.port = port
        self.management = port + 1000
        self.url = f"https://127.0.0.1:{port}/dir"
        self.env = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0", **(env or {})}
        config = {
            "listenAddress": f"127.0.0.1:{port}",
            "managementListenAddress": f"127.0.0.1:{self.management}",
            "certificate": str(world.root / "acme.crt"),
            "privateKey": str(world.root / "acme.key"),
            "httpPort": 80,
            "tlsPort": 443,
            "keyAlgorithm": "ecdsa",
            "retryAfter": {"authz": 1, "order": 1},
            "domainBlocklist": ["blocked.test"],
            "profiles": {
                "default": {"description": "90 days", "validityPeriod": 90 * 86400},
                "shortlived": {"description": "6 days", "validityPeriod": 6 * 86400},
            },
            **settings,
        }
        path = world.folder / f"pebble-{port}.json"
        path.write_text(json.dumps({"pebble": config}))
        self.name = f"pebble-{port}"
        self.command = [str(BIN / "pebble"), "-config", str(path), "-strict", "-dnsserver", dns]
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.process = self.world.start(self.command, self.name, self.env)
        until(
            lambda: self.world.connects("127.0.0.1", self.management) and self.world.connects("127.0.0.1", self.port),
            "Pebble",
        )

    def stop(self) -> None:
        """End it."""
        stop(self.process)

    @functools.cached_property
    def root(self) -> str:
        """The root that its certificates lead to, as PEM."""
        return self.world.get(f"https://127.0.0.1:{self.management}/roots/0")

    def log(self) -> str:
        """What it said so far."""
        return (self.world.folder / f"{self.name}.log").read_text()

    def orders(self) -> int:
        """How many orders it was asked for and took."""
        return self.log().count("Added order ")

    def renew_in(self, pem: bytes, start: float, end: float) -> None:
        """Let it want a certificate renewed between two moments, in seconds from now."""
        window = {
            key: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + at))
            for key, at in (("start", start), ("end", end))
        }
        leaf = pem.decode().partition("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
        body = {"Certificate": leaf, "ARIResponse": json.dumps({"suggestedWindow": window})}
        self.world.post(self.management, "/set-renewal-info/", body, tls=True)


class Home:
    """A host's folders: config, store, webroot; and `podhost cert`, run there."""

    def __init__(self, folder: Path, world: World, **settings: Any) -> None:
        self.folder = folder
        self.world = world
        self.store = folder / "store"
        self.webroot = folder / "webroot"
        self.webroot.mkdir(exist_ok=True)
        self.config = folder / "certs.yaml"
        self.settings: dict[str, Any] = {
            "store": "store",
            "webroot": "webroot",
            "ca_bundle": str(world.root / "ca.crt"),
        }
        self.set(**settings)

    def set(self, **settings: Any) -> None:
        """Change the config; None removes a key."""
        self.settings = {key: value for key, value in {**self.settings, **settings}.items() if value is not None}
        self.config.write_text(yaml.safe_dump(self.settings, sort_keys=False))

    def podhost(self, *verb: str, later: int = 0, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """`podhost cert VERB`, with a clock that is `later` by so many seconds."""
        command = [
            sys.executable,
            "-m",
            "tests.certs.shifted",
            str(later),
            "cert",
            verb[0],
            "--config",
            str(self.config),
            *verb[1:],
        ]
        return self.world.run(*prefix, *command, cwd=REPOSITORY)

    def resolving_at(self, address: str) -> tuple[str, ...]:
        """The words before a command that let it resolve names at another name server."""
        path = self.folder / "resolv.conf"
        path.write_text(f"nameserver {address}\noptions timeout:1 attempts:1\n")
        script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        return ("unshare", "--mount", "--propagation", "private", "sh", "-c", script, str(path))

    def run(self, *verb: str, later: int = 0) -> str:
        """`podhost cert run`, which must do well; give what it said."""
        result = self.podhost(*(verb or ("run",)), later=later)
        assert result.returncode == 0, result.stderr
        return result.stderr

    def fails(self, *verb: str, later: int = 0, prefix: tuple[str, ...] = ()) -> str:
        """`podhost cert run`, which must fail; give the one line that says why."""
        result = self.podhost(*(verb or ("run",)), later=later, prefix=prefix)
        assert result.returncode == 1, result.stderr
        assert "Traceback" not in result.stderr
        lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, result.stderr
        return lines[0]

    def current(self, name: str = "web") -> Path:
        """The folder of the pair that is current."""
        return (self.store / "certificates" / name / "current").resolve()

    def chain(self, name: str = "web") -> bytes:
        """The current certificate with its chain."""
        return (self.current(name) / "fullchain.pem").read_bytes()

    def state(self) -> Any:
        """What is remembered."""
        return json.loads((self.store / "state.json").read_text())

    def verified(self, root: str, host: str, name: str = "web") -> None:
        """See with OpenSSL, as a client would, that the current pair is good for a host."""
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(self.current(name) / "fullchain.pem", self.current(name) / "privkey.pem")
        client = ssl.create_default_context(cadata=root)
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        sides = [server.wrap_bio(to_server, to_client, True), client.wrap_bio(to_client, to_server, False, host)]
        for _ in range(4):
            for side in reversed(sides):
                try:
                    side.do_handshake()
                except ssl.SSLWantReadError:
                    continue
        assert sides[1].version()
        assert sides[1].getpeercert()


@pytest.fixture(scope="session")
def tsig(world: World) -> str:
    """The secret of the key that may update BIND, which is started for it."""
    return world.bind()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One world for all tests: each has folders and names of its own in it."""
    if reason := missing():
        pytest.skip(reason)
    made = World(tmp_path_factory.mktemp("world"))
    made.names()
    yield made
    made.close()
