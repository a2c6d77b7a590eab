"""Searches with KerasTuner: all of a search is one run, with a trial for each candidate.

The fits and evaluations that it makes open no runs of their own: what a candidate came to is what KerasTuner keeps
of it, its metrics at its best epoch.
"""

import inspect
from collections.abc import Mapping
from time import time
from typing import Any
from weakref import WeakKeyDictionary

import keras

import autotrack
from autotrack.integrations import Patch, RunOptions, as_plain, attempt, end_run, log_numbers
from autotrack_keras import binding
from autotrack_keras.calls import Call, Running, bind
from autotrack_keras.data import describe_data, x_and_y

_STATUSES = {"COMPLETED": "finished", "STOPPED": "pruned"}
"""Ours for those of KerasTuner."""

_searches: WeakKeyDictionary[Any, "Search"] = WeakKeyDictionary()
"""By oracle, which is told of every trial that ends."""

_counts: WeakKeyDictionary[autotrack.Run, int] = WeakKeyDictionary()
"""How many trials a run has: a second search in a run of the user's does not replace those of the first."""


def make_patches(keras_tuner: Any) -> list[Patch]:
    """Return new hooks for `keras_tuner`."""
    base = next(cls for cls in keras_tuner.Tuner.__mro__ if "search" in vars(cls))
    return [Patch(base, "search", _around_search), Patch(keras_tuner.Oracle, "end_trial", _note_trial)]


class Search:
    """Records one call of `search`."""

    def __init__(self, run: autotrack.Run, tuner: Any, *, owns_run: bool) -> None:
        self.run = run
        self._oracle = tuner.oracle
        self._owns_run = owns_run
        self._numbers: dict[str, int] = {}
        self._first = _counts.get(run, 0)
        self._began = time()

    def describe(self, tuner: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Record what is searched for, how, and on what data: what is given to `search` is meant for `fit`."""
        given = bind(inspect.signature(keras.Model.fit), None, *args, **kwargs) or dict(kwargs)
        # Not the defaults of `fit`: a tuner may have other values for those, as Hyperband has for the epochs.
        plain = {name: value for name, value in kwargs.items() if isinstance(value, (int, float, str))}
        self.run.log_params(plain, "fit")
        oracle = self._oracle
        facts = {
            "tuner": as_plain(type(tuner)),
            "oracle": as_plain(type(oracle)),
            "objective": as_plain(getattr(oracle.objective, "name", None)),
            "direction": as_plain(getattr(oracle.objective, "direction", None)),
            "max_trials": as_plain(oracle.max_trials),
            "executions_per_trial": as_plain(getattr(tuner, "executions_per_trial", None)),
            "search_seed": as_plain(oracle.seed),
        }
        self.run.log_params({name: value for name, value in facts.items() if value is not None}, "search")
        if given.get("x") is not None:
            describe_data(self.run, "train", given["x"], given.get("y"))
        if given.get("validation_data") is not None:
            describe_data(self.run, "validate", *x_and_y(given["validation_data"]))

    def trial_ends(self, trial: Any) -> None:
        """Record a candidate; one that is tried again after a failure is recorded again under its number."""
        number = self._numbers.setdefault(trial.trial_id, self._first + len(self._numbers))
        _counts[self.run] = self._first + len(self._numbers)
        values = {name: trial.metrics.get_last_value(name) for name in trial.metrics.metrics}
        values |= {"score": trial.score, "best_step": trial.best_step}
        message = str(trial.message or "").strip().splitlines()
        began, self._began = self._began, time()
        self.run.log_trial(
            number,
            trial.hyperparameters.values,
            {name: value for name, value in values.items() if value is not None},
            status=_STATUSES.get(trial.status, "failed"),
            error=message[-1] if message else None,
            started=began,
            ended=self._began,
        )

    def ends(self, error: BaseException | None) -> None:
        """Record the space that was searched and the best candidate; the search has returned or failed."""
        with attempt("keras search"):
            space = {one.name: one.get_config() for one in self._oracle.get_space().space}
            self.run.log_params({"space": space}, "search")
            best = next(iter(self._oracle.get_best_trials(1)), None)
            if best is not None and best.trial_id in self._numbers:
                number = self._numbers[best.trial_id]
                log_numbers(self.run, {"best_score": best.score, "best_trial": number}, stage="validate")
                self.run.log_params({"best": best.hyperparameters.values}, "search.best")
        end_run(self.run, error, is_own=self._owns_run)


def _around_search(tuner: Any, *args: Any, **kwargs: Any) -> Running:
    """Hook around `search`: whatever is trained inside belongs to it."""
    call = Call("search", tuner, {})
    search = _begin(tuner)
    if search is not None:
        _searches[tuner.oracle] = search
        with attempt("keras search"):
            search.describe(tuner, args, kwargs)
    call.enter()
    outcome = yield
    call.leave()
    if search is not None:
        _searches.pop(tuner.oracle, None)
        search.ends(outcome.error)


def _begin(tuner: Any) -> Search | None:
    """Open the run; none in a worker of a distributed search, whose oracle is that of another process."""
    if not hasattr(tuner.oracle, "trials"):
        return None
    run, owns_run = binding.open_run(RunOptions.of_autolog())
    return None if run is None else Search(run, tuner, owns_run=owns_run)


def _note_trial(oracle: Any, trial: Any, *_args: Any, **_kwargs: Any) -> Running:
    """Hook around `Oracle.end_trial`, which also scores the trial and decides whether the candidate is tried again."""
    yield
    search = _searches.get(oracle)
    if search is not None:
        search.trial_ends(oracle.trials[getattr(trial, "trial_id", trial)])
