"""Parts of a stack that some hosts have and others do not."""

from __future__ import annotations

from pathlib import Path

from podhost.build import Builder, Built
from podhost.tree import tree
from tests.support import build, contents, make_library

IMAGE = "docker.io/library/nginx:1.30"
STACK = f"""\
stack: example
summary: Example
parameters:
  cache: {{type: boolean, summary: Whether there is a cache, default: false}}
secrets:
  password:
  cache_password: {{when: "{{{{ cache }}}}"}}
volumes:
  data:
  cached: {{when: "{{{{ cache }}}}"}}
pods:
  inner: {{when: "{{{{ cache }}}}"}}
containers:
  web:
    image: {IMAGE}
    secrets: [cache_password, password]
    needs: [cache]
    volumes: ["cached:/cached:z", "data:/data:Z"]
    files: {{/etc/web.conf: web.conf, /etc/cache.conf: cache.conf, /hook: hook}}
    environment: {{CACHE: "{{{{ secrets.cache_password }}}}"}}
  cache: {{image: "{IMAGE}", pod: inner}}
"""
FILES = {
    "web.conf": "password {{ secrets.password }}\n",
    "cache.conf": "{% if cache %}\ncache {{ secrets.cache_password }}\n{% endif %}\n",
    "hook": "#!/bin/sh\n",
}


def host(folder: Path, cache: str) -> Built:
    library = make_library(folder / "library", STACK, **FILES)
    (folder / "host.yaml").write_text(f"stacks:\n  example: {{cache: {cache}}}\n")
    return build(Builder(library), folder / "host.yaml")


def quadlet(files: dict[str, str]) -> set[str]:
    return {path.rsplit("/", 1)[1] for path in files if path.startswith("/etc/containers/systemd/")}


def values(unit: str, key: str) -> list[str]:
    return [line.partition("=")[2] for line in unit.splitlines() if line.startswith(f"{key}=")]


def test_a_part_is_there_with_all_that_names_it(tmp_path: Path) -> None:
    files = contents(host(tmp_path, "true"))
    web = files["/etc/containers/systemd/example-web.container"]
    assert quadlet(files) == {
        "example-web.container",
        "example-cache.container",
        "example-web.image",
        "example-inner.pod",
    }
    assert files["/etc/podhost/example.secrets"] == "password\ttoken:32\ncache_password\ttoken:32\n"
    assert values(web, "Requires") == ["example-cache.service example-secrets.service"]
    assert [value.split(",")[0] for value in values(web, "Secret")] == ["example-cache_password", "example-password"]
    mounted = ["/cached", "/data", "/etc/web.conf", "/etc/cache.conf", "/hook"]
    assert [value.split(":")[1] for value in values(web, "Volume")] == mounted
    assert values(web, "Environment") == ["CACHE=/run/secrets/cache_password"]


def test_or_it_is_nowhere(tmp_path: Path) -> None:
    """The container of a pod that is left out goes with it, and a template that comes out empty is no file."""
    files = contents(host(tmp_path, "false"))
    web = files["/etc/containers/systemd/example-web.container"]
    assert quadlet(files) == {"example-web.container", "example-web.image"}
    assert files["/etc/podhost/example.secrets"] == "password\ttoken:32\n"
    assert values(web, "Requires") == ["example-secrets.service"]
    assert [value.split(",")[0] for value in values(web, "Secret")] == ["example-password"]
    assert [value.split(":")[1] for value in values(web, "Volume")] == ["/data", "/etc/web.conf", "/hook"]
    assert values(web, "Environment") == []
    assert "/var/srv/containers/example/config/cache.conf" not in files


def test_a_script_may_be_run(tmp_path: Path) -> None:
    built = host(tmp_path, "false")
    paths = tree(built.config, built.plan)[1]["paths"]
    assert paths["/var/srv/containers/example/config/hook"]["mode"] == "0755"
    assert paths["/var/srv/containers/example/config/web.conf"]["mode"] == "0644"
