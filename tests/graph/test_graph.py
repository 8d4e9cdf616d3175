"""Diagrams: what they show of a host, and that it can be read."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest

from podhost.build import Builder
from podhost.graph import mermaid, picture, svg
from podhost.graph.picture import Box, Group, Picture, Port, Stack
from podhost.library import Library
from tests.support import Podhost, add_stack, build, make_library

STACK = """\
stack: example
summary: Example
certificates:
  web: {names: [example.org]}
volumes:
  data: {summary: Data}
pods:
  example: {publish: ["443:8443", "3478:3478/udp", "127.0.0.1:9000:9000"]}
containers:
  data:
    image: docker.io/library/redis:8
    pod: example
    listens: [3478, 9000]
    volumes: ["data:/data:Z", "/etc/machine-id:/id:ro"]
  web:
    image: docker.io/library/nginx:1.30
    pod: example
    listens: [8443]
    certificates: [web]
    files: {/etc/web.conf: web.conf}
  app:
    image: docker.io/library/redis:8
    pod: example
    volumes: ["data:/data:ro,Z"]
  http:
    when: "{{ not edge }}"
    image: docker.io/library/nginx:1.30
    publish: ["80:8080"]
    listens: [8080]
    webroot: /srv/webroot
"""
JOB = Stack((Group("", (Box("certificates", ("store", "webroot"), False, "*-*-* 00,12:00:00"),), (), None),), ())
TEXTS = "{http://www.w3.org/2000/svg}text"
RECTS = "{http://www.w3.org/2000/svg}rect"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    made = make_library(tmp_path / "library", STACK, **{"web.conf": "x"})
    other = STACK.replace("example", "other").replace("3478:", "3479:").replace("9000:", "9001:", 1)
    add_stack(tmp_path / "library", "other", other, **{"web.conf": "x"})
    return made


def drawn(library: Library, *stacks: str) -> Picture:
    file = library.root / "host.yaml"
    file.write_text("hostname: host.example.org\nstacks:\n" + "".join(f"  {stack}:\n" for stack in stacks))
    return picture(build(Builder(library), file).plan)


BOXES = (
    Box("data", ("data", "/etc/machine-id"), True, ""),
    Box("web", ("certificates",), True, ""),
    Box("app", ("data",), False, ""),
)


def test_a_picture_has_all_that_the_plan_means(library: Library) -> None:
    assert drawn(library, "example") == Picture(
        "host.example.org",
        (
            Stack(
                (
                    Group("pod example", BOXES, (Port("443", 1), Port("3478/udp", 0), Port("127.0.0.1:9000", 0)), None),
                    Group("", (Box("http", ("webroot",), True, ""),), (Port("80", 0),), None),
                ),
                ("example.org",),
            ),
            JOB,
        ),
        None,
    )


def test_the_edge_has_the_ports_that_stacks_share(library: Library) -> None:
    assert drawn(library, "example", "other") == Picture(
        "host.example.org",
        (
            Stack(
                (Group("pod example", BOXES, (Port("3478/udp", 0), Port("127.0.0.1:9000", 0)), 1),), ("example.org",)
            ),
            Stack((Group("pod other", BOXES, (Port("3479/udp", 0), Port("127.0.0.1:9001", 0)), 1),), ("other.org",)),
            JOB,
        ),
        Group("", (Box("edge", ("webroot",), True, ""),), (Port("80", 0), Port("443", 0)), None),
    )


def rectangles(text: str, kind: str) -> list[tuple[float, float, float, float]]:
    """The left, upper, right and lower ends of all rectangles of a kind."""
    found = []
    for each in ElementTree.fromstring(text).iter(RECTS):
        if each.get("class") == kind:
            x, y, width, height = (float(each.get(key) or "") for key in ("x", "y", "width", "height"))
            found.append((x, y, x + width, y + height))
    return found


HOSTS = {
    "one": ("example",),
    "two": ("example", "other"),
}


@pytest.mark.parametrize("stacks", HOSTS.values(), ids=HOSTS)
def test_everything_is_on_the_paper_and_nothing_on_top_of_another(library: Library, stacks: tuple[str, ...]) -> None:
    text = svg(drawn(library, *stacks))
    (paper,) = rectangles(text, "paper")
    things = [each for kind in ("box", "volume", "port") for each in rectangles(text, kind)]
    assert len(things) == text.count("<rect") - 1 - len(rectangles(text, "pod"))
    for left, top, right, bottom in things + rectangles(text, "pod"):
        assert paper[0] < left < right < paper[2]
        assert paper[1] < top < bottom < paper[3]
    for one, other in combinations(things, 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart, (one, other)
    pods = rectangles(text, "pod")
    for one, other in combinations(pods, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def test_all_of_it_is_named(library: Library) -> None:
    words = {each.text for each in ElementTree.fromstring(svg(drawn(library, "example", "other"))).iter(TEXTS)}
    assert {"host.example.org", "pod example, one network", "data", "web", "certificates", "webroot"} <= words
    assert {"/etc/machine-id", "3478/udp", "127.0.0.1:9000", "80", "443", "example.org", "other.org"} <= words


def test_names_that_mean_something_to_xml_and_mermaid_do_no_harm() -> None:
    odd = '<script>"&</script>'
    shown = Picture(odd, (Stack((Group("", (Box("a", (odd,), False, ""),), (Port("1", 0),), None),), (odd,)),), None)
    assert [each.text for each in ElementTree.fromstring(svg(shown)).iter(TEXTS)].count(odd) == 3
    assert mermaid(shown).count('"#lt;script>#quot;#amp;#lt;/script>"') == 3


def test_mermaid(library: Library) -> None:
    assert (
        mermaid(drawn(library, "example", "other"))
        == """\
flowchart TB
  subgraph n1["host.example.org"]
    n2["edge"]
    n3[("webroot")]
    n3 --- n2
    n4(["80"])
    n5(["443"])
    subgraph n6["pod example"]
      n7["data"]
      n8["web"]
      n9["app"]
    end
    n10[("data")]
    n10 --- n7
    n11[("/etc/machine-id")]
    n11 --- n7
    n12[("certificates")]
    n12 --- n8
    n13[("data")]
    n13 --- n9
    n14(["3478/udp"])
    n15(["127.0.0.1:9000"])
    subgraph n16["pod other"]
      n17["data"]
      n18["web"]
      n19["app"]
    end
    n20[("data")]
    n20 --- n17
    n21[("/etc/machine-id")]
    n21 --- n17
    n22[("certificates")]
    n22 --- n18
    n23[("data")]
    n23 --- n19
    n24(["3479/udp"])
    n25(["127.0.0.1:9001"])
    n26["certificates at *-*-* 00,12:00:00"]
    n27[("store")]
    n27 --- n26
    n28[("webroot")]
    n28 --- n26
  end
  n4 --> n2
  n5 --> n2
  n14 --> n7
  n15 --> n7
  n2 --> n8
  n29[/"example.org"/]
  n29 --> n4 & n5 & n14 & n15
  n24 --> n17
  n25 --> n17
  n2 --> n18
  n30[/"other.org"/]
  n30 --> n4 & n5 & n24 & n25
"""
    )


def test_both_papers_have_every_colour(library: Library) -> None:
    light, dark = re.split("@media[^{]*{", svg(drawn(library, "example")))
    pattern = r"^(\S.*) { (fill|stroke): #"
    assert re.findall(pattern, light, re.MULTILINE) == re.findall(pattern, dark, re.MULTILINE) != []


def test_the_command(library: Library, podhost: Podhost, tmp_path: Path) -> None:
    file = tmp_path / "host.yaml"
    file.write_text("stacks:\n  example:\n")
    podhost.use(library.root)
    shown = podhost("graph", file)
    assert (shown.status, shown.stderr) == (0, "")
    assert ElementTree.fromstring(shown.stdout).tag == "{http://www.w3.org/2000/svg}svg"
    assert podhost("graph", file).stdout == shown.stdout
    assert podhost("graph", file, "--format", "mermaid", "-o", tmp_path / "host.mmd").status == 0
    assert (tmp_path / "host.mmd").read_text().startswith("flowchart TB\n")
    again = podhost("graph", file, "-o", tmp_path / "host.mmd")
    assert (again.status, "--force replaces it" in again.stderr) == (1, True)


def test_a_host_with_mistakes_is_not_drawn(podhost: Podhost, tmp_path: Path) -> None:
    (tmp_path / "host.yaml").write_text("stacks: {nothing: }\n")
    result = podhost("graph", tmp_path / "host.yaml")
    assert (result.status, result.stdout) == (1, "")
    assert "there is no stack 'nothing'" in result.stderr
