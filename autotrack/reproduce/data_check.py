"""Looks, before training starts, whether the data that a run has read by path is still what it was."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any

from autotrack.journal.records import Dataset
from autotrack.journal.summary import Summary
from autotrack.readers.code.usage import DIGESTS, Usage
from autotrack.readers.reproducibility.missing import Missing
from autotrack.reproduce.places import exists, is_file
from autotrack.reproduce.workspace import Workspace
from autotrack.sidecar.descriptions import description, folder_description
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
            elif (data.kind == "file") != is_file(path) or _is_other(data, path):
                yield Missing(data.source, "it has other content than the run has read", "bring it back", kind="data")
    yield from _changed_reads(summary, space)


def _changed_reads(summary: Summary, space: Workspace) -> Iterator[Missing]:
    """Yield the data that the training was seen reading or that it names, where they are gone or are not the same.

    A folder in which a file differs is not named besides that file.
    """
    usage = Usage(summary)
    named = {os.path.normpath(PurePath(summary.cwd or "/", data.source)) for data in summary.datasets if data.source}
    told: list[str] = []
    for name, before in sorted(_known(usage).items(), key=lambda one: "listing" in one[1]):
        then = os.path.normpath(usage.root / name)
        path = Path(space.here(then))
        if then in named or ("listing" in before and any(one.startswith(f"{then}/") for one in told)):
            continue
        if not exists(path):
            why = f"{_how_known(before)}, and it is not here"
        elif _is_described_otherwise(path, before):
            why = f"{_how_known(before)}, and it has other {'files' if 'listing' in before else 'content'} now"
        else:
            continue
        told.append(then)
        fix = "bring it back; --project FOLDER copies it from there, with --link it is not copied"
        yield Missing(then, why, fix, kind="data")


def _how_known(before: Mapping[str, Any]) -> str:
    if before.get("named"):
        return "its code names it"
    return "it was opened while the run went on" if before.get("opened") else "the run has read it"


def is_still(usage: Usage, name: str, path: Path) -> bool:
    """Whether a file, by its path in the project, is known to be what the run has read or named."""
    before = _known(usage).get(name)
    return before is not None and exists(path) and not _is_described_otherwise(path, before)


def _known(usage: Usage) -> dict[str, Mapping[str, Any]]:
    return {**{name: {"sha256": one, "named": True} for name, one in usage.files.items()}, **usage.reads}


def _is_described_otherwise(path: Path, before: Mapping[str, Any]) -> bool:
    if "listing" not in before and not is_file(path):  # nor is a pipe waited for
        return True
    with suppress(OSError):
        now = (folder_description(str(path)) if "listing" in before else description(str(path), path.stat())) or {}
        return any(kind in before and before[kind] != now.get(kind) for kind in DIGESTS)
    return False


def _is_other(data: Dataset, path: Path) -> bool:
    now = DataObserver(seconds=_SECONDS).describe(data.role, path, name=data.name)
    return bool(data.fingerprint) and now.covered == data.covered and now.fingerprint != data.fingerprint
