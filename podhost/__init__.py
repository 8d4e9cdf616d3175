"""Render whole service hosts: podman pods, Quadlet units and Ignition from one stack definition."""

__version__ = "0.1.0"
