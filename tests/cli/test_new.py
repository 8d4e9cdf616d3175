from __future__ import annotations

from pathlib import Path

from podhost.document import plain, read
from podhost.problems import Report, Source
from tests.support import Podhost, files_below


def test_a_new_stack_is_a_stack_at_once(podhost: Podhost, tmp_path: Path) -> None:
    result = podhost("new", "my-notes")
    assert (result.status, result.stdout) == (0, "")
    assert result.stderr.startswith("podhost: the new stack is in stacks/my-notes: podhost render my-notes\n")
    assert files_below(tmp_path / "stacks/my-notes") == {
        *("stack.yaml", "demo.yaml", "README.md", "files", "files/nginx.conf", "test_my_notes.py"),
    }
    assert not any(
        "<name>" in path.read_text() for path in (tmp_path / "stacks/my-notes").rglob("*.*") if path.is_file()
    )
    assert "my-notes" in podhost("stacks").stdout
    rendered = podhost("render", "my-notes", "--format", "tree", "-o", "tree")
    assert rendered.status == 0, rendered.stderr
    conf = tmp_path / "tree/var/srv/containers/my-notes/config/nginx.conf"
    assert 'return 200 "my-notes is here\\n";' in conf.read_text()
    (tmp_path / "host.yaml").write_text(podhost("init", "my-notes").stdout)
    assert podhost("render", "host.yaml").status == 0


def test_nothing_is_written_over(podhost: Podhost, tmp_path: Path) -> None:
    podhost("new", "notes")
    (tmp_path / "stacks/notes/stack.yaml").write_text("mine\n")
    result = podhost("new", "notes")
    assert (result.status, result.stdout) == (1, "")
    assert result.stderr.startswith("error: 'stacks/notes' is there already")
    assert (tmp_path / "stacks/notes/stack.yaml").read_text() == "mine\n"


def test_where_it_cannot_be(podhost: Podhost, tmp_path: Path) -> None:
    assert podhost("new", "Notes").status == 2
    assert podhost("new", "notes", "-o", "elsewhere").status == 2
    (tmp_path / "stacks").write_text("a file\n")
    result = podhost("new", "notes")
    assert (result.status, result.stderr) == (1, "error: 'stacks' cannot be made: File exists\n")


def test_another_place(podhost: Podhost, tmp_path: Path) -> None:
    assert podhost("new", "notes", "-o", "far/away/notes").status == 0
    assert podhost("render", "notes").status == 1
    assert podhost("render", "notes", "--stack-path", "far/away").status == 0
    assert podhost("init", "notes", "--stack-path", "far/away").status == 0
    assert podhost("stacks", "notes", "--stack-path", "far/away").stdout.startswith("notes: What notes is")


def test_the_stacks_beside_a_host_file_are_its_own(podhost: Podhost, tmp_path: Path) -> None:
    """Wherever podhost is called; those where one stands are for names alone. A copy goes before podhost's own."""
    podhost("new", "notes", "-o", "there/stacks/notes")
    podhost("new", "matrix", "-o", "there/stacks/matrix")
    (tmp_path / "there/host.yaml").write_text("stacks: {notes: {domain: a.org}, matrix: {domain: b.org}}\n")
    result = podhost("render", "there/host.yaml", "--format", "butane")
    assert result.status == 0, result.stderr
    assert "matrix is here" in result.stdout
    assert "synapse" not in result.stdout
    (tmp_path / "host.yaml").write_text("stacks: {notes: {domain: a.org}}\n")
    result = podhost("render", "host.yaml")
    assert result.status == 1
    assert "error: there is no stack 'notes'" in result.stderr
    assert podhost("render", "host.yaml", "--stack-path", "there/stacks").status == 0


def test_a_stack_path_that_is_not_there(podhost: Podhost) -> None:
    result = podhost("stacks", "--stack-path", "nowhere")
    assert result.status == 2
    assert "nowhere" in result.stderr


def test_a_broken_stack_of_ones_own_has_its_line(podhost: Podhost, tmp_path: Path) -> None:
    podhost("new", "notes")
    path = tmp_path / "stacks/notes/stack.yaml"
    path.write_text(path.read_text().replace("pod: notes", "pot: notes"))
    for arguments in (["stacks"], ["stacks", "notes", "--explain"], ["init", "notes"], ["render", "notes"]):
        result = podhost(*arguments)
        assert (result.status, result.stdout) == (1, "")
        assert "stacks/notes/stack.yaml:9:11: error: the part has no option 'pot'" in result.stderr
        assert "error: the part's option 'pod' is missing" in result.stderr


def test_explained(podhost: Podhost, tmp_path: Path) -> None:
    """What is printed is the stack, as YAML; each line says where it is from, and what became of the part's own."""
    podhost("new", "notes")
    path = tmp_path / "stacks/notes/stack.yaml"
    path.write_text(path.read_text() + "containers:\n  nginx:\n    stop: {signal: SIGTERM}\n")
    result = podhost("stacks", "notes", "--explain")
    assert (result.status, result.stderr) == (0, "")
    node = read(Source("explained", result.stdout), Report())
    assert node
    data = plain(node)
    assert data["containers"]["nginx"]["image"] == "{{ nginx_image }}"
    assert data["pods"] == {"notes": {"network": "notes", "publish": ["443:8443"]}}
    assert data["files"] == {"nginx.conf": None, "nginx/nginx.conf": None, "nginx-http/nginx.conf": None}
    remarks = {
        line.split("  # ")[0].strip(): line.split("  # ")[1] for line in result.stdout.splitlines() if "# " in line
    }
    assert remarks["summary: nginx"] == "parts/nginx/part.yaml:13"
    assert remarks["listens: [8443]"] == "parts/nginx/part.yaml:8"
    assert remarks["stack: notes"] == "stacks/notes/stack.yaml:1"
    assert remarks["signal: SIGTERM"] == "stacks/notes/stack.yaml:36 in place of parts/nginx/part.yaml:27"
    assert remarks["/etc/nginx/nginx.conf: nginx/nginx.conf"] == "parts/nginx/part.yaml:25"
    assert remarks["nginx/nginx.conf:"] == "parts/nginx/files/nginx.conf"


def test_what_is_explained_is_one_stack(podhost: Podhost) -> None:
    assert podhost("stacks", "--explain").status == 2
