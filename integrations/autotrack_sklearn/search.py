"""Searches and validations: one trial for each candidate, fold or point, with all its numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

import autotrack
from autotrack_sklearn import registry
from autotrack_sklearn.estimator_kinds import search_in
from autotrack_sklearn.folds import Folds
from autotrack_sklearn.recording import Recording
from autotrack_sklearn.values import plain


def record(recording: Recording) -> None:
    """Record every candidate of a search, and the best one."""
    search = search_in(recording.subject)
    results = vars(search).get("cv_results_") if search is not None else None
    if isinstance(results, Mapping) and "n_features" in results:
        _write_numbers_of_features(recording, results)
    if not isinstance(results, Mapping) or "params" not in results:
        return
    _write_candidates(recording.run, results, recording.folds, _batches(search, len(results["params"])))
    held = vars(search)
    best = {name.rstrip("_"): held[name] for name in ("best_score_", "best_index_", "refit_time_") if name in held}
    if "refit_time" in best:
        best["refit_seconds"] = best.pop("refit_time")
    recording.log(best, stage="validate")
    if isinstance(held.get("best_params_"), Mapping):
        values = {f"best.{name}": plain(value) for name, value in held["best_params_"].items()}
        recording.run.log_params(values, f"{recording.label}.best")


def _write_numbers_of_features(recording: Recording, results: Mapping[str, Any]) -> None:
    """Write a trial for each number of features that an elimination has scored."""
    counts = [int(count) for count in results["n_features"]]
    columns = _columns(results, len(counts))
    rows = [
        ({"n_features": count}, {name: column[number] for name, column in columns.items() if name.endswith("_score")})
        for number, count in enumerate(counts)
    ]
    write_points(recording.run, rows, "point", None)


def write_points(
    run: autotrack.Run, rows: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], kind: str, folds: Folds | None
) -> None:
    """Write a trial for each fold or point: its params, and its values."""
    first = registry.current.runs.first_trial(run)
    by_seconds: dict[float | None, Any] = {fold.fit_seconds: fold for fold in folds.done} if folds is not None else {}
    spans = folds.spans(len(rows)) if folds is not None else []
    errors = folds.errors() if folds is not None and kind == "fold" else {}
    for number, (params, values) in enumerate(rows):
        fold = by_seconds.get(values.get("fit_time", -1.0))
        began, ended = (fold.started, fold.ended) if fold else spans[number] if spans else (None, None)
        error = errors.get(first + number)
        status = "finished" if error is None else "failed"
        run.log_trial(
            first + number, params, values, kind=kind, status=status, error=error, started=began, ended=ended
        )
    registry.current.runs.set_trials(run, first + len(rows))


def _write_candidates(
    run: autotrack.Run, results: Mapping[str, Any], folds: Folds | None, batches: Sequence[int]
) -> None:
    """Write a trial for each candidate, which replaces what was written of it while it was tried."""
    candidates = results["params"]
    columns = _columns(results, len(candidates))
    times = folds.times(list(batches)) if folds is not None else {}
    first = folds.first if folds is not None else registry.current.runs.first_trial(run)
    errors: Mapping[int, str] | None = None
    for number, candidate in enumerate(candidates):
        values = {name: column[number] for name, column in columns.items() if isinstance(column[number], (int, float))}
        began, ended = times.get(number, (None, None))
        params = {name: plain(value) for name, value in candidate.items()}
        error, status = None, "finished"
        if _has_failed(values):
            errors = (folds.errors() if folds is not None else {}) if errors is None else errors
            error, status = errors.get(first + number), "failed"
        run.log_trial(first + number, params, values, started=began, ended=ended, status=status, error=error)
    registry.current.runs.set_trials(run, first + len(candidates))


def _columns(results: Mapping[str, Any], count: int) -> dict[str, list[Any]]:
    """Return the columns of `cv_results_` that have a value for each candidate, without those of the params."""
    return {
        name: column.tolist() if hasattr(column, "tolist") else list(column)
        for name, column in results.items()
        if name != "params" and not name.startswith("param_") and len(column) == count
    }


def _has_failed(values: Mapping[str, Any]) -> bool:
    """Whether all mean scores of a candidate are NaN."""
    scores = [value for name, value in values.items() if name.startswith("mean_test_")]
    return bool(scores) and all(score != score for score in scores)  # noqa: PLR0124  only NaN differs from itself


def _batches(search: Any, candidates: int) -> list[int]:
    """Return how many candidates were tried together; a halving search has a number for each of its iterations."""
    batches = vars(search).get("n_candidates_")
    return [int(count) for count in batches] if isinstance(batches, list) else [candidates]
