"""How a host gets its certificates: the service that podhost adds by itself, and the pairs that the administrator brings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from podhost.build import Builder, Built
from podhost.tree import tree
from tests.support import REPOSITORY, build, contents, make_library

STACK = """\
stack: example
summary: Example
certificates:
  other: {names: [other.example.org], when: "false"}
  web: {names: [example.org, www.example.org]}
  mail: {names: [mail.example.org]}
containers:
  web:
    image: docker.io/library/nginx:1.30
    user: 101:101
    certificates: [web, mail]
    reload: SIGHUP
  http:
    image: docker.io/library/nginx:1.30
    publish: ["80:80"]
    webroot: /srv/webroot
"""
JOB = "/var/srv/containers/certificates/config/certificates.yaml"
CERTIFICATES = {
    "example-web": {"names": ["example.org", "www.example.org"]},
    "example-mail": {"names": ["mail.example.org"]},
}
UNIT = "/etc/containers/systemd/certificates.container"


def host(folder: Path, certificates: str = "", **files: str) -> Built:
    """The host with this section `certificates`, and these files beside its host file."""
    library = make_library(folder / "library", STACK)
    for name, text in files.items():
        (folder / name).write_text(text)
    section = f"certificates: {certificates}\n" if certificates else ""
    (folder / "host.yaml").write_text(f"{section}stacks:\n  example:\n")
    return build(Builder(library), folder / "host.yaml")


def job(built: Built) -> dict[str, Any]:
    """What `podhost cert` is told on the host."""
    found: dict[str, Any] = yaml.safe_load(contents(built)[JOB])
    return found


def values(text: str, key: str) -> list[str]:
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{key}=")]


def test_without_a_word_lets_encrypt_is_asked_for_all_of_them(tmp_path: Path) -> None:
    assert job(host(tmp_path)) == {
        "store": "/store",
        "webroot": "/webroot",
        "certificates": CERTIFICATES,
    }


def test_the_job_has_no_more_than_it_needs(tmp_path: Path) -> None:
    unit = contents(host(tmp_path))[UNIT]
    assert values(unit, "Type") == ["oneshot"]
    assert (values(unit, "User"), values(unit, "DropCapability"), values(unit, "ReadOnly")) == (
        ["10001"],
        ["all"],
        ["true"],
    )
    assert values(unit, "Volume") == [
        "/var/srv/containers/certificates/store:/store:Z",
        "/var/srv/containers/certificates/webroot:/webroot:z",
        f"{JOB}:/config/certificates.yaml:ro,Z",
    ]
    assert values(unit, "WantedBy") == []  # no boot waits for it
    assert values(unit, "After") == ["network-online.target example-http.service"]


def test_it_runs_twice_a_day_at_a_time_of_its_own(tmp_path: Path) -> None:
    timer = contents(host(tmp_path))["/etc/systemd/system/certificates.timer"]
    assert values(timer, "OnCalendar") == ["*-*-* 00,12:00:00"]
    assert values(timer, "RandomizedDelaySec") == [str(11 * 3600)]
    assert values(timer, "Persistent") == ["true"]


def test_who_presents_a_certificate_reads_it_anew(tmp_path: Path) -> None:
    files = contents(host(tmp_path))
    assert files["/etc/podhost/example.certificates"].splitlines() == [
        "web 101:101 example-web example.org www.example.org",
        "mail 101:101 example-web mail.example.org",
    ]
    reload = values(files["/etc/containers/systemd/example-web.container"], "ExecReload")
    assert reload == ["/usr/bin/podman kill --signal SIGHUP example-web"]
    path = files["/etc/systemd/system/example-certificates.path"]
    assert values(path, "PathChanged") == ["/var/srv/containers/certificates/store/changed"]


def test_the_web_server_sees_the_answers_to_challenges(tmp_path: Path) -> None:
    web = contents(host(tmp_path))["/etc/containers/systemd/example-http.container"]
    assert values(web, "Volume") == ["/var/srv/containers/certificates/webroot:/srv/webroot:ro,z"]


def test_files_and_secrets_of_the_administrator_reach_the_job(tmp_path: Path) -> None:
    built = host(
        tmp_path,
        "{authority: 'https://ca.example.org/directory', ca_bundle: ca.pem, email: admin@example.org, profile: shortlived, "
        "external_account: {key_id: one, key: eab}, challenge: dns-01, "
        "dns: {server: ns.example.org, key_name: update, key: tsig}}",
        **{"ca.pem": "-----CERTIFICATE-----\n", "eab": "c2VjcmV0\n", "tsig": "dHNpZw==\n"},
    )
    assert job(built) == {
        "authority": "https://ca.example.org/directory",
        "email": "admin@example.org",
        "ca_bundle": "/config/ca.pem",
        "profile": "shortlived",
        "external_account": {"key_id": "one", "key": "/run/secrets/external_account_key"},
        "challenge": "dns-01",
        "dns": {"server": "ns.example.org", "key_name": "update", "key": "/run/secrets/dns_key"},
        "store": "/store",
        "webroot": "/webroot",
        "certificates": CERTIFICATES,
    }
    files = contents(built)
    assert files["/var/srv/containers/certificates/config/ca.pem"].strip() == "-----CERTIFICATE-----"
    assert files["/etc/podhost/certificates.secrets"] == "external_account_key\tgiven:\ndns_key\tgiven:\n"
    assert {each.path: (each.content, each.mode) for each in built.files.secrets} == {
        "/etc/podhost/secrets/certificates/external_account_key": ("c2VjcmV0", 0o600),
        "/etc/podhost/secrets/certificates/dns_key": ("dHNpZw==", 0o600),
    }
    assert [value.split(",")[0] for value in values(files[UNIT], "Secret")] == [
        "certificates-external_account_key",
        "certificates-dns_key",
    ]


def test_a_hook_is_a_program_of_the_job(tmp_path: Path) -> None:
    built = host(tmp_path, "{challenge: dns-01, dns: {hook: hook}}", hook="#!/bin/sh\n")
    assert job(built)["dns"] == {"hook": "/config/hook"}
    assert tree(built.config, built.plan)[1]["paths"]["/var/srv/containers/certificates/config/hook"]["mode"] == "0755"


def test_a_pair_that_is_brought_is_ordered_by_nobody(tmp_path: Path) -> None:
    built = host(
        tmp_path,
        "{own: {example: {web: {certificate: web.pem, key: web.key}}}}",
        **{"web.pem": "chain\n", "web.key": "key\n"},
    )
    assert list(job(built)["certificates"]) == ["example-mail"]
    files = contents(built)
    assert files["/etc/podhost/certificates/example/web/fullchain.pem"] == "chain\n"
    assert {each.path: each.mode for each in built.files.secrets} == {
        "/etc/podhost/certificates/example/web/privkey.pem": 0o600
    }


@pytest.mark.parametrize(
    "path", [UNIT, "/etc/systemd/system/certificates.timer", "/etc/systemd/system/example-certificates.path"]
)
def test_with_all_pairs_brought_there_is_no_job(tmp_path: Path, path: str) -> None:
    own = "{web: {certificate: c, key: k}, mail: {certificate: c, key: k}}"
    files = contents(host(tmp_path, f"{{own: {{example: {own}}}}}", c="chain", k="key"))
    assert path not in files
    assert values(files["/etc/containers/systemd/example-http.container"], "Volume") == []


BLOCKS = re.findall(
    r"```yaml\n(.*?)```", (REPOSITORY / "docs/certificates.md").read_text().split("## The program")[0], re.DOTALL
)


@pytest.mark.parametrize("block", BLOCKS)
def test_what_the_document_shows_is_a_host(block: str, tmp_path: Path, builder: Builder) -> None:
    for name in ("ca.pem", "eab.key", "tsig.key", "chain.pem", "private.pem"):
        (tmp_path / name).write_text("x\n")
    stacks = "" if "stacks:" in block else "stacks:\n  matrix: {domain: example.org, email: admin@example.org}\n"
    (tmp_path / "host.yaml").write_text(block + stacks)
    assert build(builder, tmp_path / "host.yaml")


def test_the_document_shows_them() -> None:
    assert len(BLOCKS) == 6
