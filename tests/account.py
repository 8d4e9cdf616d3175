"""A short account of an Ignition file: what a host made from it has. `make demo` prints it."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

from podhost import ignition


def account(path: Path) -> str:
    """Say what is in an Ignition file, in a few lines."""
    text = path.read_text("utf-8")
    config = json.loads(text)
    names = [Path(file["path"]) for file in config["storage"]["files"]]
    quadlets = [name for name in names if name.is_relative_to("/etc/containers/systemd")]
    kinds = {
        kind: sorted(name.stem for name in quadlets if name.suffix == f".{kind}")
        for kind in ("pod", "container", "volume", "network")
    }
    lines = [f"{path}: Ignition {config['ignition']['version']}, {len(text):,} bytes"]
    lines += [f"  {kind + 's:':<12}{', '.join(found)}" for kind, found in kinds.items() if found]
    lines.append(
        f"  {'images:':<12}{len([name for name in quadlets if name.suffix == '.image'])}, pulled at first boot"
    )
    lines.append(f"  {'files:':<12}{len(names)} in all, of them {len(names) - len(quadlets)} of configuration")
    lines.append(f"  {'secrets:':<12}none; the host makes its own at first boot")
    wrapped = ignition.dumps(ignition.wrap(text))
    lines.append(
        f"  {'compressed:':<12}{len(wrapped):,} bytes, for clouds with little room ({len(gzip.compress(text.encode())):,} in gzip)"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    print(account(Path(sys.argv[1])))
