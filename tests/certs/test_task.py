"""The file that `podhost cert` reads, with its mistakes: all at once, each at its line, and no secret shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from podhost.spec.certificates import Dns, ExternalAccount, Job
from tests.support import REPOSITORY, Podhost

BASE = """\
store: store
webroot: .
certificates:
  web: {names: [example.org]}
"""


def report(podhost: Podhost, text: str) -> str:
    Path("certs.yaml").write_text(text)
    result = podhost("cert", "status", "--config", "certs.yaml")
    assert result.status == 1
    assert result.stdout == ""
    return result.stderr


def test_a_good_file(podhost: Podhost) -> None:
    Path("certs.yaml").write_text(BASE)
    result = podhost("cert", "status", "--config", "certs.yaml")
    assert (result.status, result.stderr) == (0, "")
    assert result.stdout == "web: example.org\n  there is none yet, it is to come from letsencrypt\n"


def test_all_mistakes_at_once(podhost: Podhost) -> None:
    text = """\
authority: letsencrpt
email: nobody
key: dsa
store: store
certificates:
  web: {names: ["*.example.org", a_b.org, localhost], challange: dns-01}
"""
    assert (
        report(podhost, text)
        == """\
certs.yaml:1:12: error: 'letsencrpt' is no authority known here
    1 | authority: letsencrpt
      |            ^~~~~~~~~~
  hint: did you mean 'letsencrypt'?
certs.yaml:2:8: error: 'nobody' is not an e-mail address
    2 | email: nobody
      |        ^~~~~~
  hint: write it as in admin@example.org
certs.yaml:3:6: error: 'dsa' is not one of the values known here
    3 | key: dsa
      |      ^~~
  hint: known: ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072, rsa-4096
certs.yaml:6:34: error: 'a_b.org' is not a host name
    6 |   web: {names: ["*.example.org", a_b.org, localhost], challange: dns-01}
      |                                  ^~~~~~~
  hint: labels hold letters, digits and '-', with dots between them; did you mean 'a-b.org'?
certs.yaml:6:43: error: 'localhost' has no domain
    6 |   web: {names: ["*.example.org", a_b.org, localhost], challange: dns-01}
      |                                           ^~~~~~~~~
  hint: write the whole name, as in chat.example.org
certs.yaml:6:55: error: unknown key 'challange'
    6 |   web: {names: ["*.example.org", a_b.org, localhost], challange: dns-01}
      |                                                       ^~~~~~~~~
  hint: did you mean 'challenge'?
"""
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("authority: zerossl\n", "1:1: error: zerossl needs an 'external_account'"),
        ("challenge: dns-01\n", "1:1: error: dns-01 needs to be told how to set records"),
        ("dns: {hook: h, server: s}\n", "1:7: error: there are both a 'hook' and a 'server'"),
        ("dns: {port: 53}\n", "1:1: error: 'dns' says neither 'server' nor 'hook'"),
        ("dns: {server: s, key: k}\n", "1:1: error: 'key_name' is missing"),
        ("dns: {hook: nothing}\n", "1:7: error: '{cwd}/nothing' is no program"),
        ("dns: {server: s, key: absent, key_name: n}\n", "1:18: error: there is no file '{cwd}/absent'"),
        ("dns: {server: s, key: secret, key_name: n}\n", "1:18: error: 'secret' holds no secret in base64"),
        ("external_account: {key_id: i, key: secret}\n", "1:31: error: 'secret' holds no key in base64url"),
        ("ca_bundle: secret\n", "1:1: error: '{cwd}/secret' holds no certificates"),
        ("authority: http://ca.test/dir\n", "1:12: error: 'http://ca.test/dir' is no address of an ACME directory"),
        ("dns: {server: s, port: 0, key: secret, key_name: n}\n", "1:24: error: '0' is not a port"),
        ("profile: two words\n", "1:10: error: 'two words' is not a single word"),
    ],
)
def test_a_mistake(podhost: Podhost, text: str, expected: str) -> None:
    Path("secret").write_text("hunter2 is no base64!\n")
    said = report(podhost, text + BASE)
    assert f"certs.yaml:{expected.format(cwd=Path.cwd())}\n" in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ('["*.example.org"]', "'*.example.org' cannot be shown over http-01 [tls/wildcard-over-http]"),
        ("[example.org, example.org]", "'example.org' is there twice"),
        ("[]", "'names' is empty"),
        (f"[{', '.join(f'a{number}.test' for number in range(101))}]", "101 names are too many for one certificate"),
        ("[http://example.org]", "'http://example.org' is not a host name"),
    ],
)
def test_names(podhost: Podhost, names: str, expected: str) -> None:
    assert f"error: {expected}\n" in report(podhost, BASE.replace("[example.org]", names))


def test_a_store_on_a_disk_that_is_not_there(podhost: Podhost) -> None:
    said = report(podhost, BASE.replace("store: store", "store: /nowhere/at/all"))
    assert "error: there is no folder '/nowhere/at'\n" in said
    assert "hint: is the data disk mounted?\n" in said


def test_a_webroot_that_is_not_given(podhost: Podhost) -> None:
    assert "error: http-01 needs a 'webroot'\n" in report(podhost, BASE.replace("webroot: .\n", ""))


def test_a_certificate_that_is_not_in_the_file(podhost: Podhost) -> None:
    Path("certs.yaml").write_text(BASE)
    result = podhost("cert", "issue", "--config", "certs.yaml", "wbe")
    assert (result.status, result.stderr) == (
        1,
        "error: there is no certificate 'wbe' in 'certs.yaml'\n  hint: did you mean 'web'?\n",
    )


def test_a_file_that_is_not_there(podhost: Podhost) -> None:
    result = podhost("cert", "run", "--config", "certs.yaml")
    assert (result.status, result.stderr) == (1, "error: there is no file 'certs.yaml'\n")


def test_the_file_in_the_document(podhost: Podhost) -> None:
    text = (REPOSITORY / "docs/certificates.md").read_text()
    Path("webroot").mkdir()
    Path("certs.yaml").write_text(text.split("### The file\n")[1].split("```yaml\n")[1].split("```")[0])
    result = podhost("cert", "status", "--config", "certs.yaml")
    assert (result.status, result.stderr) == (0, "")
    assert result.stdout.startswith("web: example.org, chat.example.org\n")


def test_the_document_has_every_key(podhost: Podhost) -> None:
    text = (REPOSITORY / "docs/certificates.md").read_text()
    keys = [key for model in (Job, Dns, ExternalAccount) for key in model.model_fields]
    assert [key for key in keys if f"`{key}`" not in text and f"\n{key}:" not in text] == []
