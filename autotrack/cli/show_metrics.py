"""The metrics of a run as a table, with their curves."""

from rich.cells import cell_len

from autotrack.cli.curves import sparkline
from autotrack.cli.printing import width
from autotrack.format import short
from autotrack.journal.judging import main_metrics
from autotrack.journal.records import number
from autotrack.journal.summary import MetricSummary, Summary
from autotrack.readers.lists.listing import ARROWS, shown
from autotrack.readers.recorded_run import RecordedRun

_MOST = 15
_CURVE_WIDTH, _NARROWEST_CURVE = 24, 10
_BESIDE = 2
_MOST_POINTS = 200_000


def metrics_table(run: RecordedRun, *, in_full: bool, wanted: str = "") -> tuple[str, list[str], list[list[str]]]:
    """Return a title, the columns and a row for each metric, those that the run is judged by first."""
    metrics = run.summary.metrics
    first = [name for name in main_metrics(run.summary, wanted=wanted) if name in metrics]
    names = list(dict.fromkeys([*first, *sorted(metrics)]))
    kept = names if in_full else names[:_MOST]
    curves = _curves(run, kept)
    has_printed = any(metrics[name].source for name in kept)
    columns = ["name", "last", "best", "", "in", "points", "curve", *(["source"] if has_printed else [])]
    rows = []
    for name in kept:
        metric = metrics[name]
        best, where = _best(metric)
        row = [name, shown(float(number(metric.last.value))), best, ARROWS[metric.better], where, str(metric.count)]
        rows.append([*row, "", metric.source or ""] if has_printed else [*row, ""])
    room = _room_for_curves([columns, *rows])
    for name, row in zip(kept, rows, strict=True):
        row[columns.index("curve")] = sparkline(curves.get(name, []), room)
    title = f"metrics, {len(kept)} of {len(names)} (--all has the others)" if len(kept) < len(names) else "metrics"
    filled = [place for place in range(len(columns)) if place < 2 or any(row[place] for row in rows)]
    return title, [columns[place] for place in filled], [[row[place] for place in filled] for row in rows]


def _room_for_curves(rows: list[list[str]]) -> int:
    """Return how wide curves may be, so that names need not be broken, or no curve is."""
    taken = sum(max(map(cell_len, column)) + _BESIDE for column in zip(*rows, strict=True))
    return min(max(width() - taken + len("curve"), _NARROWEST_CURVE), _CURVE_WIDTH)


def _best(metric: MetricSummary) -> tuple[str, str]:
    """Return the best value, and where it was; nothing for a metric of one point."""
    if metric.best is None or metric.count < 2:
        return "", ""
    point = metric.best
    where = f"epoch {point.epoch}" if point.epoch is not None else ""
    if not where and point.step is not None:
        where = f"step {point.step}"
    return short(float(number(point.value))), where


def _curves(run: RecordedRun, names: list[str]) -> dict[str, list[float]]:
    """Return the values of metrics: one an epoch where that is enough, else all that were recorded."""
    by_epoch = {name: _by_epoch(run.summary, name) for name in names}
    lacking = [name for name in names if len(by_epoch[name]) < 2 and run.summary.metrics[name].count > 1]
    if lacking and sum(run.summary.metrics[name].count for name in names) <= _MOST_POINTS:
        histories = run.histories(lacking)
        by_epoch |= {name: [float(number(point.value)) for point in points] for name, points in histories.items()}
    return {name: values for name, values in by_epoch.items() if len(values) > 1}


def _by_epoch(summary: Summary, name: str) -> list[float]:
    return [float(number(row[name])) for row in summary.epochs if row.get(name) is not None]
