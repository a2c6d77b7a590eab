"""Runs as Markdown, for a pull request or a CI job: the best one, a table, and what made the difference."""

from collections.abc import Collection, Sequence
from typing import Any

from autotrack import settings
from autotrack.errors import AutotrackError
from autotrack.format import human_seconds, short
from autotrack.journal.records import number
from autotrack.readers.compare.comparison import RunComparison
from autotrack.readers.query.names import Name
from autotrack.readers.recorded_run import RecordedRun
from autotrack.report.columns import columns_of
from autotrack.report.comparisons import newest_first
from autotrack.sinks.tensorboard.text import plain, table

_MOST_RUNS = 50
_MOST_PARAMS = 6
_MOST_METRICS = 3
_MOST_CAUSES = 5


def markdown(runs: Sequence[RecordedRun], names: Collection[Name], *, title: str) -> str:
    """Return runs as Markdown, the best first. What runs are called and have is escaped."""
    runs = newest_first(runs)
    facts = columns_of(runs, names, settings.resolve().metric)
    metrics = facts["judged_by"][:_MOST_METRICS]
    ordered = _ordered(runs, metrics[0], facts["directions"][metrics[0]]) if metrics else list(runs)
    params = _telling_params(facts["columns"])
    rows = [_row(run, metrics, params) for run in ordered[:_MOST_RUNS]]
    parts = [
        f"## {plain(title)}",
        _best(ordered, metrics, facts["directions"]),
        table(["run", "status", "took", *(_title(name, runs) for name in metrics), *params], rows),
        f"… and {len(runs) - _MOST_RUNS} more runs" if len(runs) > _MOST_RUNS else "",
        _causes(runs, ordered, metrics),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _ordered(runs: Sequence[RecordedRun], metric: str, direction: str) -> list[RecordedRun]:
    sign = -1 if direction == "max" else 1
    values = {id(run): run.value(Name("best", metric)) for run in runs}
    having = [run for run in runs if (value := values[id(run)]) is not None and value == value]  # noqa: PLR0124  NaN
    rest = [run for run in runs if run not in having]
    return [*sorted(having, key=lambda run: sign * float(number(values[id(run)]))), *rest]


def _telling_params(columns: Sequence[dict[str, Any]]) -> list[str]:
    """Return the params that differ, those that are known to matter much first."""
    params = [one for one in columns if one["group"] == "params" and one.get("weight", 0) >= 0]
    differing = [one for one in params if len(set(map(repr, one["values"]))) > 1]
    differing.sort(key=lambda one: (-one.get("weight", 0), -len(one["values"])))
    return [one["name"] for one in differing[:_MOST_PARAMS]]


def _row(run: RecordedRun, metrics: Sequence[str], params: Sequence[str]) -> list[Any]:
    card = run.card()
    took = card["duration_seconds"]
    values = [card["best"].get(name, card["last"].get(name)) for name in metrics]
    return [
        card["name"],
        card["status"],
        "" if took is None else human_seconds(took),
        *("" if value is None else short(value) for value in values),
        *(short(card["params"].get(name, "")) for name in params),
    ]


def _title(metric: str, runs: Sequence[RecordedRun]) -> str:
    """Return what a column of best values is called: `best loss` where they are not always the last ones."""
    cards = [run.card() for run in runs]
    is_best = any(metric in one["best"] and one["best"][metric] != one["last"].get(metric) for one in cards)
    return f"best {metric}" if is_best else metric


def _best(ordered: Sequence[RecordedRun], metrics: Sequence[str], directions: dict[str, str]) -> str:
    value = ordered[0].value(Name("best", metrics[0])) if metrics else None
    if value is None:
        return ""
    which = "highest" if directions[metrics[0]] == "max" else "lowest"
    name, metric = plain(ordered[0].name), plain(metrics[0])
    return f"Of {len(ordered)} runs, **{name}** has the {which} {metric}: **{plain(short(value))}**."


def _causes(runs: Sequence[RecordedRun], ordered: Sequence[RecordedRun], metrics: Sequence[str]) -> str:
    """Say why the newest run differs from the best one, or the best one from the next best."""
    if len(runs) < 2 or not metrics:
        return ""
    before, after = (ordered[1], ordered[0]) if runs[0] is ordered[0] else (ordered[0], runs[0])
    try:
        comparison = RunComparison([before, after], metric=metrics[0], others=runs)
        rows = [[one.cause, f"{one.confidence:.2f}", one.evidence] for one in comparison.causes[:_MOST_CAUSES]]
    except (OSError, AutotrackError):
        return ""
    head = f"Likely causes of the difference between {plain(before.name)} and {plain(after.name)}"
    return f"**{head}**\n\n{table(['cause', 'how sure', 'evidence'], rows)}"
