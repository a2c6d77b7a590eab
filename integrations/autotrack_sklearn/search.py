"""Searches and validations: one trial for each candidate, fold or point, with all that is known of it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import autotrack
from autotrack_sklearn.params import final_of, plain

if TYPE_CHECKING:
    from autotrack_sklearn.recording import Recording
    from autotrack_sklearn.tasks import Folds

_trials_of_runs: WeakKeyDictionary[autotrack.Run, int] = WeakKeyDictionary()


def first_trial(run: autotrack.Run) -> int:
    """Return the number of the next trial of a run: a second search does not replace the trials of the first."""
    return _trials_of_runs.get(run, 0)


def is_search(estimator: Any) -> bool:
    """Whether this estimator is one that tries candidates, scikit-learn's own or somebody else's."""
    return any("SearchCV" in kind.__name__ for kind in type(estimator).__mro__)


def refitted(estimator: Any) -> Any:
    """Return the model that a search came to, None for one that did not refit; other estimators are their own."""
    held = vars(estimator)
    return held.get("best_estimator_") if "cv_results_" in held else estimator


def record(recording: "Recording") -> None:
    """Record every candidate of a search, and the best one."""
    found = _searched(recording.subject)
    results = vars(found).get("cv_results_") if found is not None else None
    if not isinstance(results, Mapping) or "params" not in results:
        return
    write_candidates(recording.run, results, recording.folds, _batches(found, len(results["params"])))
    held = vars(found)
    best = {name.rstrip("_"): held[name] for name in ("best_score_", "best_index_", "refit_time_") if name in held}
    if "refit_time" in best:
        best["refit_seconds"] = best.pop("refit_time")
    recording.log(best, stage="validate")
    if isinstance(held.get("best_params_"), Mapping):
        values = {f"best.{name}": plain(value) for name, value in held["best_params_"].items()}
        recording.run.log_params(values, f"{recording.label}.best")


def write_candidates(
    run: autotrack.Run, results: Mapping[str, Any], folds: "Folds | None", batches: Sequence[int]
) -> None:
    """Write a trial for each candidate, in the place of what was written of it while it was tried."""
    candidates = results["params"]
    columns = {
        name: column.tolist() if hasattr(column, "tolist") else list(column)
        for name, column in results.items()
        if name != "params" and not name.startswith("param_") and len(column) == len(candidates)
    }
    times = folds.times(list(batches)) if folds is not None else {}
    first = folds.first if folds is not None else first_trial(run)
    for number, candidate in enumerate(candidates):
        values = {name: column[number] for name, column in columns.items() if isinstance(column[number], (int, float))}
        tests = [value for name, value in values.items() if name.startswith("mean_test_")]
        has_failed = bool(tests) and all(value != value for value in tests)  # noqa: PLR0124  all of them NaN
        began, ended = times.get(number, (None, None))
        params = {name: plain(value) for name, value in candidate.items()}
        status = "failed" if has_failed else "finished"
        run.log_trial(first + number, params, values, started=began, ended=ended, status=status)
    _trials_of_runs[run] = first + len(candidates)


def write_points(
    run: autotrack.Run, rows: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], kind: str, folds: "Folds | None"
) -> None:
    """Write a trial for each fold or point: its params, and its values."""
    first = first_trial(run)
    times: dict[float | None, Any] = {one.fit_seconds: one for one in folds.done} if folds is not None else {}
    spans = folds.spans(len(rows)) if folds is not None else []
    for number, (params, values) in enumerate(rows):
        done = times.get(values.get("fit_time", -1.0))
        began, ended = (done.started, done.ended) if done else spans[number] if spans else (None, None)
        run.log_trial(first + number, params, values, kind=kind, started=began, ended=ended)
    _trials_of_runs[run] = first + len(rows)


def _searched(estimator: Any) -> Any:
    """Return the search that this estimator is, or that a pipeline ends in."""
    held = vars(estimator)
    if "cv_results_" in held:
        return estimator
    steps = held.get("steps")
    last = steps[-1][-1] if isinstance(steps, list) and steps else None
    if last is not None and "cv_results_" in getattr(last, "__dict__", {}):
        return last
    final = final_of(estimator)
    return final if "cv_results_" in getattr(final, "__dict__", {}) else None


def _batches(search: Any, candidates: int) -> list[int]:
    """Return how many candidates were tried together; a halving search says so for each of its iterations."""
    batches = vars(search).get("n_candidates_")
    return [int(one) for one in batches] if isinstance(batches, list) else [candidates]
