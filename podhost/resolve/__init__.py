"""Parameters, secrets and templates into a service plan: pure, without clock, network, environment or randomness."""

from podhost.resolve.host import resolve

__all__ = ["resolve"]
