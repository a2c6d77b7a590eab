"""The script that this process works for: its own, or that of the process that started it as a worker."""

import sys
from pathlib import Path

_handed_over: str | None = None


def entry_point() -> str | None:
    """Return the path of the script; None in notebooks and at a prompt."""
    if _handed_over is not None:
        return _handed_over
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    return str(Path(main).absolute()) if main else None


def set_entry_point(path: str | None) -> None:
    """Note that this process works for the script of another one; None leaves it its own."""
    global _handed_over  # noqa: PLW0603  a process is started once
    _handed_over = path
