"""Commands that run a function of autotrack in another Python process."""

import sys
from pathlib import Path


def is_available() -> bool:
    """Whether there is a Python interpreter that can be started. An application frozen into one file has none."""
    return bool(sys.executable) and not getattr(sys, "frozen", False)


def command(module: str, *arguments: str, keeps_order: bool = False) -> list[str]:
    """Return the command that calls `main` of a module in another Python process.

    That process finds modules wherever this one does. What it would find anyway comes first, though: a file `queue.py`
    beside the user's script must not replace Python's own module.

    Args:
        module: The full name of the module.
        arguments: What `main` is called with.
        keeps_order: Search the folders in the same order as this process, to find the same version of a library.
    """
    home = str(Path(__file__).parent.parent)
    paths = [path for path in dict.fromkeys([*sys.path, home]) if path]
    search = f"sys.path[:] = {paths!r}" if keeps_order else f"sys.path += [p for p in {paths!r} if p not in sys.path]"
    code = f"import sys; {search}; from {module} import main; main({', '.join(map(repr, arguments))})"
    return [sys.executable, "-P", "-W", "ignore", "-c", code]
