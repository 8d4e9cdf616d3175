"""Speed, memory, and input that is no config at all."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podhost import butane
from podhost.document import read
from podhost.ignition import dumps
from podhost.problems import Report, Source
from tests.conformance.seeds import CI, SEED, SOAK
from tests.support import problems, python

CASES = Path(__file__).parent.parent / "conformance" / "cases"
FILES = CASES.parent / "files"
HEAD = "variant: fcos\nversion: 1.7.0\n"

MUTATIONS = 100_000 if SOAK else 5_000 if CI else 500


def translate(text: str, files_dir: Path | None = None) -> tuple[dict[str, object], Report]:
    report = Report()
    document = read(Source("host.bu", text), report)
    config = {} if document is None or report.failed else butane.translate(document, report, files_dir=files_dir)
    return config, report


# -- speed and memory


def test_a_config_of_1000_files_and_200_units_takes_less_than_a_second() -> None:
    files = "".join(
        f"    - path: /etc/conf.d/{index}\n      mode: 0644\n      contents:\n        inline: |\n"
        + f"          # file {index}\n          setting = {index}\n          other = value\n" * 4
        for index in range(1000)
    )
    units = "".join(
        f"    - name: unit{index}.service\n      enabled: true\n      contents: |\n        [Service]\n"
        f"        ExecStart=/bin/true {index}\n        [Install]\n        WantedBy=multi-user.target\n"
        for index in range(200)
    )
    text = f"{HEAD}storage:\n  files:\n{files}systemd:\n  units:\n{units}"
    fastest = 1000.0
    for _ in range(3):
        start = time.process_time()
        config, report = translate(text)
        written = dumps(config)
        fastest = min(fastest, time.process_time() - start)
    assert not report.problems
    assert len(json.loads(written)["storage"]["files"]) == 1000
    assert fastest < 1, f"{fastest:.2f} s"


GROWTH = """
import sys
from podhost.__main__ import main
import podhost.cli.transpile, podhost.cli.output
def peak(): return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:"))
before = peak()
sys.argv = ["podhost", "transpile", *sys.argv[1:]]
try:
    main()
finally:
    print(peak() - before, file=sys.stderr)
"""


@pytest.mark.parametrize("kind", ["random", "text", "zeros"])
def test_a_local_file_of_20_mb_takes_at_most_5_times_its_size_of_memory(kind: str, tmp_path: Path) -> None:
    size = 20_000_000
    data = {
        "random": lambda: random.Random(1).randbytes(size),
        "text": lambda: (b"a line of text, %d\n" * (size // 20))[:size],
        "zeros": lambda: bytes(size),
    }[kind]()
    (tmp_path / "large").write_bytes(data)
    (tmp_path / "large.bu").write_text(
        HEAD + "storage:\n  files:\n    - path: /large\n      contents: {local: large}\n"
    )
    del data
    done = python("-c", GROWTH, tmp_path / "large.bu", "-d", tmp_path, "-o", tmp_path / "large.ign")
    assert done.returncode == 0, done.stderr
    grown = int(done.stderr.split()[-1]) * 1024
    assert grown <= 5 * size, f"{grown / size:.1f} times"
    assert (tmp_path / "large.ign").stat().st_size > 1000


# -- input that is no config

BAD = {
    "deep nesting": ("[" * 10_000, "levels of nesting"),
    "deep mappings": ("{a: " * 10_000, "levels of nesting"),
    "an alias bomb": (
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 10)}]\n" for i in range(8)),
        "aliases written out",
    ),
    "an alias inside itself": (HEAD + "storage: &a\n  files: [*a]\n", "inside what it names"),
    "an unknown alias": (HEAD + "storage: *nothing\n", "there is no '&nothing'"),
    "NUL": (HEAD + "storage:\0\n", "U+0000"),
    "a NUL in a path": (
        HEAD + 'storage:\n  files:\n    - path: "/a\\0b"\n      contents: {local: "x\\0"}\n',
        "files directory",
    ),
    "nothing": ("", "the file is empty"),
    "a comment": ("# nothing\n", "the file is empty"),
    "two documents": (HEAD + "---\n" + HEAD, "a second document"),
    "a list key": (HEAD + "? [a]\n: b\n", "a key has to be a single value"),
    "an unknown tag": (HEAD + "storage: !foo {}\n", "an unknown tag"),
    "an unclosed brace": (HEAD + "storage: {\n", "not YAML"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_config_gets_a_message_at_a_line(what: str) -> None:
    text, message = BAD[what]
    config, report = translate(text)
    assert config == {}
    assert message in "\n".join(problems(report))
    assert all(problem.mark is not None for problem in report.problems)


@pytest.mark.parametrize(
    "data", [b"\xff\xfe\x00", HEAD.encode() + b"storage: \xe9\n", "variant: fcos".encode("utf-16")]
)
def test_a_file_that_is_not_utf_8_gets_a_message(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "host.bu").write_bytes(data)
    done = python("-m", "podhost", "transpile", tmp_path / "host.bu")
    assert done.returncode == 1
    assert "not UTF-8" in done.stderr
    assert "Traceback" not in done.stderr


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode()))
def test_any_text_after_the_head_is_translated_or_refused(data: bytes) -> None:
    check(HEAD + data.decode("utf-8", "replace"))


# -- mutations of the corpus

CORPUS = [path.read_text() for path in sorted(CASES.rglob("*.bu"))]
PIECES = [
    "null", "~", "[]", "{}", "''", '"', "'", "[", "]", "{", "}", ":", "- ", "\n", "  ", "\t", "&a ", "*a", "<<: ", "!!str ", "!!binary ",
    "!!int ", "#", "|", ">", "-1", "0", "1e999", ".nan", "0o777", "99999999999999999999999", "true", "/", "..", "../", "\\", "\\0", "%",
    "\ud7ff", "\U0001f600", "é", "data:,", "data:;base64,", "http://", "arn:", "path: ", "name: ", "- - ", "? ", "---\n", "...\n", "\ufeff",
]  # fmt: skip


def mutate(rng: random.Random) -> str:
    """A case with a few pieces put in, taken out, doubled or exchanged."""
    text = rng.choice(CORPUS)
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(text) + 1)
        end = min(len(text), at + rng.choice([0, 1, 2, 5, 20]))
        match rng.randrange(5):
            case 0:
                text = text[:at] + rng.choice(PIECES) + text[at:]
            case 1:
                text = text[:at] + text[end:]
            case 2:
                text = text[:at] + rng.choice(PIECES) + text[end:]
            case 3:
                text = text[:end] + text[at:]
            case _:
                lines = text.splitlines(keepends=True)
                if lines:
                    lines[rng.randrange(len(lines))] = rng.choice(rng.choice(CORPUS).splitlines(keepends=True) or [""])
                text = "".join(lines)
    return text


def check(text: str) -> None:
    """Translate a text that may be anything: what comes is a config or a report with a place, and never an exception."""
    config, report = translate(text, FILES)
    assert report.failed == (config == {})
    for problem in report.problems:
        assert problem.mark is not None, problem
        assert problem.mark.line >= 1
        assert problem.mark.column >= 1
        assert str(problem)
    if config:
        json.loads(dumps(config))


def test_a_mutated_case_is_translated_or_refused(capfd: pytest.CaptureFixture[str]) -> None:
    with capfd.disabled():
        print(f"\nPODHOST_SEED={SEED}, {MUTATIONS} mutations: ", end="")
    rng = random.Random(SEED)
    for number in range(MUTATIONS):
        text = mutate(rng)
        try:
            check(text)
        except Exception as error:
            error.add_note(f"mutation {number} of PODHOST_SEED={SEED}:\n{text}")
            raise


def test_the_import_is_cheap() -> None:
    done = python("-c", "import sys, podhost.butane; print(*sorted(sys.modules))")
    assert not {"pydantic", "jinja2", "click", "cryptography", "subprocess", "tempfile"} & set(done.stdout.split())
