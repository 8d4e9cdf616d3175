"""Nothing slips: what podhost accepts podman's own Quadlet generators convert, and what podhost says they drop they drop."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from podhost.quadlet.keys import Release, first_releases
from tests.check.cases import every
from tests.check.generator import DROPPING, GENERATORS, Outcome, missing, outcome
from tests.conformance.seeds import CI, SEED, SOAK

pytestmark = pytest.mark.skipif(bool(absent := missing()), reason=absent)
UNITS = 50_000 if SOAK else 2000 if CI else 250
"""How many Quadlet files each generator gets at the least; a stack has four or five."""

WORDS = [
    *(
        "",
        "x",
        "a b",
        "true",
        "no",
        "5",
        "0:1:2",
        "auto",
        "keep-id",
        "keep-id:uid=5",
        "manual",
        "host",
        "none",
        "%h",
        "$HOME",
    ),
    *('q"q', "80", "80/udp", "80-90/tcp", "x80", "80/sctp", "10.0.0.0/24", "10.0.0.1", "SIGHUP", "mixed", "process"),
    *("control-group", "notify", "oneshot", "simple", "healthy", "a=b", "--init", "-/dev/null", "/dev/null", "é ü"),
    *("example-inner.network", "example-inner.network:ip=10.0.0.5", "missing.network", "example-web.container"),
    *("example-web.container:x", "missing.container", "container:x", "example-main.pod", "missing.pod", "x.pod:y"),
    *("/a:/b:z", "./a:/b", ":/b", "/b", "x:/b", "example-cache.volume:/x", "missing.volume:/x", "missing.artifact:/x"),
    *("missing.image", "example-web.image", "missing.service", "a/b.pod", ".pod", "x.build"),
    *(
        "type=bind,source=/a,target=/b",
        "type=bind,target=/b",
        "type=bind,source=,target=/b",
        "source",
        "type=tmpfs,dst=/b",
    ),
    *(
        "type=volume,src=missing.volume,dst=/b",
        "src=example-cache.volume,dst=/b",
        "type=image,source=missing.image,dst=/b",
    ),
    *(
        "type=image,source=example-web.image,dst=/b",
        "type=artifact,source=missing.artifact,dst=/b",
        "type=artifact,dst=/b",
    ),
    *(
        'type=bind,"source=/a,b",dst=/b',
        'type=bind,source="/a",dst=/b',
        "type=glob,src=/a*,source=/b",
        "type=bind,type=x,src=y",
    ),
]
VALUE = st.sampled_from(WORDS) | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8)
VALUES = st.lists(VALUE, min_size=1, max_size=3) | VALUE
# Keys on whose values a generator looks, more often than all others.
LOOKED_AT = {
    "Container": [
        *("ExposeHostPort", "GIDMap", "Group", "Mount", "Network", "Pod", "ReloadCmd", "ReloadSignal", "RemapGid"),
        *("RemapUid", "RemapUsers", "Rootfs", "SubUIDMap", "UIDMap", "User", "UserNS", "Volume"),
    ],
    "Pod": ["Network", "RemapGid", "RemapUid", "RemapUsers", "UIDMap", "UserNS", "Volume"],
    "Network": ["Gateway", "IPRange", "Subnet"],
}
UNIT_KEYS = ["After", "Wants", "Requires", "OnFailure", "BindsTo", "Documentation"]
SERVICE_KEYS = ["KillMode", "Type", "Nice", "Restart"]


def keys(section: str) -> st.SearchStrategy[dict[str, Any]]:
    known = sorted(first_releases()[section])
    name = st.sampled_from(LOOKED_AT[section]) | st.sampled_from(known) | st.sampled_from(["PodmanArg", "Exek"])
    return st.dictionaries(name, VALUES, max_size=3)


DEPENDENCY = st.sampled_from([word for word in WORDS if "." in word and "=" not in word]) | VALUE
MODE = st.sampled_from(["mixed", "control-group", "process", "notify", "oneshot", "simple", ""]) | VALUE
SYSTEMD = st.fixed_dictionaries(
    {},
    optional={
        "Unit": st.dictionaries(st.sampled_from(UNIT_KEYS), DEPENDENCY, max_size=2),
        "Service": st.dictionaries(st.sampled_from(SERVICE_KEYS), MODE, max_size=1),
    },
)


@st.composite
def stacks(draw: st.DrawFn) -> str:
    """A stack of which each part stands in a line of its own, so that a problem's line tells the unit."""
    half = st.booleans()

    def part(section: str, **fields: Any) -> str:
        given = {name: value for name, value in fields.items() if value is not None}
        if draw(half):
            given["quadlet"] = draw(keys(section))
        if section != "Network" and draw(half):
            given["systemd"] = draw(SYSTEMD)
        return json.dumps(given, ensure_ascii=False)

    image = "docker.io/example/web:1"
    user = "5:5" if draw(half) else None
    network = "inner" if draw(half) else None
    return "\n".join(
        [
            "stack: example",
            "summary: x",
            "volumes: {cache: {lasting: false}}",
            "networks:",
            f"  inner: {part('Network')}",
            "pods:",
            f"  main: {part('Pod', network=network)}",
            "containers:",
            f"  web: {part('Container', image=image, pod='main', user=user)}",
            f"  app: {part('Container', image=image, network=network, user=user)}",
            "",
        ]
    )


LINES = {5: "example-inner.network", 7: "example-main.pod", 9: "example-web.container", 10: "example-app.container"}


def agree(found: Outcome, refused: set[str]) -> None:
    """Both say the same: what is refused is dropped, and nothing is dropped unless something is refused."""
    said = "\n".join([*map(str, found.problems), found.log, *found.units.values()])
    assert refused <= found.dropped, said
    assert bool(refused) is bool(found.dropped), said


@pytest.mark.parametrize("podman", GENERATORS, ids=lambda podman: f"podman-{podman[0]}.{podman[1]}")
def test_any_stack(podman: Release) -> None:
    print(f"PODHOST_SEED={SEED}")
    counts = {"units": 0, "dropped": 0}

    @seed(SEED)
    @settings(
        max_examples=UNITS // 4,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(stacks())
    def compare(text: str) -> None:
        found = outcome(text, podman)
        if any(each.rule == "quadlet/unwritable" for each in found.problems):
            return  # podhost could not write what it refuses
        refused = {LINES[each.mark.line] for each in found.problems if each.mark and each.rule in DROPPING}
        agree(found, refused)
        counts["units"] += len(found.units)
        counts["dropped"] += len(found.dropped)

    compare()
    print(f"{counts['units']} units, of which podman {podman[0]}.{podman[1]} drops {counts['dropped']}")
    assert counts["units"] >= UNITS
    assert counts["units"] / 2 > counts["dropped"] > counts["units"] / 50  # both answers are tried often


@pytest.mark.parametrize("podman", GENERATORS, ids=lambda podman: f"podman-{podman[0]}.{podman[1]}")
def test_the_corpus_of_cases(podman: Release) -> None:
    """Every stack that is an example of a rule."""
    number = 0
    for case in every():
        if case.rules & {"secrets/undefined", "quadlet/unwritable"}:
            continue  # podhost cannot write what it refuses
        if "files:" in case.text or "\nstacks:" in case.text or case.family == "images":
            continue
        found = outcome(case.text, podman)
        refused = any(each.rule in DROPPING for each in found.problems)
        assert refused is bool(found.dropped), f"{case.name}: {found.log}"
        number += 1
    assert number > 80
