"""What would go wrong at first boot, said before it: one rule a function, in families, each at the line that is wrong."""

from podhost.check.run import Checker
from podhost.check.subject import Target

__all__ = ["Checker", "Target"]
