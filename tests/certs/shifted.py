"""`podhost` in a process whose clock is late or early: `python -m tests.certs.shifted SECONDS ARGUMENTS…`."""

import sys

from podhost import cli
from podhost.cli import cert

if __name__ == "__main__":
    shift = int(sys.argv[1])
    sys.argv = ["podhost", *sys.argv[2:]]
    real = cert.now
    cert.now = lambda: real() + shift
    cli.main()
