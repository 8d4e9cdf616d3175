"""`python -m podhost`, and the console script: here, where the process is podhost's own, its start-up is made short."""

import atexit
import gc
import sys
from types import ModuleType

# Imports make many objects and no garbage: looking for some among them took a tenth of the time of a short command.
gc.set_threshold(100_000)
# The same at the end, when Python would look through all that it is about to throw away.
atexit.register(gc.freeze)

# pydantic asks this module for plugins, and it imports importlib.metadata to look for some: another tenth.
# podhost has none. Should pydantic call the module something else one day, this does nothing.
_no_plugins = ModuleType("pydantic.plugin._loader")
_no_plugins.__dict__["get_plugins"] = tuple
sys.modules.setdefault(_no_plugins.__name__, _no_plugins)

from podhost.cli import main  # noqa: E402 - what it imports is what this is about

if __name__ == "__main__":
    main()
