"""What Python is about to run, while it starts and there is no main module yet."""

import sys


def main_target() -> tuple[str | None, str | None]:
    """Return the path of the script, or the name of the module, that Python is about to run; neither at a prompt."""
    first, *arguments = sys.argv or [""]
    if first == "-m":
        return None, sys.orig_argv[-len(arguments) - 1].removeprefix("-m")
    return (None if first in ("", "-", "-c") else first), None
