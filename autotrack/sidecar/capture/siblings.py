"""Finds the environment of a run whose sidecar ended before it had captured any, in other runs of the same process."""

import os
from bisect import bisect_right
from collections import defaultdict
from pathlib import Path
from time import time
from typing import NamedTuple

import msgspec

from autotrack.errors import AutotrackError
from autotrack.journal.reader import RunReader
from autotrack.journal.records import SHARED_KIND, Environment, Notice, RunStarted
from autotrack.journal.run_folder import read_bytes
from autotrack.journal.shared_files import publish
from autotrack.sidecar.followed_run import FollowedRun

OWN_KINDS = {"process", "notebook"}
"""What the training process itself records of the environment. A run that has these wants the rest as well."""

_MOST_BYTES = 10**8


class _Sibling(NamedTuple):
    started: float
    folder: Path
    environment: list[Environment]


class Siblings:
    """The runs of processes, by experiment. Each experiment is read once, when a run in it lacks its environment."""

    def __init__(self) -> None:
        self._experiments: dict[Path, dict[tuple[str, int], list[_Sibling]]] = {}

    def give_environment(self, run: FollowedRun) -> None:
        """Give a run that has been read the environment of the run that its process began before it, or after."""
        started, kinds = run.facts.started, run.facts.captured_kinds
        if started is None or not kinds or kinds - OWN_KINDS:
            return
        experiment = run.folder.absolute().parent
        if experiment not in self._experiments:
            self._experiments[experiment] = _read(experiment)
        siblings = self._experiments[experiment].get((started.host, started.pid))
        if not siblings:
            return
        place = bisect_right(siblings, started.time, key=lambda sibling: sibling.started)
        nearest = siblings[max(place - 1, 0)]
        digest = nearest.environment[0].shared or _publish(run.folder, nearest)
        message = f"as captured for {nearest.folder.name}, another run of the same process"
        run.put(
            [
                Environment(time=time(), kind=SHARED_KIND, shared=digest),
                Notice(time=time(), about="environment", message=message),
            ]
        )


def _read(experiment: Path) -> dict[tuple[str, int], list[_Sibling]]:
    found: dict[tuple[str, int], list[_Sibling]] = defaultdict(list)
    with os.scandir(experiment) as entries:
        folders = [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    for folder in folders:
        try:
            started, environment = _facts(folder)
        except (OSError, AutotrackError):  # it is not a run, or a bad one
            continue
        if started is not None and environment:
            found[started.host, started.pid].append(_Sibling(started.time, folder, environment))
    for siblings in found.values():
        siblings.sort(key=lambda sibling: sibling.started)
    return found


def _facts(folder: Path) -> tuple[RunStarted | None, list[Environment]]:
    started: RunStarted | None = None
    environment: dict[str, Environment] = {}
    for rank, batch in RunReader(folder):
        for record in batch:
            if isinstance(record, RunStarted) and not rank:
                started = started or record
            elif isinstance(record, Environment) and not rank and record.kind not in (*OWN_KINDS, SHARED_KIND):
                environment[record.kind] = record
    return started, list(environment.values())


def _publish(run: Path, sibling: _Sibling) -> str:
    """Keep the environment of a sibling, which has one of its own, for others as well."""
    names = [name for record in sibling.environment for name in record.files]
    files: dict[str, bytes | Path] = {
        name: read_bytes(sibling.folder, name, limit_bytes=_MOST_BYTES) for name in names
    }
    return publish(run, files, [msgspec.structs.replace(record, time=0.0) for record in sibling.environment])
