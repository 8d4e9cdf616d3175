"""`python -m podhost`, and the console script."""

import gc

# Imports make many objects and no garbage: looking for some among them took a tenth of the time of a short command.
gc.set_threshold(100_000)

from podhost.cli import main  # noqa: E402 - what it imports is what this is about

if __name__ == "__main__":
    main()
