"""A picture as a Mermaid flowchart, for documents that draw it themselves; https://mermaid.js.org/syntax/flowchart.html."""

from __future__ import annotations

from podhost.graph.picture import Group, Picture


def mermaid(picture: Picture) -> str:
    """Write a picture: names lead to ports, ports to containers, and volumes hang on the containers that have them."""
    chart = _Chart()
    chart.open(picture.title)
    edge = chart.group(picture.edge) if picture.edge else []
    stacks = [[chart.group(group) for group in stack.groups] for stack in picture.stacks]
    chart.close()
    for port, box in edge:
        chart.line(f"{port} --> {box}")
    entries = [port for port, _ in edge]
    for stack, groups in zip(picture.stacks, stacks, strict=True):
        ports = list(entries) if any(group.edge is not None for group in stack.groups) else []
        for found in groups:
            for port, box in found:
                if port:
                    chart.line(f"{port} --> {box}")
                    ports.append(port)
                elif edge:
                    chart.line(f"{edge[-1][1]} --> {box}")
        for name in stack.names if ports else ():
            node = chart.node(f"[/{_quoted(name)}/]")
            chart.line(f"{node} --> {' & '.join(dict.fromkeys(ports))}")
    return chart.text


class _Chart:
    """The lines of a flowchart, with nodes counted as they come."""

    def __init__(self) -> None:
        self.text = "flowchart TB\n"
        self._count = 0
        self._depth = 1

    def line(self, text: str) -> None:
        self.text += f"{'  ' * self._depth}{text}\n"

    def node(self, shape: str) -> str:
        self._count += 1
        self.line(f"n{self._count}{shape}")
        return f"n{self._count}"

    def open(self, title: str) -> None:
        self._count += 1
        self.line(f"subgraph n{self._count}[{_quoted(title)}]")
        self._depth += 1

    def close(self) -> None:
        self._depth -= 1
        self.line("end")

    def group(self, group: Group) -> list[tuple[str, str]]:
        """Write a group; give each port with the container that it leads to, and for what comes by the edge an empty one."""
        if group.title:
            self.open(group.title)
        nodes = [self.node(f"[{_quoted(box.label + (' at ' + box.when if box.when else ''))}]") for box in group.boxes]
        if group.title:
            self.close()
        for node, box in zip(nodes, group.boxes, strict=True):
            for volume in box.volumes:
                self.line(f"{self.node(f'[({_quoted(volume)})]')} --- {node}")
        found = [(self.node(f"([{_quoted(port.label)}])"), nodes[port.box]) for port in group.ports]
        return found + ([("", nodes[group.edge])] if group.edge is not None else [])


def _quoted(text: str) -> str:
    escaped = text.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;")
    return f'"{escaped}"'
