"""Quadlet: unit files, the keys each podman release knows, and the conversion of a plan into them."""
