"""Certificates that somebody brings, made by openssl as people make them."""

from __future__ import annotations

import datetime
import subprocess
from pathlib import Path

import pytest
from cryptography import x509

from podhost.certs import pair
from podhost.problems import Report, Source
from tests.support import MARK

DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.UTC) + DAY  # what openssl makes in these tests is valid by then
NAMES = ("example.test", "chat.example.test")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root, an intermediate, a server's certificate for example.test and *.example.test, and another pair."""
    folder = tmp_path_factory.mktemp("pair")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    def sign(name: str, by: str, extension: str) -> None:
        (folder / "ext").write_text(extension)
        openssl("req", *new, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        signing = ("-CA", f"{by}.crt", "-CAkey", f"{by}.key", "-CAcreateserial", "-days", "60", "-extfile", "ext")
        openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.crt", *signing)

    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *new, "-keyout", "root.key", "-out", "root.crt", "-subj", "/CN=root", "-days", "90")
    sign("middle", "root", "basicConstraints=critical,CA:true\n")
    sign("server", "middle", "subjectAltName=DNS:example.test,DNS:*.example.test\n")
    sign("nameless", "middle", "basicConstraints=critical,CA:false\n")
    openssl("pkey", "-in", "server.key", "-aes256", "-passout", "pass:secret", "-out", "locked.key")
    openssl("genrsa", "-out", "weak.key", "1024")
    openssl("x509", "-in", "server.crt", "-outform", "der", "-out", "server.der")
    return folder


def problems(
    made: Path, chain: str, key: str, names: tuple[str, ...] = NAMES, now: datetime.datetime = NOW
) -> list[str]:
    """What is wrong with the certificates of a chain, in that order, and a key."""
    text = "".join((made / f"{each}.crt").read_text() for each in chain.split())
    secret = (made / key).read_text()
    report = Report()
    pair.check(Source("web.crt", text), Source("web.key", secret, secret=True), names, now, MARK, report)
    lines = [f"{each.severity.value}: {each.message} ({each.hint})" for each in report.problems]
    body = secret.splitlines()[1]
    assert all(body not in line for line in lines)
    return lines


def test_a_good_pair(made: Path) -> None:
    assert problems(made, "server middle", "server.key") == []
    assert problems(made, "server middle root", "server.key") == []


def test_another_key(made: Path) -> None:
    assert problems(made, "server middle", "middle.key") == [
        "error: the key in 'web.key' is not that of the certificate in 'web.crt' "
        "(give the two that were made together, with the server's own certificate first in its file)"
    ]


def test_a_chain_out_of_order(made: Path) -> None:
    (first, *_) = problems(made, "server root middle", "server.key")
    assert first == (
        "error: the chain in 'web.crt' is broken: after 'CN=server' comes 'CN=root', which did not issue it "
        "(the server's own certificate comes first, and then each one's issuer)"
    )


def test_an_issuer_that_only_has_the_name(made: Path, tmp_path: Path) -> None:
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "/dev/null",
        "-subj",
        "/CN=middle",
    ]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    (made / "forged.crt").write_text(text)
    (first, *_) = problems(made, "server forged", "server.key")
    assert first.startswith("error: in 'web.crt', 'CN=server' is not signed by 'CN=middle'")


def test_a_chain_that_is_not_there(made: Path) -> None:
    assert problems(made, "server", "server.key") == [
        "warning: 'web.crt' holds no issuer's certificate (if 'CN=middle' is not a root that clients know, append the chain)"
    ]


@pytest.mark.parametrize("name", ["other.test", "a.b.example.test", "xexample.test"])
def test_names_that_are_not_covered(made: Path, name: str) -> None:
    assert problems(made, "server middle", "server.key", ("example.test", name)) == [
        f"error: the certificate in 'web.crt' is not for {name} (it is for example.test, *.example.test)"
    ]


def test_a_common_name_is_no_name(made: Path) -> None:
    assert problems(made, "nameless middle", "nameless.key", ("nameless",)) == [
        "error: the certificate in 'web.crt' is not for nameless (it names no hosts (subjectAltName))"
    ]


def test_dates(made: Path) -> None:
    leaf = x509.load_pem_x509_certificate((made / "server.crt").read_bytes())
    day = f"{leaf.not_valid_after_utc:%Y-%m-%d}"
    assert problems(made, "server middle", "server.key", now=NOW + 61 * DAY) == [
        f"error: the certificate in 'web.crt' expired on {day} (give a new one)",
        f"error: 'CN=middle' in 'web.crt' expired on {day} (give a new one)",
    ]
    assert [line.partition(" (")[0] for line in problems(made, "server middle", "server.key", now=NOW + 45 * DAY)] == [
        f"warning: the certificate in 'web.crt' expires on {day}",
        f"warning: 'CN=middle' in 'web.crt' expires on {day}",
    ]
    early = problems(made, "server middle", "server.key", now=NOW - 3 * DAY)
    assert (
        len([line for line in early if "is not valid before" in line and "is this machine's clock right?" in line]) == 2
    )


def test_what_is_no_certificate_and_no_key(made: Path) -> None:
    def messages(certificate: str, key: str) -> list[str]:
        report = Report()
        pair.check(Source("web.crt", certificate), Source("web.key", key, secret=True), NAMES, NOW, MARK, report)
        return [each.message for each in report.problems]

    good, key = ((made / f"server.{end}").read_text() for end in ("crt", "key"))
    chain = good + (made / "middle.crt").read_text()
    assert messages("", key) == ["'web.crt' holds no certificates in PEM"]
    assert messages((made / "server.der").read_bytes().decode("latin-1"), key) == [
        "'web.crt' holds no certificates in PEM"
    ]
    assert messages(key, key) == ["'web.crt' holds a private key"]
    assert messages(chain, good) == ["'web.key' holds no private key of a server"]
    assert messages(chain, (made / "locked.key").read_text()) == ["the key in 'web.key' is encrypted"]
    assert "the key in 'web.key' has 1024 bits" in messages(chain, (made / "weak.key").read_text())
