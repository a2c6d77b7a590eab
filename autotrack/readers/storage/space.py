"""What takes the space of a store: by experiment, by run, and by what it is."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

_KINDS = {
    "journal": "journals",
    "checkpoints": "checkpoints",
    "model": "models",
    "artifacts": "artifacts",
    "environment": "environment",
    "remote": "what was sent",
    "points.npz": "columns of points",
}


def space_of(folder: Path, seen: set[tuple[int, int]] | None = None) -> Counter[str]:
    """Return how many bytes of the disk each kind of file below a run folder takes.

    A file with several names counts once for all calls with the same `seen`: checkpoints are often linked. Symbolic
    links are not followed.
    """
    seen = set() if seen is None else seen
    found: Counter[str] = Counter()
    for name, status in _files(folder):
        if status.st_nlink > 1:
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
        found[_kind_of(name)] += status.st_blocks * 512
    return found


def total(spaces: Iterable[Counter[str]]) -> Counter[str]:
    """Return the sum of several."""
    summed: Counter[str] = Counter()
    for space in spaces:
        summed.update(space)
    return summed


def _files(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)  # noqa: PTH118  stores have a hundred thousand files
            try:
                yield os.path.relpath(path, folder), os.lstat(path)
            except OSError:
                continue


def _kind_of(name: str) -> str:
    first = name.split(os.sep, 1)[0]
    if "tfevents" in name:
        return "event files"
    if first == "output.log":
        return "output"
    return _KINDS.get(first, "summaries")
