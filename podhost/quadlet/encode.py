"""How a literal value is written for a Quadlet key, so that the container sees the value as it was.

Quadlet reads its keys in three ways (podman's `pkg/systemd/quadlet/quadlet.go`; each was tried with podman 5.4 and a set of awkward values):
words that are unquoted with escapes, words that are unquoted without escapes, and whole lines.
What it makes of them is put into the ExecStart= of a service, where systemd doubles back '%%' and '$$' (systemd.service(5), "Command lines").
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache

from podhost.quadlet.unitfile import escape, quote

# LookupAllKeyVal and LookupAllArgs
WORDS = frozenset(
    {
        *("Annotation", "BuildArg", "ConfigMap", "Environment", "EnvironmentFile", "Exec", "GlobalArgs", "Label"),
        *("Mask", "Mount", "PodmanArgs", "Secret", "Unmask"),
    }
)
# LookupAllStrv: a backslash stays one
LISTS = frozenset(
    {
        *("AddCapability", "AddDevice", "DropCapability", "GIDMap", "LogOpt", "RemapGid", "RemapUid", "Sysctl"),
        "UIDMap",
    }
)


@lru_cache(4096)  # most values are the same on all hosts of a run
def encode(key: str, value: str) -> str:
    """Write one value of a key; raise `ValueError` with a message and a hint when the key cannot hold it."""
    text = escape(value).replace("$", "$$")
    if key in WORDS or key in LISTS:
        if not value:
            raise ValueError(
                f"an empty word gets lost in {key}=", "leave it out, or give the program another way to say it"
            )
        if key in LISTS and ("\\" in value or '"' in value):
            raise ValueError(f"{key}= cannot hold a backslash or a double quote")
        return quote(text)
    if value != value.strip() or value.endswith("\\") or value[:1] in ('"', "'"):
        raise ValueError(
            f"{key}= cannot hold a value that begins with a quote or a space, or ends with a space or a backslash"
        )
    return text


def encode_systemd(value: str) -> str:
    """Write a value of systemd's own sections: systemd reads it as it stands, but for specifiers."""
    if value.endswith("\\"):
        raise ValueError("a backslash at its end joins a value with the next line", "write one more character")
    return escape(value)


def encode_words(key: str, values: Sequence[str]) -> str:
    """Write several words on one line, as Exec= takes them."""
    return " ".join(encode(key, value) for value in values)


def encode_health(command: Sequence[str]) -> str:
    """Write a health command as the JSON list that podman-run(1) describes for --health-cmd: no shell, no splitting.

    podman puts the word CMD in front itself, and does not read a list that has it already (podman 5.4).
    """
    return escape(json.dumps(command, ensure_ascii=False)).replace("$", "$$")
