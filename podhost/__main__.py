"""`python -m podhost`."""

from podhost.cli import main

if __name__ == "__main__":
    main()
