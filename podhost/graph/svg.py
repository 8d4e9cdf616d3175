"""A picture as SVG, readable on light and on dark paper. Sizes are in pixels; everything stands in rows, from volumes down to names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from podhost.graph.picture import Box, Group, Picture, Port, Stack

MARGIN, GAP, PAD = 24, 16, 14
BOX, CHIP, PILL, LINE = 44, 26, 24, 20
GUTTER = 96
"""The column at the left in which the rows have their captions."""

SHAPES = """\
text { font: 14px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; text-anchor: middle; }
.title { font-size: 18px; font-weight: 600; }
.name { font-weight: 600; }
.small { font-size: 12px; }
.left { text-anchor: start; }
.label { font-size: 13px; font-weight: 600; }
.pod, .wire { stroke-width: 1.5; }
.inside { paint-order: stroke; stroke-width: 6px; }
"""
# What has which colour, on light and on dark paper. Not every program that draws SVG knows variables of CSS.
COLOURS = (
    ("text", "fill", "#1f2328", "#f0f6fc"),
    (".small", "fill", "#59636e", "#9ea7b3"),
    (".label", "fill", "#ffffff", "#0d1117"),
    (".paper", "fill", "#ffffff", "#0d1117"),
    (".pod", "fill", "#eef4ff", "#121d2f"),
    (".box", "fill", "#ffffff", "#1c2430"),
    (".volume", "fill", "#fff4d6", "#3a2f12"),
    (".port", "fill", "#0b57d0", "#79b8ff"),
    (".inside", "stroke", "#eef4ff", "#121d2f"),
    (".pod", "stroke", "#0b57d0", "#79b8ff"),
    (".paper, .box, .volume, .wire", "stroke", "#8c959f", "#656d76"),
)


class _Rows(NamedTuple):
    """Where the rows begin: volumes, the pods' upper edge, the containers behind, those in front, the edge, the names."""

    volumes: int
    pods: int
    behind: int
    front: int
    edge: int
    names: int


class _Canvas:
    """The elements of a drawing: pods below wires, and wires below everything else."""

    def __init__(self) -> None:
        self.pods: list[str] = []
        self.wires: list[str] = []
        self.shapes: list[str] = []

    def rect(self, kind: str, x: float, y: float, width: float, height: float, radius: int = 6) -> None:
        layer = self.pods if kind == "pod" else self.shapes
        layer.append(f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius}"/>')

    def text(self, x: float, y: float, text: str, kind: str = "") -> None:
        attribute = f' class="{kind}"' if kind else ""
        self.shapes.append(f'<text{attribute} x="{x:g}" y="{y + 5:g}">{escape(text)}</text>')

    def wire(self, x: float, top: float, bottom: float) -> None:
        self.wires.append(f'<path class="wire" d="M{x:g} {top:g}V{bottom:g}"/>')

    def volume(self, x: float, y: float, label: str, down: float) -> float:
        """Draw a volume, and a wire down from it; give its width."""
        width = _width(label, 12)
        self.wire(x + width / 2, y + CHIP, down)
        self.rect("volume", x, y, width, CHIP, CHIP // 2)
        self.text(x + width / 2, y + CHIP / 2, label)
        return width

    def ports(self, middle: float, y: float, ports: Iterable[Port]) -> None:
        """Draw ports in a row on an edge."""
        labels = [each.label for each in ports]
        x = middle - (_row([_width(each, 10) for each in labels])) / 2
        for label in labels:
            width = _width(label, 10)
            self.rect("port", x, y - PILL / 2, width, PILL, PILL // 2)
            self.text(x + width / 2, y, label, "label")
            x += width + GAP


def _style() -> str:
    light, dark = ("".join(f"{what} {{ {key}: {pair[paper]}; }}\n" for what, key, *pair in COLOURS) for paper in (0, 1))
    return f"{SHAPES}{light}@media (prefers-color-scheme: dark) {{\n{dark}}}\n"


def _width(label: str, pad: int = PAD) -> int:
    """How wide a text is with its padding, a little more than most fonts need."""
    return round(len(label) * 7.9) + 2 * pad


def _row(widths: Sequence[float]) -> float:
    return sum(widths) + GAP * max(0, len(widths) - 1)


def _volumes_width(boxes: Iterable[Box]) -> float:
    return _row([_width(each, 12) for box in boxes for each in box.volumes])


def _split(group: Group) -> tuple[list[Box], list[Box]]:
    """The containers behind, and those in front; where nobody stands behind, all stand side by side in front."""
    front = [box for box in group.boxes if box.front]
    behind = [box for box in group.boxes if not box.front]
    return (behind, front) if front else ([], behind)


def _columns(boxes: Iterable[Box]) -> list[float]:
    return [max(_width(box.label), _width(box.when), _volumes_width([box])) for box in boxes]


def _group_width(group: Group) -> float:
    behind, front = _split(group)
    columns = _columns(behind or front)
    lane = _volumes_width(front) if behind else 0
    inside = max(_row([*columns, lane] if lane else columns), _row([_width(box.label) for box in front]))
    frame = 2 * PAD if group.title else 0
    return max(inside + frame, _row([_width(each.label, 10) for each in group.ports]) + frame, _width(group.title))


def _stack_width(stack: Stack) -> float:
    groups = _row([_group_width(group) for group in stack.groups])
    return max([groups, *(_width(name, 4) for name in stack.names)])


def svg(picture: Picture) -> str:
    """Draw a picture."""
    widths = [_stack_width(stack) for stack in picture.stacks]
    left = MARGIN + GUTTER
    width = left + sum(widths) + 2 * GAP * (len(widths) - 1) + MARGIN
    deep = any(_split(group)[0] for stack in picture.stacks for group in stack.groups)
    volumes = 2 * MARGIN + 3 * LINE
    pods = volumes + CHIP + LINE
    behind = pods + LINE + PAD
    front = behind + (BOX + PAD if deep else 0)
    edge = front + BOX + PAD + 2 * LINE
    names = edge + (BOX + LINE if picture.edge else -LINE) + PILL // 2
    rows = _Rows(volumes, pods, behind, front, edge, names)
    most = max((len(stack.names) for stack in picture.stacks), default=0)
    bottom = names + most * LINE + LINE
    height = bottom + LINE + MARGIN
    canvas = _Canvas()
    x = float(left)
    for stack, wide in zip(picture.stacks, widths, strict=True):
        _draw_stack(canvas, stack, x, wide, rows)
        x += wide + 2 * GAP
    if picture.edge:
        _draw_edge(canvas, picture.edge, left, width - MARGIN - left, rows)
    for caption, y in (
        ("volumes", volumes + CHIP / 2),
        ("containers", (behind + front + BOX) / 2),
        ("ports", edge + BOX if picture.edge else front + BOX + PAD),
        ("names", names + LINE / 2),
    ):
        canvas.text(MARGIN + PAD, y, caption, "small left")
    canvas.text(width / 2, MARGIN + LINE, picture.title, "title")
    canvas.text(width / 2, MARGIN + 2.3 * LINE, "Container manager (podman), started by systemd", "small")
    canvas.text(width / 2, bottom + LINE / 2, "Fedora CoreOS: kernel, SELinux, networking; no Python", "small")
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img">',
        f"<title>{escape(picture.title)}</title>",
        f"<style>\n{_style()}</style>",
        f'<rect class="paper" x="0.5" y="0.5" width="{width - 1:g}" height="{height - 1:g}" rx="10"/>',
        *canvas.pods,
        *canvas.wires,
        *canvas.shapes,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _draw_stack(canvas: _Canvas, stack: Stack, x: float, width: float, rows: _Rows) -> None:
    x += (width - _row([_group_width(group) for group in stack.groups])) / 2
    middle = x + _group_width(stack.groups[0]) / 2
    for group in stack.groups:
        wide = _group_width(group)
        _draw_group(canvas, group, x, wide, rows)
        x += wide + GAP
    for number, name in enumerate(stack.names):
        canvas.text(middle, rows.names + (number + 0.5) * LINE, name, "name")


def _draw_group(canvas: _Canvas, group: Group, x: float, width: float, rows: _Rows) -> None:
    behind, front = _split(group)
    floor = rows.front + BOX + PAD
    middle = x + width / 2
    if group.title:
        canvas.rect("pod", x, rows.pods, width, floor - rows.pods, 10)
        canvas.text(middle, rows.pods + (LINE + PAD) / 2, f"{group.title}, one network", "small inside")
    elif group.ports:
        canvas.wire(middle, rows.front + BOX, floor)
    if group.edge is not None:
        canvas.wire(x + width - 2 * PAD if group.ports else middle, rows.front + BOX, rows.edge)
    inside = x + (PAD if group.title else 0)
    room = width - (2 * PAD if group.title else 0)
    if behind:
        columns = _columns(behind)
        lane = _volumes_width(front)
        spare = (room - _row([*columns, lane] if lane else columns)) / len(columns)
        at = inside
        for box, column in zip(behind, columns, strict=True):
            _draw_box(canvas, box, at, column + spare, rows.behind, rows)
            at += column + spare + GAP
        for box in front:
            for volume in box.volumes:
                at += canvas.volume(at, rows.volumes, volume, rows.front) + GAP
        each = (room - GAP * (len(front) - 1)) / len(front)
        for number, box in enumerate(front):
            _draw_box(canvas, box._replace(volumes=()), inside + number * (each + GAP), each, rows.front, rows)
    else:
        columns = _columns(front)
        spare = (room - _row(columns)) / len(columns)
        at = inside
        for box, column in zip(front, columns, strict=True):
            _draw_box(canvas, box, at, column + spare, rows.front, rows)
            at += column + spare + GAP
    canvas.ports(middle, floor, group.ports)


def _draw_box(canvas: _Canvas, box: Box, x: float, width: float, y: float, rows: _Rows) -> None:
    at = x + (width - _volumes_width([box])) / 2
    for volume in box.volumes:
        at += canvas.volume(at, rows.volumes, volume, y) + GAP
    canvas.rect("box", x, y, width, BOX)
    canvas.text(x + width / 2, y + BOX / 2 - (8 if box.when else 0), box.label)
    if box.when:
        canvas.text(x + width / 2, y + BOX / 2 + 9, box.when, "small")


def _draw_edge(canvas: _Canvas, edge: Group, x: float, width: float, rows: _Rows) -> None:
    """The edge lies across, below everything that it hands names to."""
    canvas.rect("pod", x, rows.edge, width, BOX, 10)
    canvas.text(x + width / 2, rows.edge + BOX / 2 - 4, "edge: each name to its stack")
    at = x + width - PAD
    for volume in (each for box in edge.boxes for each in box.volumes):
        wide = _width(volume, 12)
        at -= wide
        canvas.rect("volume", at, rows.edge + (BOX - CHIP) / 2, wide, CHIP, CHIP // 2)
        canvas.text(at + wide / 2, rows.edge + BOX / 2, volume)
        at -= GAP
    canvas.ports(x + width / 2, rows.edge + BOX, edge.ports)
