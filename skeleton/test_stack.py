"""What the demo host of <name> has: `python -m pytest stacks/<name>`, where podhost is installed."""

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_the_demo_host_has_what_it_needs() -> None:
    command = [sys.executable, "-m", "podhost", "render", str(HERE / "demo.yaml"), "--stack-path", str(HERE.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    paths = {file["path"] for file in json.loads(done.stdout)["storage"]["files"]}
    units = "/etc/containers/systemd"
    assert {f"{units}/<name>.pod", f"{units}/<name>-nginx.container", f"{units}/<name>-nginx-http.container"} <= paths
