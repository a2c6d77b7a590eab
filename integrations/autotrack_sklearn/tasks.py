"""The tasks that scikit-learn hands to joblib: each is inside of a recording, and a fold or a candidate is one.

In the threads of this process they are seen as they happen. To another process only what is pickled gets: the
callback of scikit-learn 1.9, which does the same there and writes to a journal of that process.
"""

from collections import Counter
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from time import time
from typing import Any

import autotrack
from autotrack.integrations import Outcome, Patch, attach_run, is_autologging, is_worker, trials_of_workers
from autotrack_sklearn import scope
from autotrack_sklearn.params import plain


@dataclass(frozen=True)
class Done:
    """One split of a candidate, or one fold, that has been fitted and scored."""

    batch: int
    candidate: int
    fit_seconds: float | None
    started: float
    ended: float


class Folds:
    """The splits of a search or of a cross-validation, recorded as they are done.

    `batch` counts how many candidates are tried together: a halving search begins to count anew with each iteration.
    """

    def __init__(
        self,
        run: autotrack.Run,
        *,
        caller: Any = None,
        first: int = 0,
        is_partial: bool = False,
        is_silent: bool = False,
    ) -> None:
        self._run = run
        self._caller = caller
        self._is_partial = is_partial
        self._is_silent = is_silent
        self.first = first
        self.done: list[Done] = []
        self._batches: list[int] = []
        self._splits: Counter[int] = Counter()
        self._seen: set[tuple[int, int]] = set()
        self._trials: dict[int, dict[str, Any]] = {}

    def add(self, kwargs: Mapping[str, Any], outcome: Outcome, started: float) -> None:
        """Take a task that has ended."""
        found = outcome.result
        if kwargs.get("caller") is not self._caller and not self._is_partial:
            return  # of a search inside of this one
        ended = time()
        if not isinstance(found, dict):
            if outcome.error is None:  # what cross_val_predict does in a fold
                self.done.append(Done(0, len(self.done), None, started, ended))
            return
        candidate, candidates = kwargs.get("candidate_progress") or (len(self.done), 0)
        split, splits = kwargs.get("split_progress") or (0, 1)
        if (candidate, split) in self._seen or not self._batches:
            self._batches.append(candidates)
            self._seen.clear()
        self._seen.add((candidate, split))
        self.done.append(Done(len(self._batches) - 1, candidate, found.get("fit_time"), started, ended))
        if self._is_silent:
            return
        number = self.first + sum(self._batches[:-1]) + candidate
        kind = "candidate" if candidates else "fold"
        self._collect(number, kwargs.get("parameters") or {}, _values(found, split if candidates else None), found)
        self._splits[number] += 1
        if self._splits[number] == splits or self._is_partial:
            self._write(number, kind)

    def _collect(self, number: int, params: Any, values: dict[str, Any], found: dict[str, Any]) -> None:
        last = self.done[-1]
        trial = self._trials.setdefault(number, {"params": params, "values": {}, "started": last.started})
        trial["values"].update(values)
        trial["ended"] = last.ended
        if found.get("fit_error"):
            trial["error"] = found["fit_error"].strip().splitlines()[-1]

    def _write(self, number: int, kind: Any) -> None:
        trial = self._trials.pop(number) if not self._is_partial else self._trials[number]
        self._run.log_trial(
            number,
            {name: plain(value) for name, value in trial["params"].items()},
            trial["values"],
            kind=kind,
            status="failed" if "error" in trial else "finished",
            error=trial.get("error"),
            started=trial["started"],
            ended=trial["ended"],
        )

    def times(self, batches: list[int]) -> dict[int, tuple[float, float]]:
        """Return when each candidate began and ended, given how many candidates were tried in each batch."""
        found: dict[int, tuple[float, float]] = {}
        for one in self.done:
            if one.batch >= len(batches):
                return {}
            number = sum(batches[: one.batch]) + one.candidate
            began, ended = found.get(number, (one.started, one.ended))
            found[number] = (min(began, one.started), max(ended, one.ended))
        return found or (self._times_of_workers() if len(batches) == 1 else {})

    def spans(self, points: int) -> list[tuple[float, float]]:
        """Return when each of so many points began and ended, where all were done one after the other."""
        tasks = sorted(self.done, key=lambda one: one.started)
        if not tasks or len(tasks) % points or any(a.ended > b.started for a, b in pairwise(tasks)):
            return []
        of_points = [tasks[number::points] for number in range(points)]
        return [(min(one.started for one in done), max(one.ended for one in done)) for done in of_points]

    def _times_of_workers(self) -> dict[int, tuple[float, float]]:
        found: dict[int, tuple[float, float]] = {}
        for trial in trials_of_workers(self._run):
            if trial.started is not None and trial.ended is not None:
                began, ended = found.get(trial.number - self.first, (trial.started, trial.ended))
                found[trial.number - self.first] = (min(began, trial.started), max(ended, trial.ended))
        return found


def _values(found: Mapping[str, Any], split: int | None) -> dict[str, Any]:
    """Return the scores and times of one split by the names that `cv_results_` has for them."""
    begin = "" if split is None else f"split{split}_"
    values = {}
    for kind in ("test", "train"):
        scores = found.get(f"{kind}_scores")
        by_name = scores if isinstance(scores, dict) else {} if scores is None else {"score": scores}
        values.update({f"{begin}{kind}_{name}": score for name, score in by_name.items()})
    for name in ("fit_time", "score_time"):
        if name in found:
            values[f"{begin}{name}"] = found[name]
    return values


_FITTING = {"_fit_and_score", "_fit_and_predict"}
_of_parents: dict[Path, Folds] = {}


def _inside_a_task(task: Any, *_args: Any, **kwargs: Any) -> Generator[None, Outcome, None]:
    """Hook round a task of scikit-learn, in whichever thread or process it runs."""
    recording = scope.recording_here()
    folds = getattr(recording, "folds", None)
    if is_worker():
        recording, folds = scope.INSIDE, _folds_of_parent(kwargs.get("callback_ctx"))
    if recording is None:
        return
    name = getattr(getattr(task, "function", None), "__name__", "")
    before, started = scope.enter(scope.INSIDE), time()
    outcome = yield
    scope.leave(before)
    if folds is not None and name in _FITTING:
        folds.add(kwargs, outcome, started)


def _folds_of_parent(context: Any) -> Folds | None:
    """Return where a worker writes: the run that the callback names which came along with the task."""
    from autotrack_sklearn.callback import AutotrackCallback

    for callback in getattr(context, "_callbacks", []):
        folder = callback.folder_of(context) if isinstance(callback, AutotrackCallback) else None
        if folder is not None:
            if folder not in _of_parents:
                _of_parents.clear()
                _of_parents[folder] = Folds(attach_run(folder), is_partial=True, first=callback.first_trial)
            return _of_parents[folder]
    return None


class _Watch:
    """The one hook round tasks, and whether a callback has asked for it where autolog is off."""

    def __init__(self) -> None:
        self.patch: Patch | None = None
        self.asked = 0


_watch = _Watch()


def patch(kind: type) -> Patch:
    """Return the hook round the tasks of this class."""
    if _watch.patch is None or _watch.patch.owner is not kind:
        _watch.patch = Patch(kind, "__call__", _inside_a_task)
    return _watch.patch


def watch() -> None:
    """Look at tasks from here on, until as many calls of `unwatch`; autolog does so anyway."""
    from sklearn.utils.parallel import _FuncWrapper

    _watch.asked += 1
    patch(_FuncWrapper).apply()


def unwatch() -> None:
    """Look at tasks no longer, unless somebody else asked for it."""
    _watch.asked -= 1
    if _watch.patch is not None and not _watch.asked and not is_autologging("sklearn"):
        _watch.patch.revert()
