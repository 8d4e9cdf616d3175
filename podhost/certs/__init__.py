"""Certificates: had from an ACME server or from an authority of the host's own, kept, and renewed for ever.

A side wing: nothing that renders a host imports it.
"""
