"""Looks, before training starts, whether the data that a run has read by path is still what it was."""

from collections.abc import Iterator
from pathlib import Path

from autotrack.journal.records import Dataset
from autotrack.journal.summary import Summary
from autotrack.readers.missing import Missing
from autotrack.reproduce.places import exists
from autotrack.reproduce.workspace import Workspace
from autotrack.training.observe.data.observer import DataObserver

_SECONDS = 5.0
"""Nobody is training yet, so this may take longer than it does there."""


def changed_data(summary: Summary, space: Workspace) -> Iterator[Missing]:
    """Yield the files and folders of data that are gone or have other content than they had for the run."""
    for data in summary.datasets:
        if data.source and data.kind in ("file", "folder"):
            path = space.cwd / space.here(data.source)
            if not exists(path):
                yield Missing(
                    data.source, "the run has read it, and it is not here", "bring it, or --link it", kind="data"
                )
            elif _is_other(data, path):
                yield Missing(data.source, "it has other content than the run has read", "bring it back", kind="data")


def _is_other(data: Dataset, path: Path) -> bool:
    now = DataObserver(seconds=_SECONDS).describe(data.role, path, name=data.name)
    return bool(data.fingerprint) and now.covered == data.covered and now.fingerprint != data.fingerprint
