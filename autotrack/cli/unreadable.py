"""Says which runs of a store cannot be read, and why: whoever lists runs leaves them out."""

from pathlib import Path

from autotrack.cli.printing import say
from autotrack.readers import catalog

_MOST_NAMED = 3


def say_unreadable(store: Path) -> None:
    """Name the runs of a store that could not be read when it was last looked through, on standard error."""
    found = catalog.unreadable(store)
    for folder, reason in list(found.items())[:_MOST_NAMED]:
        say(f"left out {folder}: {reason}", err=True)
    if len(found) > _MOST_NAMED:
        say(f"left out {len(found) - _MOST_NAMED} more that cannot be read; `autotrack sync` names them", err=True)
