"""Diagrams of a host: its pods, containers, volumes, ports and names, from the plan alone."""

from podhost.graph.mermaid import mermaid
from podhost.graph.picture import picture
from podhost.graph.svg import svg

__all__ = ["mermaid", "picture", "svg"]
