"""What a run has read, described so that it can be told later whether it is still the same.

From the surest to the least sure: what training was seen reading, what its code names, and what was opened in its
folders while it went on, by whomever.
"""

import os
import stat
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

from autotrack.sidecar.capture.base import Subject
from autotrack.sidecar.capture.keeping import LARGEST_FILE_BYTES
from autotrack.sidecar.capture.named_data import named_data, named_paths
from autotrack.sidecar.capture.source import held_by_git
from autotrack.sidecar.descriptions import description, folder_description
from autotrack.sidecar.open_files import ReadFiles

_MOST_FILES = 200
_SECONDS = 2.0


def read_data(subject: Subject, reads: ReadFiles) -> dict[str, dict[str, Any]]:
    """Describe the files and folders, by path; of those that are surer than others, nothing is said again."""
    named = named_paths(subject)
    seen = reads.described(subject.started.time, without=_store(subject))
    opened = {path: {**about, "opened": True} for path, about in _opened(subject, reads, named)}
    return {**opened, **named_data(subject, named), **seen}


def _opened(subject: Subject, reads: ReadFiles, named: Collection[Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what was opened and there before the start of the run, unless the run keeps it with its code."""
    started, until = subject.started.time, monotonic() + _SECONDS
    paths = [path for path in list(reads.opened.paths) if reads.is_data(path) and Path(path) not in named]
    files = {path: status for path in paths[:_MOST_FILES] if (status := _status(path, subject)) is not None}
    small = [Path(path) for path, status in files.items() if status.st_size <= LARGEST_FILE_BYTES]
    kept = held_by_git(small, [Path(subject.started.cwd), subject.script_folder], until=until) if small else set()
    for path, status in files.items():
        if Path(path) not in kept and monotonic() < until:
            with suppress(OSError):
                yield path, description(path, status)
    for path in list(reads.opened.crowded):
        if Path(path) not in named and not Path(path).is_relative_to(_store(subject)) and monotonic() < until:
            about = folder_description(path)
            if about is not None and about["modified"] <= started:
                yield path, about


def _status(path: str, subject: Subject) -> os.stat_result | None:
    """Return the status of a file that was there before the run; None for others, and for what autotrack writes."""
    with suppress(OSError):
        status = os.stat(path)  # noqa: PTH116  any text
        is_older = stat.S_ISREG(status.st_mode) and status.st_mtime <= subject.started.time
        return status if is_older and not Path(path).is_relative_to(_store(subject)) else None
    return None


def _store(subject: Subject) -> Path:
    return subject.folder.absolute().parent.parent
