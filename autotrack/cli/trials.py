"""The candidates, folds or points of a run as a table: the best candidates first."""

import math
from collections.abc import Sequence

from autotrack.format import first_line, short
from autotrack.journal.records import Trial, number
from autotrack.journal.summary import Summary

_MOST_ROWS = 20
_MOST_VALUES = 3

_LESS_TELLING = ("split", "std_", "rank_", "mean_fit_time", "mean_score_time", "fit_time", "score_time")


def trials_table(summary: Summary) -> tuple[str, list[str], list[list[str]]] | None:
    """Return a title, the columns and the rows; None for a run without trials.

    A long table is cut, and its title says so. Params that are the same for all of several trials are left out.
    """
    trials = summary.trials
    if not trials:
        return None
    params = _differing_params(trials)
    values = _telling_values(trials)
    ranked = _ranked(trials)
    rows = [
        [
            str(trial.number),
            *(short(number(trial.values[name])) if name in trial.values else "" for name in values),
            *(short(trial.params[name]) if name in trial.params else "" for name in params),
            trial.status + (f": {first_line(trial.error)}" if trial.error else ""),
        ]
        for trial in ranked[:_MOST_ROWS]
    ]
    kinds = f"{trials[0].kind}s"
    title = f"{kinds}, the first {_MOST_ROWS} of {len(trials)} (--json has all)" if len(trials) > _MOST_ROWS else kinds
    return title, [trials[0].kind, *values, *params, "status"], rows


def _ranked(trials: Sequence[Trial]) -> list[Trial]:
    """Return candidates in the order that their search gave them, others in that of their numbers."""
    by_rank = sorted(trials, key=lambda trial: (_rank(trial), trial.number))
    return by_rank if trials[0].kind == "candidate" else sorted(trials, key=lambda trial: trial.number)


def _rank(trial: Trial) -> float:
    ranks = [float(number(value)) for name, value in trial.values.items() if name.startswith("rank_")]
    known = [rank for rank in ranks if not math.isnan(rank)]
    return min(known, default=math.inf) if trial.status == "finished" else math.inf


def _differing_params(trials: Sequence[Trial]) -> list[str]:
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    if len(trials) == 1:
        return names
    return [name for name in names if any(trial.params.get(name) != trials[0].params.get(name) for trial in trials)]


def _telling_values(trials: Sequence[Trial]) -> list[str]:
    names = list(dict.fromkeys(name for trial in trials for name in trial.values))
    return [name for name in names if not name.startswith(_LESS_TELLING)][:_MOST_VALUES]
