"""The scripts of the host, run in a folder that stands for its root."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import REPOSITORY

# The end that these tests see of podman: what was to become a secret, by name, and every call.
PODMAN = """\
#!/bin/sh
echo "$*" >>"{root}/calls"
[ ! -e "{root}/broken" ] || exit 125
cat "$5" >"{root}/podman/$4"
"""


# And of systemd: the calls, which start and reload units.
SYSTEMCTL = """\
#!/bin/sh
echo "$*" >>"{root}/systemctl"
"""


@dataclass(frozen=True)
class HostRoot:
    """A folder in place of `/`: the scripts' own paths are put below it."""

    path: Path

    def write(self, name: str, text: str) -> Path:
        path = self.path / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def run(self, script: str, *arguments: str, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        text = (REPOSITORY / "units" / script).read_text()
        for folder in ("/etc/podhost", "/etc/containers", "/var/srv"):
            text = text.replace(folder, f"{self.path}{folder}")
        program = self.write(f"usr/local/bin/{script}", text)
        program.chmod(0o755)
        environment = {**os.environ, "PATH": f"{self.path}/bin:{os.environ['PATH']}"}
        return subprocess.run(
            [*prefix, "/bin/sh", program, *arguments], env=environment, capture_output=True, text=True, check=False
        )

    @property
    def podman(self) -> dict[str, str]:
        """The secrets that podman was given."""
        return {path.name: path.read_text() for path in (self.path / "podman").iterdir()}

    @property
    def systemctl(self) -> list[str]:
        """The calls of systemctl since the last time that this was asked."""
        path = self.path / "systemctl"
        calls = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return calls


@pytest.fixture
def root(tmp_path: Path) -> HostRoot:
    host = HostRoot(tmp_path / "root")
    host.write("bin/podman", PODMAN.format(root=host.path)).chmod(0o755)
    host.write("bin/systemctl", SYSTEMCTL.format(root=host.path)).chmod(0o755)
    (host.path / "podman").mkdir()
    return host
