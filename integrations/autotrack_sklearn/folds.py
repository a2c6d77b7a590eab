"""The fits of a search or of a cross-validation, recorded as they end: one for each candidate and split.

In the threads of this process they are seen as they end. A worker process writes to a journal of its own.
"""

from collections import Counter
from collections.abc import Mapping
from contextvars import Context
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from time import time
from typing import Any
from uuid import UUID

import autotrack
from autotrack.integrations import Outcome, RunFiles, attach_run
from autotrack_sklearn.values import plain

Span = tuple[float, float]
"""When something began and when it ended."""


@dataclass(frozen=True)
class Fold:
    """One split of a candidate, or one fold of a validation, that was fitted and scored."""

    batch: int
    candidate: int
    fit_seconds: float | None
    started: float
    ended: float


class Folds:
    """The folds of one search or validation.

    `first` is the number of its first trial in the run. A batch is how many candidates are tried together: a halving
    search counts its candidates from zero again in each iteration. Folds are recorded at once, except when
    `is_silent`. With `is_partial`, other processes have other splits of the same candidates.
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
        self.first = first
        self.done: list[Fold] = []
        self._run = run
        self._caller = caller
        self._is_partial = is_partial
        self._is_silent = is_silent
        self._batches: list[int] = []
        self._splits: Counter[int] = Counter()
        self._seen: set[tuple[int, int]] = set()
        self._trials: dict[int, dict[str, Any]] = {}
        self._errors: dict[int, str] = {}

    def add(self, kwargs: Mapping[str, Any], outcome: Outcome, started: float) -> None:
        """Add a task of scikit-learn that has ended, given its arguments."""
        scores = outcome.result
        if kwargs.get("caller") is not self._caller and not self._is_partial:
            return  # a task of a search inside this one
        if not isinstance(scores, dict):
            if outcome.error is None:  # a fold of cross_val_predict
                self.done.append(Fold(0, len(self.done), None, started, time()))
            return
        candidate, candidates = kwargs.get("candidate_progress") or (len(self.done), 0)
        split, splits = kwargs.get("split_progress") or (0, 1)
        batch = self._batch_of(candidate, split, candidates)
        fold = Fold(batch, candidate, scores.get("fit_time"), started, time())
        self.done.append(fold)
        if not self._is_silent:
            number = self.first + sum(self._batches[:-1]) + candidate
            values = _values(scores, split if candidates else None)
            self._collect(number, fold, kwargs.get("parameters") or {}, values, scores.get("fit_error"))
            self._splits[number] += 1
            if self._splits[number] == splits or self._is_partial:
                self._write(number, "candidate" if candidates else "fold")

    def times(self, batches: list[int]) -> dict[int, Span]:
        """Return when each candidate began and ended, given how many candidates were tried in each batch."""
        spans: dict[int, Span] = {}
        for fold in self.done:
            if fold.batch >= len(batches):
                return {}
            _widen(spans, sum(batches[: fold.batch]) + fold.candidate, (fold.started, fold.ended))
        return spans or (self._times_of_workers() if len(batches) == 1 else {})

    def errors(self) -> dict[int, str]:
        """Return why candidates failed, by the number of their trial."""
        return self._errors or {
            trial.number: trial.error for trial in RunFiles(self._run).trials_of_workers() if trial.error
        }

    def spans(self, points: int) -> list[Span]:
        """Return when each of so many points began and ended, if all were done one after the other."""
        folds = sorted(self.done, key=lambda fold: fold.started)
        if not folds or len(folds) % points or any(a.ended > b.started for a, b in pairwise(folds)):
            return []
        by_point = [folds[number::points] for number in range(points)]
        return [(min(fold.started for fold in done), max(fold.ended for fold in done)) for done in by_point]

    def _batch_of(self, candidate: int, split: int, candidates: int) -> int:
        """Return the number of the batch: a new one begins when the same split of the same candidate comes again."""
        if (candidate, split) in self._seen or not self._batches:
            self._batches.append(candidates)
            self._seen.clear()
        self._seen.add((candidate, split))
        return len(self._batches) - 1

    def _collect(self, number: int, fold: Fold, params: Any, values: dict[str, Any], error: str | None) -> None:
        trial = self._trials.setdefault(number, {"params": params, "values": {}, "started": fold.started})
        trial["values"].update(values)
        trial["ended"] = fold.ended
        if error:
            self._errors[number] = trial["error"] = error.strip().splitlines()[-1]

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

    def _times_of_workers(self) -> dict[int, Span]:
        spans: dict[int, Span] = {}
        for trial in RunFiles(self._run).trials_of_workers():
            if trial.started is not None and trial.ended is not None:
                _widen(spans, trial.number - self.first, (trial.started, trial.ended))
        return spans


class ParentFolds:
    """In a worker: the searches of the parent process that its tasks belong to, by the number of the outermost fit."""

    def __init__(self) -> None:
        self._searches: dict[UUID, tuple[Path, int]] = {}
        self._run: autotrack.Run | None = None
        self._folds: tuple[UUID, Folds] | None = None

    def announce(self, searches: Mapping[UUID, tuple[Path, int]]) -> None:
        """Remember the folder of the run and the number of the first trial of these searches."""
        self._searches.update(searches)

    def of(self, number: UUID | None) -> Folds | None:
        """Return where this worker writes what it does for a search, or None."""
        if number is None or number not in self._searches:
            return None
        if self._folds is None or self._folds[0] != number:
            folder, first = self._searches[number]
            if self._run is None or self._run.folder != folder:
                self._run = Context().run(attach_run, folder)  # later tasks here may be no part of that run
            self._folds = number, Folds(self._run, is_partial=True, first=first)
        return self._folds[1]


def _widen(spans: dict[int, Span], number: int, span: Span) -> None:
    began, ended = spans.get(number, span)
    spans[number] = min(began, span[0]), max(ended, span[1])


def _values(fold: Mapping[str, Any], split: int | None) -> dict[str, Any]:
    """Return the scores and times of one split by the names that `cv_results_` has for them."""
    begin = "" if split is None else f"split{split}_"
    values = {}
    for kind in ("test", "train"):
        scores = fold.get(f"{kind}_scores")
        by_name = scores if isinstance(scores, dict) else {} if scores is None else {"score": scores}
        values.update({f"{begin}{kind}_{name}": score for name, score in by_name.items()})
    for name in ("fit_time", "score_time"):
        if name in fold:
            values[f"{begin}{name}"] = fold[name]
    return values
