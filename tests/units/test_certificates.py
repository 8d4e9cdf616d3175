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
    root.write(
        "etc/podhost/example.certificates",
        f"web {owner} example-web,example-mail example.org www.example.org *.apps.example.org\n",
    )
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


@pytest.mark.parametrize("leftover", ["placeholder", ".new"])
def test_one_that_was_cut_short_is_made_again(folder: Path, root: HostRoot, leftover: str) -> None:
    shutil.rmtree(folder)
    (folder / leftover).mkdir(parents=True)
    (folder / leftover / "privkey.pem").write_text("half")
    assert root.run("podhost-certificates", "example").returncode == 0
    assert certificate(folder / "current")
    assert {path.name for path in folder.iterdir()} == {"current", "placeholder"}


def test_a_failing_openssl_fails_the_unit(root: HostRoot) -> None:
    root.write("etc/podhost/example.certificates", "web 0:0 - example.org\n")
    root.write("bin/openssl", "#!/bin/sh\nexit 1\n").chmod(0o755)
    assert root.run("podhost-certificates", "example").returncode != 0
    assert not (root.path / "var/srv/containers/example/certificates/web/current").exists()


# -- the pair to present


def pair(root: HostRoot, place: str, text: str) -> None:
    """A pair in a folder; for the script it is two files."""
    for name in ("fullchain", "privkey"):
        root.write(f"{place}/{name}.pem", f"{name} {text}")


def in_store(root: HostRoot, version: str) -> None:
    """What the job does for a new certificate."""
    store = "var/srv/containers/certificates/store"
    pair(root, f"{store}/certificates/example-web/{version}", version)
    current = root.path / store / "certificates/example-web/current"
    current.unlink(missing_ok=True)
    current.symlink_to(version)
    root.write(f"{store}/changed", version)


def presented(folder: Path) -> tuple[str, str]:
    return (folder / "current/fullchain.pem").read_text(), (folder / "current/privkey.pem").read_text()


def test_a_placeholder_asks_the_job_for_a_certificate(folder: Path, root: HostRoot) -> None:
    assert root.systemctl == []  # this host has no job
    root.write("etc/containers/systemd/certificates.container", "")
    assert root.run("podhost-certificates", "example").returncode == 0
    assert root.systemctl == ["--no-block start certificates.service"]


def test_what_the_job_got_is_presented_and_its_readers_know(folder: Path, root: HostRoot) -> None:
    root.write("etc/containers/systemd/certificates.container", "")
    in_store(root, "first")
    assert root.run("podhost-certificates", "example").returncode == 0
    assert presented(folder) == ("fullchain first", "privkey first")
    assert root.systemctl == [
        "--no-block try-reload-or-restart example-web.service",
        "--no-block try-reload-or-restart example-mail.service",
    ]
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder / "current").resolve().iterdir()}
    assert modes == {"privkey.pem": 0o600, "fullchain.pem": 0o644}


def test_nothing_new_reloads_nothing(folder: Path, root: HostRoot) -> None:
    in_store(root, "first")
    root.run("podhost-certificates", "example")
    assert root.systemctl
    before = (folder / "current").readlink()
    assert root.run("podhost-certificates", "example").returncode == 0
    assert (folder / "current").readlink() == before
    assert root.systemctl == []


def test_the_one_before_stays_and_older_ones_go(folder: Path, root: HostRoot) -> None:
    found = []
    for version in ("first", "second", "third"):
        in_store(root, version)
        assert root.run("podhost-certificates", "example").returncode == 0
        found.append(str((folder / "current").readlink()))
        assert presented(folder) == (f"fullchain {version}", f"privkey {version}")
    assert len(set(found)) == 3
    assert {path.name for path in folder.iterdir()} == {"current", *found[1:]}


def test_what_the_administrator_brings_comes_first(folder: Path, root: HostRoot) -> None:
    in_store(root, "first")
    pair(root, "etc/podhost/certificates/example/web", "own")
    assert root.run("podhost-certificates", "example").returncode == 0
    assert presented(folder) == ("fullchain own", "privkey own")


def test_a_store_without_a_whole_pair_changes_nothing(folder: Path, root: HostRoot) -> None:
    in_store(root, "first")
    root.run("podhost-certificates", "example")
    in_store(root, "second")
    (root.path / "var/srv/containers/certificates/store/certificates/example-web/second/privkey.pem").write_text("")
    assert root.run("podhost-certificates", "example").returncode == 0
    assert presented(folder) == ("fullchain first", "privkey first")


def test_killed_at_any_point_it_leaves_a_whole_pair(folder: Path, root: HostRoot) -> None:
    """A program that the script calls dies with it, each in its turn; afterwards the old pair or the new one is there."""
    in_store(root, "first")
    root.run("podhost-certificates", "example")
    programs = ("rm", "mkdir", "cp", "chmod", "chown", "sync", "readlink", "mv", "ln", "find")
    ended = 0
    for turn in range(1, 60):
        in_store(root, f"version{turn}")
        before = presented(folder)
        count = root.path / "count"
        count.write_text("0")
        for program in programs:
            real = shutil.which(program)
            root.write(
                f"bin/{program}",
                f'#!/bin/sh\nn=$(($(cat "{count}") + 1)); echo $n >"{count}"\n'
                f'[ $n != {turn} ] || {{ kill -KILL $PPID; exit 1; }}\nexec {real} "$@"\n',
            ).chmod(0o755)
        result = root.run("podhost-certificates", "example")
        after = (f"fullchain version{turn}", f"privkey version{turn}")
        assert presented(folder) in (before, after)
        for program in programs:
            (root.path / "bin" / program).unlink()
        assert root.run("podhost-certificates", "example").returncode == 0
        assert presented(folder) == after
        if result.returncode == 0:
            ended = turn
            break
    assert ended > 15
