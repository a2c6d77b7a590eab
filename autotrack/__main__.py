"""`python -m autotrack` is the same as the `autotrack` command."""

from autotrack.cli import main

if __name__ == "__main__":
    main()
