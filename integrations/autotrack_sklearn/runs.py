"""What has been written to each run so far, so that several fits and evaluations in it have different names."""

from collections import Counter
from hashlib import blake2b
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

import autotrack

MOST_OPEN_RUNS = 8
"""How many finished runs keep their journal open for further evaluations: closing one takes milliseconds."""

_MOST_WEIGHTS, _MOST_TRUTHS = 100, 1000


class _Written:
    def __init__(self) -> None:
        self.fits: Counter[str] = Counter()
        self.points: Counter[str] = Counter()
        self.datasets: set[tuple[str, str | None]] = set()
        self.trials = 0
        self.weights: dict[tuple[str, bytes], list[bytes]] = {}


class Runs:
    """The runs that fits and evaluations were recorded in, for as long as they live."""

    def __init__(self) -> None:
        self._written: WeakKeyDictionary[autotrack.Run, _Written] = WeakKeyDictionary()
        self._recently_evaluated: list[autotrack.Run] = []
        self._quick_fits: Counter[str] = Counter()

    def label_fit(self, run: autotrack.Run, class_name: str) -> tuple[str, str]:
        """Return a label for the next fit in a run, and the prefix of its names: none for the first fit."""
        fits = self._of(run).fits
        is_first = not fits
        fits[class_name] += 1
        label = class_name if fits[class_name] == 1 else f"{class_name}-{fits[class_name]}"
        return label, "" if is_first else f"{label}/"

    def add_quick_fit(self, class_name: str) -> int:
        """Return how many quick fits of a class there have been in this process, with this one."""
        self._quick_fits[class_name] += 1
        return self._quick_fits[class_name]

    def first_trial(self, run: autotrack.Run) -> int:
        """Return the number of the next trial: a second search does not replace the trials of the first."""
        return self._of(run).trials

    def set_trials(self, run: autotrack.Run, count: int) -> None:
        """Say how many trials a run has by now."""
        self._of(run).trials = count

    def next_step(self, run: autotrack.Run, metric: str) -> int:
        """Return how often an evaluation has logged this metric, and count one more."""
        points = self._of(run).points
        points[metric] += 1
        return points[metric] - 1

    def number_weights(self, run: autotrack.Run, metric: str, truth: Any, weights: Any) -> int:
        """Return the number of these weights among those that a metric was computed with, for the same truth.

        It counts from 1. The truth of other data, such as another batch, has other weights of the same meaning.
        """
        by_truth, key, digest = self._of(run).weights, (metric, _digest(truth)), _digest(weights)
        if key not in by_truth and len(by_truth) >= _MOST_TRUTHS:
            return 1
        known = by_truth.setdefault(key, [])
        if digest not in known and len(known) < _MOST_WEIGHTS:
            known.append(digest)
        return known.index(digest) + 1 if digest in known else len(known)

    def add_dataset(self, run: autotrack.Run, role: str, name: str | None) -> bool:
        """Note that a run has a description of this data set; return whether it is a new one."""
        datasets = self._of(run).datasets
        is_new = (role, name) not in datasets
        datasets.add((role, name))
        return is_new

    def add_evaluated(self, run: autotrack.Run) -> autotrack.Run | None:
        """Note that a finished run was evaluated; return the one evaluated longest ago if too many are open."""
        recent = self._recently_evaluated
        if run in recent:
            recent.remove(run)
        recent.append(run)
        return recent.pop(0) if len(recent) > MOST_OPEN_RUNS else None

    def _of(self, run: autotrack.Run) -> _Written:
        written = self._written.get(run)
        if written is None:
            written = self._written[run] = _Written()
        return written


def _digest(values: Any) -> bytes:
    array = np.ascontiguousarray(values)
    return blake2b(array.tobytes() if array.dtype != object else repr(array.tolist()).encode(), digest_size=8).digest()
