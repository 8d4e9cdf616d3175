"""The seed of everything random in a run: printed by the tests that use it, and set by `PODHOST_SEED=…` to run them again."""

from __future__ import annotations

import os
import random

CI = os.environ.get("CI") == "true"
SOAK = os.environ.get("PODHOST_SOAK") == "1"
# CI makes the same configs each time, so that a change is never blamed for an old mistake; all other runs make new ones.
SEED = int(os.environ.get("PODHOST_SEED") or (1 if CI else random.SystemRandom().randrange(2**32)))
