"""units/podhost-certificates, the script that sees to it that each certificate has something in its place."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.units.conftest import HostRoot

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is missing: tests/units/setup installs it")


@pytest.fixture
def folder(root: HostRoot) -> Path:
    """The certificates of a service whose one certificate is for three names; everything belongs to who runs the test."""
    owner = f"{root.path.stat().st_uid}:{root.path.stat().st_gid}"
    root.write("etc/podhost/example.certificates", f"web {owner} example.org www.example.org *.apps.example.org\n")
    result = root.run("podhost-certificates", "example")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    return root.path / "var/srv/containers/example/certificates/web"


def certificate(folder: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / "fullchain.pem").read_bytes())


def test_a_placeholder_is_for_all_names(folder: Path) -> None:
    found = certificate(folder / "current")
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["example.org", "www.example.org", "*.apps.example.org"]
    constraints = found.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca) == (True, False)
    assert found.issuer == found.subject


def test_its_key_fits_and_is_private(folder: Path) -> None:
    key = serialization.load_pem_private_key((folder / "current/privkey.pem").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.public_key() == certificate(folder / "current").public_key()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder / "current").resolve().iterdir()}
    assert modes == {"privkey.pem": 0o600, "fullchain.pem": 0o644}


def test_current_is_a_link_that_works_in_the_container_too(folder: Path) -> None:
    assert (folder / "current").is_symlink()
    assert str((folder / "current").readlink()) == "placeholder"


def test_the_next_boot_keeps_it(folder: Path, root: HostRoot) -> None:
    before = (folder / "current/fullchain.pem").read_bytes()
    assert root.run("podhost-certificates", "example").returncode == 0
    assert (folder / "current/fullchain.pem").read_bytes() == before


def test_a_real_certificate_stays(folder: Path, root: HostRoot) -> None:
    (folder / "real").mkdir()
    (folder / "real/fullchain.pem").write_text("real")
    (folder / "current").unlink()
    (folder / "current").symlink_to("real")
    assert root.run("podhost-certificates", "example").returncode == 0
    assert (folder / "current/fullchain.pem").read_text() == "real"


@pytest.mark.parametrize("leftover", ["placeholder", ".placeholder"])
def test_one_that_was_cut_short_is_made_again(folder: Path, root: HostRoot, leftover: str) -> None:
    shutil.rmtree(folder)
    (folder / leftover).mkdir(parents=True)
    (folder / leftover / "privkey.pem").write_text("half")
    assert root.run("podhost-certificates", "example").returncode == 0
    assert certificate(folder / "current")
    assert {path.name for path in folder.iterdir()} == {"current", "placeholder"}


def test_a_failing_openssl_fails_the_unit(root: HostRoot) -> None:
    root.write("etc/podhost/example.certificates", "web 0:0 example.org\n")
    root.write("bin/openssl", "#!/bin/sh\nexit 1\n").chmod(0o755)
    assert root.run("podhost-certificates", "example").returncode != 0
    assert not (root.path / "var/srv/containers/example/certificates/web/current").exists()
