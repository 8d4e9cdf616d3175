"""The Quadlet files of a small stack, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest

from podhost.build import Builder
from podhost.quadlet.keys import Release
from tests.support import build, contents, make_library

FOLDER = "/etc/containers/systemd"
HOST = "stacks:\n  example:\n"
STACK = """\
stack: example
summary: Example
secrets:
  password:
certificates:
  web: {names: [example.org]}
volumes:
  data: {owner: "5:6", mode: "0750"}
  cache: {lasting: false, owner: "5:6"}
networks:
  inner: {internal: true, quadlet: {Label: "a=b c"}}
  outer: {ipv6: false}
pods:
  main:
    network: inner
    publish: ["443:8443", "127.0.0.1:53:5353/udp", "[::1]:80:8080"]
    quadlet: {PodmanArgs: ["--label=one", "--label=two"]}
    systemd: {Unit: {After: extra.service}}
containers:
  web:
    summary: The web, at 100%
    image: docker.io/library/nginx:1.30
    pod: main
    user: 101:102
    command: [run, --flag, "two words", "50%", "$HOME"]
    listens: [8443]
    environment: {PLAIN: x, ODD: "a \\"b\\" \\\\ 'c' $d %e #f"}
    secrets: [password]
    certificates: [web]
    volumes: ["data:/data:Z", "cache:/cache:ro,z", "/etc/hosts:/hosts:ro"]
    files: {/etc/x.conf: x.conf}
    tmpfs: [/run/web]
    capabilities: [NET_BIND_SERVICE]
    ready: notify
    health: {command: [check, "a b"], interval: 5s, timeout: 2s, retries: 4, start_period: 1m}
    needs: [store]
    stop: {signal: SIGQUIT, timeout: 20s}
    start_timeout: 2m
    quadlet: {ShmSize: 64m}
    systemd: {Service: {Nice: "5"}}
  store:
    image: docker.io/library/nginx:1.30
    network: outer
    publish: ["9000:9000"]
    read_only: false
    restart: on-failure
    update: "no"
"""
UNITS = {
    "example-main.pod": """\
[Unit]
Description=Pod example-main
StartLimitIntervalSec=0
After=extra.service

[Pod]
PodName=example-main
Network=example-inner.network
PublishPort=443:8443
PublishPort=127.0.0.1:53:5353/udp
PublishPort=[::1]:80:8080
PodmanArgs=--exit-policy=continue
PodmanArgs=--label=one
PodmanArgs=--label=two

[Service]
Restart=always
RestartSec=1
RestartSteps=6
RestartMaxDelaySec=60

[Install]
WantedBy=multi-user.target
""",
    "example-web.container": """\
[Unit]
Description=The web, at 100%%
Requires=example-store.service example-secrets.service example-certificates.service
After=example-store.service example-secrets.service example-certificates.service
RequiresMountsFor=/var/srv/containers
StartLimitIntervalSec=0

[Container]
ContainerName=example-web
Image=example-web.image
Pod=example-main.pod
User=101
Group=102
Environment=PLAIN=x
Environment="ODD=a \\"b\\" \\\\ 'c' $$d %%e #f"
Secret=example-password,type=mount,target=password,uid=101,gid=102,mode=0400
Volume=/var/srv/containers/example/data:/data:Z
Volume=example-cache.volume:/cache:ro,z
Volume=/etc/hosts:/hosts:ro
Volume=/var/srv/containers/example/config/x.conf:/etc/x.conf:ro,Z
Volume=/var/srv/containers/example/certificates/web:/run/certificates/web:ro,z
Tmpfs=/run/web:mode=1777
ReadOnly=true
NoNewPrivileges=true
DropCapability=all
AddCapability=NET_BIND_SERVICE
Exec=run --flag "two words" 50%% $$HOME
Notify=true
HealthCmd=["check", "a b"]
HealthInterval=5s
HealthTimeout=2s
HealthRetries=4
HealthStartPeriod=60s
StopSignal=SIGQUIT
StopTimeout=20
AutoUpdate=registry
ShmSize=64m

[Service]
Restart=always
RestartSec=1
RestartSteps=6
RestartMaxDelaySec=60
TimeoutStartSec=120
TimeoutStopSec=35
Nice=5
""",
    "example-store.container": """\
[Unit]
Description=Container example-store
StartLimitIntervalSec=0

[Container]
ContainerName=example-store
Image=example-web.image
Network=example-outer.network
PublishPort=9000:9000
NoNewPrivileges=true
DropCapability=all
StopSignal=SIGTERM
StopTimeout=30

[Service]
Restart=on-failure
RestartSec=1
RestartSteps=6
RestartMaxDelaySec=60
TimeoutStartSec=300
TimeoutStopSec=45

[Install]
WantedBy=multi-user.target
""",
    "example-web.image": """\
[Unit]
Description=Image docker.io/library/nginx:1.30
StartLimitIntervalSec=0

[Image]
Image=docker.io/library/nginx:1.30

[Service]
ExecCondition=/bin/sh -c '! podman image exists docker.io/library/nginx:1.30'
Restart=on-failure
RestartSec=5
RestartSteps=6
RestartMaxDelaySec=120
RestartMode=direct
TimeoutStartSec=infinity
""",
    "example-cache.volume": """\
[Quadlet]
DefaultDependencies=false

[Volume]
VolumeName=example-cache
User=5
Group=6
""",
    "example-inner.network": """\
[Quadlet]
DefaultDependencies=false

[Network]
NetworkName=example-inner
IPv6=true
Internal=true
Label="a=b c"
""",
    "example-outer.network": """\
[Quadlet]
DefaultDependencies=false

[Network]
NetworkName=example-outer
""",
}


def units(folder: Path, stack: str = STACK, podman: Release = (5, 4)) -> dict[str, str]:
    library = make_library(folder / "library", stack, **{"x.conf": "x\n"})
    (folder / "host.yaml").write_text(HOST)
    files = contents(build(Builder(library), folder / "host.yaml", podman=podman))
    return {path.removeprefix(f"{FOLDER}/"): text for path, text in files.items() if path.startswith(FOLDER)}


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return units(tmp_path_factory.mktemp("example"))


@pytest.mark.parametrize("name", UNITS)
def test_the_text_of_a_unit(name: str, example: dict[str, str]) -> None:
    assert example[name] == UNITS[name]


def test_there_are_no_others(example: dict[str, str]) -> None:
    assert {name for name in example if not name.startswith("certificates.")} == UNITS.keys()


def test_a_newer_podman_is_told_in_its_own_words(tmp_path: Path) -> None:
    """Where a key does what took a detour before: Policy= and ExitPolicy= from 5.6, Retry= from 5.5."""
    newer = units(tmp_path, podman=(5, 8))
    image, pod = newer["example-web.image"], newer["example-main.pod"]
    assert "\nPolicy=missing\nRetry=3\nRetryDelay=5s\n" in image
    assert "ExecCondition" not in image
    assert "\nExitPolicy=continue\n" in pod
    assert "--exit-policy" not in pod


def test_a_container_of_the_stacks_own_name_has_no_second_one(tmp_path: Path) -> None:
    text = "stack: example\nsummary: x\ncontainers:\n  example: {image: 'docker.io/library/nginx:1.30'}\n"
    assert set(units(tmp_path, text)) == {"example.container", "example.image"}


def test_a_container_that_is_ready_when_healthy(tmp_path: Path) -> None:
    text = (
        "stack: example\nsummary: x\ncontainers:\n  web:\n    image: docker.io/library/nginx:1.30\n"
        "    ready: healthy\n    health: {command: ['true']}\n    restart: 'no'\n"
    )
    unit = units(tmp_path, text)["example-web.container"]
    assert '\nNotify=healthy\nHealthCmd=["true"]\n' in unit
    assert "\nRestart=no\nTimeoutStartSec=" in unit


def test_a_file_that_two_containers_share_has_the_label_for_both(tmp_path: Path) -> None:
    """z outside of a pod, where SELinux gives each its own categories; Z for the members of one pod."""
    text = "stack: example\nsummary: x\npods:\n  main:\ncontainers:\n"
    for name, pod in (("a", "\n    pod: main"), ("b", "\n    pod: main"), ("c", "")):
        files = "{/x: x.conf}" if name != "c" else "{/x: x.conf, /y: y.conf}"
        text += f"  {name}:\n    image: docker.io/library/nginx:1.30{pod}\n    files: {files}\n"
    library = make_library(tmp_path / "library", text, **{"x.conf": "x\n", "y.conf": "y\n"})
    (tmp_path / "host.yaml").write_text(HOST)
    files = contents(build(Builder(library), tmp_path / "host.yaml"))
    mounts = {name: files[f"{FOLDER}/example-{name}.container"] for name in "abc"}
    assert all("config/x.conf:/x:ro,z\n" in each for each in mounts.values())
    assert "config/y.conf:/y:ro,Z\n" in mounts["c"]
