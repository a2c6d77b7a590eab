"""Finds the run that somebody names, and says which one was taken where the name is not its own in full."""

import os
from pathlib import Path

from autotrack.cli.printing import say
from autotrack.readers.catalog import Catalog
from autotrack.readers.picking import is_called
from autotrack.readers.recorded_run import RecordedRun
from autotrack.readers.scan import LATEST


def named_run(
    reference: str, store: str | os.PathLike[str] | None = None, looked_at: Catalog | None = None
) -> RecordedRun:
    """Return one run, as `Catalog.find` does, with the same errors."""
    run = (looked_at or Catalog()).find(reference, store)
    if reference != LATEST and not is_called(run, reference) and not Path(reference).expanduser().is_dir():
        say(f"autotrack: {reference!r} is taken for the run {run.name}", err=True)
    return run
