"""Several stacks on one host: the edge that podhost adds by itself, and what two stacks cannot both have."""

from __future__ import annotations

from pathlib import Path

import pytest

from podhost.build import Builder, Built
from podhost.library import Library
from podhost.resolve.ports import address
from tests import nginx
from tests.support import Podhost, add_stack, build, contents, make_library

STACK = """\
stack: NAME
summary: Example
parameters:
  domain: {type: hostname, summary: Where it is, default: NAME.example.org}
  mail_port: {type: port, summary: For mail, default: "PORT"}
certificates:
  web: {names: ["{{ domain }}", "www.{{ domain }}"]}
pods:
  NAME: {publish: ["443:8443", "443:8443/udp", "{{ mail_port }}:2525"]}
containers:
  web:
    image: docker.io/library/nginx:1.30
    pod: NAME
    user: 101:101
    certificates: [web]
    files: {/etc/web.conf: web.conf}
  http:
    when: "{{ not edge }}"
    image: docker.io/library/nginx:1.30
    publish: ["80:8080"]
    webroot: /srv/webroot
"""
PLAIN = """\
stack: plain
summary: Serves nobody
containers:
  plain: {image: "docker.io/library/redis:8", publish: ["127.0.0.1:6379:6379"]}
"""
WEB = "listen 8443{% if edge %} proxy_protocol{% endif %};\n"
NGINX = "/var/srv/containers/edge/config/nginx.conf"


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A library of the stacks one, two and three, which publish 443 and 80, and plain, which does not."""
    root = tmp_path / "library"
    make_library(root, STACK.replace("NAME", "example").replace("PORT", "25"), **{"web.conf": WEB})
    for port, name in enumerate(("one", "two", "three"), 2001):
        stack = STACK.replace("NAME", name).replace("PORT", str(port)).replace(', "443:8443/udp"', "")
        add_stack(root, name, stack, **{"web.conf": WEB})
    add_stack(root, "plain", PLAIN)
    return root


def host(library: Path, *stacks: str, head: str = "") -> Built:
    file = library.parent / "host.yaml"
    file.write_text(f"{head}stacks:\n" + "".join(f"  {stack}\n" for stack in stacks))
    return build(Builder(Library(library)), file)


def ports(files: dict[str, str], unit: str) -> list[str]:
    lines = files[f"/etc/containers/systemd/{unit}"].splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith("PublishPort=")]


def test_one_stack_has_the_ports_to_itself(library: Path) -> None:
    files = contents(host(library, "one:", "plain:"))
    assert ports(files, "one.pod") == ["443:8443", "2001:2525"]
    assert ports(files, "one-http.container") == ["80:8080"]
    assert files["/var/srv/containers/one/config/web.conf"] == "listen 8443;\n"
    assert not any("edge" in path for path in files)


def test_several_are_published_for_the_edge_alone(library: Path) -> None:
    files = contents(host(library, "one:", "two:", "plain:"))
    assert ports(files, "one.pod") == [f"{address('one')}:8443:8443", "2001:2525"]
    assert ports(files, "two.pod") == [f"{address('two')}:8443:8443", "2002:2525"]
    assert ports(files, "plain.container") == ["127.0.0.1:6379:6379"]
    assert "/etc/containers/systemd/one-http.container" not in files
    assert files["/var/srv/containers/one/config/web.conf"] == "listen 8443 proxy_protocol;\n"


def test_addresses_are_loopback_and_stay_away_from_what_others_use() -> None:
    assert [address(name) for name in ("matrix", "site")] == ["127.115.65.240", "127.131.9.85"]
    for number in range(2000):
        first, second, _, last = map(int, address(f"stack{number}").split("."))
        assert (first, 64 <= second < 192, 1 <= last <= 254) == (127, True, True)


def test_the_edge_hands_on_the_names_of_the_stacks_certificates(library: Path) -> None:
    files = contents(host(library, "one:", "two: {domain: example.net}"))
    stream, http = (block[-1] for block in nginx.parse(files[NGINX]) if block[0] in ("stream", "http"))
    (names,) = (directive[-1] for directive in stream if directive[0] == "map")
    one, two = (f"{address(name)}:8443" for name in ("one", "two"))
    assert names == [
        ["hostnames"],
        ["default", "unix:/tmp/refuse.sock"],
        ["one.example.org", one],
        ["www.one.example.org", one],
        ["example.net", two],
        ["www.example.net", two],
    ]
    servers = [directive[-1] for directive in http if directive[0] == "server"]
    (led,) = ([each[1:] for each in server if each[0] == "server_name"] for server in servers[2:])
    assert led == [["one.example.org", "www.one.example.org", "example.net", "www.example.net"]]


def test_the_edge_is_in_the_hosts_network_and_has_one_privilege(library: Path) -> None:
    files = contents(host(library, "one:", "two:"))
    unit = files["/etc/containers/systemd/edge.container"].splitlines()
    assert {"Network=host", "User=101", "DropCapability=all", "AddCapability=NET_BIND_SERVICE"} <= set(unit)
    assert "Image=docker.io/library/nginx:1.30\n" in files["/etc/containers/systemd/edge.image"]
    assert not [line for line in unit if line.startswith("PublishPort=")]
    assert "Volume=/var/srv/containers/certificates/webroot:/srv/webroot:ro,z" in unit


def test_the_host_file_may_name_its_image(library: Path) -> None:
    files = contents(host(library, "one:", "two:", head="edge: {image: quay.io/mine/nginx:2}\n"))
    assert "Image=quay.io/mine/nginx:2" in files["/etc/containers/systemd/edge.image"]


def test_challenges_are_answered_once_the_edge_is_there(library: Path) -> None:
    unit = contents(host(library, "one:", "two:"))["/etc/containers/systemd/certificates.container"]
    assert "After=network-online.target edge.service\n" in unit


def test_one_more_stack_changes_nothing_of_the_others(library: Path) -> None:
    before, after = contents(host(library, "one:", "two:")), contents(host(library, "one:", "three:", "two:"))
    changed = {path for path in before if before[path] != after[path]}
    assert changed == {  # what podhost has added by itself for all of them
        NGINX,
        "/etc/containers/systemd/certificates.container",
        "/var/srv/containers/certificates/config/certificates.yaml",
    }
    assert [path for path in after.keys() - before.keys() if "three" not in path] == []


REFUSED = {
    "a name": (
        "  one: {domain: example.org}\n  two:\n    domain: www.example.org\n",
        "host.yaml:2:17: error: the name 'www.example.org' is claimed by 'two' too\n",
        "host.yaml:4:13: error: the name 'www.example.org' is claimed by 'one' too\n",
        "hint: give each stack names of its own\n",
    ),
    "a name of which one is a default": (
        "  one:\n  two: {domain: one.example.org}\n",
        "host.yaml:2:3: error: the name 'one.example.org' is claimed by 'two' too\n",
        "host.yaml:3:17: error: the name 'one.example.org' is claimed by 'one' too\n",
        "hint: give each stack names of its own\n",
    ),
    "a port": (
        "  one: {mail_port: 25}\n  two:\n    mail_port: 25\n",
        "host.yaml:2:20: error: port 25/tcp is claimed by 'two' too\n",
        "host.yaml:4:16: error: port 25/tcp is claimed by 'one' too\n",
        "hint: publish one of them at another port of the host\n",
    ),
    "a unit": (
        "  odd:\n  odd-one:\n",
        "stacks/odd/stack.yaml:6:3: error: the unit 'odd-one-more.service' is claimed by 'odd-one' too\n",
        "stacks/odd-one/stack.yaml:6:3: error: the unit 'odd-one-more.service' is claimed by 'odd' too\n",
        "hint: names on a host are STACK-NAME: rename one of the two\n",
    ),
    "a folder": (
        "  odd:\n  odd-one:\n",
        "stacks/odd/stack.yaml:6:71: error: the folder '/var/srv/data' is claimed by 'odd-one' too\n",
        "stacks/odd-one/stack.yaml:6:67: error: the folder '/var/srv/data' is claimed by 'odd' too\n",
        "hint: mount it with z, which is for several\n",
    ),
    "port 80, which the edge has": (
        "  one:\n  plain-http:\n",
        "stacks/plain-http/stack.yaml:4:65: error: port 80 of a host with several stacks is the edge's, which answers challenges and leads to HTTPS\n",
        'hint: leave out what answers there on such a host, with when: "{{ not edge }}"\n',
    ),
    "names that nobody knows": (
        "  one:\n  nameless:\n",
        "stacks/nameless/stack.yaml:4:63: error: the stack 'nameless' has no certificate that says which names are its own\n",
        "hint: a host with several stacks tells them apart by the names in their certificates\n",
    ),
}
ODD = """\
stack: NAME
summary: Odd
volumes:
  MORE: {lasting: false}
containers:
  MORE: {image: "docker.io/library/redis:8", user: 1:1, volumes: ["/var/srv/data:/data:Z"]}
"""
BARE = """\
stack: NAME
summary: Without a certificate
containers:
  NAME: {image: "docker.io/library/nginx:1.30", publish: ["PORT:8080"]}
"""


@pytest.mark.parametrize("what", REFUSED)
def test_what_two_stacks_claim_is_an_error_at_both(what: str, library: Path, podhost: Podhost) -> None:
    stacks, *expected = REFUSED[what]
    for name, part in (("odd", "one-more"), ("odd-one", "more")):
        add_stack(library, name, ODD.replace("NAME", name).replace("MORE", part))
    for name, port in (("plain-http", "80"), ("nameless", "443")):
        add_stack(library, name, BARE.replace("NAME", name).replace("PORT", port))
    file = library.parent / "host.yaml"
    file.write_text(f"stacks:\n{stacks}")
    podhost.use(library)
    result = podhost("render", file)
    report = result.stderr.replace(f"{library}/", "").replace(f"{library.parent}/", "")
    for text in expected:
        assert text in report
    assert result.status == 1
