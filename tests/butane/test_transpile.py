"""`podhost transpile`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import Podhost, Result, python

GOOD = """\
variant: fcos
version: 1.4.0
storage:
  files:
    - path: /etc/motd
      mode: 0644
      contents:
        inline: hello
"""
JSON = (
    '{"ignition":{"version":"3.3.0"},"storage":{"files":[{"path":"/etc/motd",'
    '"contents":{"compression":"","source":"data:,hello"},"mode":420}]}}\n'
)
WARNS = GOOD.replace("0644", "644")
BAD = GOOD.replace("/etc/motd", "etc/motd")


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.bu"
    path.write_text(GOOD)
    return path


def test_a_file_becomes_ignition(podhost: Podhost, good: Path) -> None:
    assert podhost("transpile", good) == Result(0, JSON, "")


def test_standard_input_is_read_where_no_file_is_named(good: Path) -> None:
    for arguments in ([], ["-"]):
        with good.open() as stdin:
            done = python("-m", "podhost", "transpile", *arguments, stdin=stdin)
        assert (done.returncode, done.stdout, done.stderr) == (0, JSON, "")


def test_an_output_is_written_once_and_replaced_only_with_force(podhost: Podhost, good: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.ign"
    assert podhost("transpile", good, "-o", out) == Result(0, "", "")
    assert out.read_text() == JSON
    out.write_text("mine")
    result = podhost("transpile", good, "-o", out)
    assert (result.status, result.stdout) == (1, "")
    assert "is there already" in result.stderr
    assert out.read_text() == "mine"
    assert podhost("transpile", good, "-o", out, "--force").status == 0
    assert out.read_text() == JSON


def test_what_is_wrong_is_reported_and_nothing_written(podhost: Podhost, tmp_path: Path) -> None:
    (tmp_path / "bad.bu").write_text(BAD)
    result = podhost("transpile", "bad.bu", "-o", "out.ign")
    assert (result.status, result.stdout) == (1, "")
    assert result.stderr == (
        "bad.bu:5:13: error: 'etc/motd' is not an absolute path\n"
        "    5 |     - path: etc/motd\n"
        "      |             ^~~~~~~~\n"
        "  hint: begin it with '/'\n"
    )
    assert not (tmp_path / "out.ign").exists()


def test_warnings_fail_only_when_asked(podhost: Podhost, tmp_path: Path) -> None:
    (tmp_path / "warns.bu").write_text(WARNS)
    lenient, strict = podhost("transpile", "warns.bu"), podhost("transpile", "warns.bu", "--strict", "-o", "out.ign")
    assert lenient.status == 0
    assert json.loads(lenient.stdout)["storage"]["files"][0]["mode"] == 644
    assert "warns.bu:6:13: warning: the mode 644 is decimal, and 0644 is probably meant" in lenient.stderr
    assert strict.status == 1
    assert "warns.bu:6:13: warning" in strict.stderr
    assert not (tmp_path / "out.ign").exists()


def test_check_writes_nothing(podhost: Podhost, good: Path, tmp_path: Path) -> None:
    assert podhost("transpile", good, "--check", "-o", tmp_path / "out.ign") == Result(0, "", "")
    assert not (tmp_path / "out.ign").exists()
    (tmp_path / "bad.bu").write_text(BAD)
    assert podhost("transpile", "bad.bu", "--check").status == 1


def test_pretty_output_has_lines(podhost: Podhost, good: Path) -> None:
    result = podhost("transpile", good, "--pretty")
    assert json.loads(result.stdout) == json.loads(JSON)
    assert result.stdout.startswith('{\n  "ignition": {\n    "version": "3.3.0"\n  },\n')


def test_another_spec_may_be_asked_for(podhost: Podhost, good: Path) -> None:
    assert json.loads(podhost("transpile", good, "--spec", "3.0.0").stdout)["ignition"] == {"version": "3.0.0"}
    assert podhost("transpile", good, "--spec", "3").status == 2


def test_a_spec_that_is_too_old_is_refused(podhost: Podhost, tmp_path: Path) -> None:
    (tmp_path / "new.bu").write_text("variant: fcos\nversion: 1.4.0\nkernel_arguments: {should_exist: [a]}\n")
    result = podhost("transpile", "new.bu", "--spec", "3.2.0")
    assert (result.status, result.stdout) == (1, "")
    assert "kernelArguments needs 3.3.0" in result.stderr


def test_what_the_other_spec_would_refuse_is_refused(podhost: Podhost, tmp_path: Path) -> None:
    (tmp_path / "old.bu").write_text("variant: fcos\nversion: 1.3.0\nstorage: {links: [{path: /a}]}\n")
    assert podhost("transpile", "old.bu").status == 0
    result = podhost("transpile", "old.bu", "--spec", "3.6.0")
    assert (result.status, result.stdout) == (1, "")
    assert "as Ignition 3.6.0, storage.links.0.target: a link needs a target" in result.stderr


def test_later_files_are_merged_over_earlier_ones(podhost: Podhost, good: Path, tmp_path: Path) -> None:
    (tmp_path / "child.bu").write_text(
        "variant: fcos\nversion: 1.0.0\nstorage:\n  files:\n"
        "    - {path: /etc/motd, mode: 0600}\n    - {path: /etc/other}\n"
    )
    result = podhost("transpile", good, "child.bu")
    assert (result.status, result.stderr) == (0, "")
    assert json.loads(result.stdout) == {
        "ignition": {"version": "3.3.0"},
        "storage": {
            "files": [
                {"path": "/etc/motd", "contents": {"compression": "", "source": "data:,hello"}, "mode": 0o600},
                {"path": "/etc/other"},
            ]
        },
    }


def test_good_files_that_merge_to_a_bad_config_are_refused(podhost: Podhost, good: Path, tmp_path: Path) -> None:
    (tmp_path / "child.bu").write_text(
        "variant: fcos\nversion: 1.4.0\nstorage:\n  links:\n    - {path: /etc, target: /var/etc}\n"
    )
    result = podhost("transpile", good, "child.bu")
    assert (result.status, result.stdout) == (1, "")
    assert "leads through the link '/etc'" in result.stderr


def test_all_files_are_checked_in_one_run(podhost: Podhost, tmp_path: Path) -> None:
    for name in ("one.bu", "two.bu"):
        (tmp_path / name).write_text(BAD)
    result = podhost("transpile", "one.bu", "missing.bu", "two.bu")
    assert result.status == 1
    for place in ("one.bu:5:13: error", "two.bu:5:13: error", "there is no file 'missing.bu'"):
        assert place in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.bu"], "there is no file 'missing.bu'"),
        (["."], "'.' is a folder"),
        (["good.bu", "-d", "missing"], "there is no folder 'missing'"),
        (["good.bu", "-d", "good.bu"], "there is no folder 'good.bu'"),
        (["good.bu", "-o", "missing/out.ign"], "cannot be written"),
        (["good.bu", "-o", "."], "is a folder"),
    ],
)
def test_a_path_that_will_not_do_gets_a_message(
    arguments: list[str], message: str, podhost: Podhost, good: Path
) -> None:
    result = podhost("transpile", *arguments)
    assert (result.status, result.stdout) == (1, "")
    assert message in result.stderr


def test_standard_input_that_is_not_text_gets_a_message(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with (tmp_path / "binary").open() as stdin:
        done = python("-m", "podhost", "transpile", stdin=stdin)
    assert (done.returncode, done.stdout) == (1, "")
    assert "standard input is not UTF-8 text" in done.stderr
