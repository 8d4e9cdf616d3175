"""Whole hosts, really booted: see README.md."""
