"""User data for providers, read back by the real Ignition."""
