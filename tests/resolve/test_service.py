"""What a stack means once its parameters are known: the plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from podhost import plan
from podhost.build import Builder
from podhost.plan import Owner
from tests.support import build, make_library

HEAD = "stack: example\nsummary: x\n"
IMAGE = "docker.io/library/nginx:1.30"


def service(folder: Path, text: str, **files: str) -> plan.Service:
    library = make_library(folder / "library", HEAD + text, **files)
    (folder / "host.yaml").write_text("stacks:\n  example:\n")
    return build(Builder(library), folder / "host.yaml").plan.services[0]


@pytest.mark.parametrize(
    ("users", "owner"),
    [
        (["user: 5:6, volumes: ['data:/x:Z']"], Owner(5, 6)),
        (["volumes: ['data:/x:Z']"], Owner(0, 0)),
        (["user: 5:6, volumes: ['data:/x:z']", "user: 7:8, volumes: ['data:/x:ro,z']"], Owner(5, 6)),
        (["user: 5:6, volumes: ['data:/x:ro,z']"], Owner(5, 6)),
        ([""], Owner(0, 0)),
    ],
)
def test_a_volume_belongs_to_who_writes_to_it(tmp_path: Path, users: list[str], owner: Owner) -> None:
    containers = "".join(f"  c{i}: {{image: '{IMAGE}', {each}}}\n" for i, each in enumerate(users))
    (volume,) = service(tmp_path, f"volumes:\n  data:\ncontainers:\n{containers}").volumes
    assert volume.owner == owner
    assert volume.path == "/var/srv/containers/example/data"


def test_secrets_come_in_the_order_they_are_made_in(tmp_path: Path) -> None:
    text = 'secrets:\n  a: {content: "${b}${c}"}\n  b: {content: "x${c}"}\n  c:\n'
    found = service(tmp_path, text + f"containers:\n  web: {{image: '{IMAGE}'}}\n")
    assert [secret.name for secret in found.secrets] == ["c", "b", "a"]
    assert [secret.unit for secret in found.secrets] == ["example-c", "example-b", "example-a"]


def test_containers_of_one_image_pull_it_once(tmp_path: Path) -> None:
    text = "".join(f"  c{i}: {{image: '{IMAGE}'}}\n" for i in range(3))
    found = service(tmp_path, f"containers:\n{text}")
    assert [(image.unit, image.reference) for image in found.images] == [("example-c0", IMAGE)]
    assert {container.image for container in found.containers} == {"example-c0"}


def test_templates_see_where_things_are(tmp_path: Path) -> None:
    text = (
        "secrets:\n  key:\ncertificates:\n  web: {names: [a.org, b.org]}\nparameters:\n"
        f"  brand: {{type: string, summary: x, default: 'a b'}}\ncontainers:\n  web:\n    image: {IMAGE}\n"
        "    files: {/etc/x.conf: x.conf}\n"
        "    environment: {KEY: '{{ secrets.key }}', BRAND: '{{ brand }}', STACK: '{{ stack }}', ZONE: '{{ host.time_zone }}'}\n"
    )
    found = service(
        tmp_path,
        text,
        **{
            "x.conf": "{{ certificates.web.certificate }} {{ certificates.web.key }} {{ certificates.web.names | join('+') }}\n"
        },
    )
    (container,) = found.containers
    assert container.environment == {"KEY": "/run/secrets/key", "BRAND": "a b", "STACK": "example", "ZONE": "UTC"}
    (file,) = found.files
    folder = "/run/certificates/web/current"
    assert file.content == f"{folder}/fullchain.pem {folder}/privkey.pem a.org+b.org\n"
    assert file.path == "/var/srv/containers/example/config/x.conf"


def test_every_part_knows_its_line(tmp_path: Path) -> None:
    text = f"secrets:\n  key:\nvolumes:\n  data: {{mode: '0750'}}\npods:\n  main:\ncontainers:\n  web: {{image: '{IMAGE}', pod: main}}\n"
    found = service(tmp_path, text)
    lines = {part.unit: part.mark.line for part in (*found.secrets, *found.volumes, *found.pods, *found.containers)}
    assert lines == {"example-key": 4, "example-data": 6, "example-main": 8, "example-web": 10}


def test_a_member_of_a_pod_is_known_to_it(tmp_path: Path) -> None:
    text = f"pods:\n  main:\ncontainers:\n  a: {{image: '{IMAGE}', pod: main}}\n  b: {{image: '{IMAGE}'}}\n"
    found = service(tmp_path, text)
    (pod,) = found.pods
    assert pod.members == ("example-a",)
    assert [container.pod for container in found.containers] == ["example-main", None]
