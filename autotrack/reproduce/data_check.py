"""Looks, before training starts, whether the data that a run has read by path is still what it was."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePath

from autotrack.journal.records import Dataset
from autotrack.journal.summary import Summary
from autotrack.readers.missing import Missing
from autotrack.readers.usage import Usage
from autotrack.reproduce.places import exists
from autotrack.reproduce.workspace import Workspace
from autotrack.sidecar.open_files import description
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
    yield from _changed_reads(summary, space)


def _changed_reads(summary: Summary, space: Workspace) -> Iterator[Missing]:
    """Yield the files that the training was seen reading, where they are gone or have other content."""
    usage = Usage(summary)
    named = {os.path.normpath(PurePath(summary.cwd or "/", data.source)) for data in summary.datasets if data.source}
    for name, before in usage.reads.items():
        then = os.path.normpath(usage.root / name)
        path = Path(space.here(then))
        if then in named:
            continue
        if not exists(path):
            yield Missing(then, "the run has read it, and it is not here", "bring it, or --link it", kind="data")
            continue
        with suppress(OSError):
            now = description(str(path), path.stat())
            if any(kind in before and before[kind] != now.get(kind) for kind in ("sha256", "sampled")):
                yield Missing(then, "it has other content than the run has read", "bring it back", kind="data")


def _is_other(data: Dataset, path: Path) -> bool:
    now = DataObserver(seconds=_SECONDS).describe(data.role, path, name=data.name)
    return bool(data.fingerprint) and now.covered == data.covered and now.fingerprint != data.fingerprint
