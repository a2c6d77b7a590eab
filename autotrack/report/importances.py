"""Which params explain a metric: across all runs, and across the candidates of a search."""

from collections.abc import Collection, Sequence
from typing import Any

from autotrack.journal.records import number
from autotrack.journal.summary import Summary
from autotrack.readers.compare.importance import importance
from autotrack.readers.compare.param_weights import follows, weight_of_param
from autotrack.readers.query.names import Name
from autotrack.readers.recorded_run import RecordedRun, values_of

_MOST_METRICS = 4
_MOST_PARAMS = 20
_LEAST_SHARE = 0.005

_MOST_RUNS = 1_000
"""Of more, so many are taken, which tell as much."""


def of_runs(runs: Sequence[RecordedRun], names: Collection[Name], metrics: Sequence[str]) -> dict[str, Any]:
    """Return, for each of the first few metrics, the params that explain it across runs, the best first."""
    params = [name for name in names if name.group == "params" and not follows(name.rest)]
    found = {}
    for metric in metrics[:_MOST_METRICS]:
        values = values_of(runs, Name("best", metric))
        having = [(run, float(value)) for run, value in zip(runs, values, strict=True) if not _is_missing(value)]
        chosen = having[:: -(-len(having) // _MOST_RUNS) or 1]
        columns = {name.rest: values_of([run for run, _ in chosen], name) for name in params}
        found[metric] = _shares(columns, [value for _, value in chosen])
    return found


def _is_missing(value: Any) -> bool:
    return value is None or value != value  # noqa: PLR0124  NaN explains nothing


def of_trials(summary: Summary) -> dict[str, Any]:
    """Return the same for the candidates of a search, by their first score that rises or falls with quality."""
    trials = [trial for trial in summary.trials if trial.kind == "candidate"]
    scores = [name for trial in trials for name in trial.values if not name.startswith(("split", "std_"))]
    metric = next((name for name in scores if "test_score" in name and "rank" not in name), next(iter(scores), None))
    if metric is None:
        return {}
    having = [(trial, float(number(trial.values[metric]))) for trial in trials if metric in trial.values]
    finite = [(trial, value) for trial, value in having if value == value]  # noqa: PLR0124  NaN explains nothing
    names = dict.fromkeys(name for trial, _ in finite for name in trial.params)
    columns = {name: [_of_trial(trial.params, name) for trial, _ in finite] for name in names}
    return {metric: _shares(columns, [value for _, value in finite])}


def _of_trial(params: dict[str, Any], name: str) -> Any:
    """Return what a candidate was given; None is a value as well, and not the same as nothing."""
    return "None" if params.get(name, ...) is None else params.get(name)


def _shares(params: dict[str, list[Any]], values: Sequence[float]) -> list[dict[str, Any]]:
    known = sorted(params, key=lambda name: -weight_of_param(name))  # those that matter come first
    found = importance({name: params[name] for name in known}, values)[:_MOST_PARAMS]
    return [
        {"param": one.param, "share": round(one.share, 4), "runs": one.runs}
        for one in found
        if one.share >= _LEAST_SHARE
    ]
