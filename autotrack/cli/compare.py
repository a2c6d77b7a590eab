"""`autotrack compare` shows what differs between runs, and why; `autotrack best` finds the best of them."""

import math
from collections.abc import Sequence
from typing import Annotated

import typer

from autotrack.cli.curves import sparkline
from autotrack.cli.named_run import named_run
from autotrack.cli.options import JsonOption, MetricOption, RunsArgument, StoreOption, WhereOption
from autotrack.cli.printing import say, say_json, say_table, say_text, say_wrapped, width
from autotrack.errors import QueryError
from autotrack.format import short, some
from autotrack.journal.directions import Direction
from autotrack.journal.judging import value_of
from autotrack.journal.records import number
from autotrack.journal.series import Point
from autotrack.readers import catalog
from autotrack.readers.code.changes import has_code
from autotrack.readers.compare.causes import HARDLY
from autotrack.readers.compare.comparison import RunComparison
from autotrack.readers.compare.last_two import last_two_alike
from autotrack.readers.lists.listing import metric_column
from autotrack.readers.ranking import is_alike
from autotrack.readers.recorded_run import RecordedRun

_MOST_CAUSES = 8
_MOST_RUNS = 8
_CURVE_WIDTH, _NARROWEST_CURVE = 32, 10
_GAP = 2


def compare(
    names: RunsArgument = None,
    where: WhereOption = None,
    metric: MetricOption = None,
    code: Annotated[
        bool, typer.Option("--code", help="Show the difference of the code, uncommitted changes included.")
    ] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what differs between two or more runs, and what is likely to be the cause.

    The second run is compared with the first. Of ten runs or more, it is told how well each param explains the metric.
    Only what differs is shown.
    """
    looked_at = catalog.Catalog()
    every = looked_at.runs(catalog.existing_store(store))
    chosen = [named_run(name, store, looked_at) for name in names or []]
    if where or not chosen:
        alike, newer = (list(every.where(where)), []) if where else last_two_alike(every)
        chosen += [run for run in alike if run.folder not in {one.folder for one in chosen}]
        if newer and not as_json and not code:
            more = f" and {len(newer) - 1} more are" if len(newer) > 1 else " is"
            say_wrapped("", f"the last two runs of one kind; {newer[0].name}{more} newer, and of other kinds")
    comparison = RunComparison(chosen, metric=metric, others=every)
    if as_json:
        say_json(comparison.as_dict(with_code=code))
        return
    if code:
        _print_code(comparison)
        return
    _print_causes(comparison)
    _print_curves(comparison)
    for title, table in (("metrics", comparison.metrics()), ("params that differ", comparison.params())):
        if table.rows():
            say_text(f"\n{title}")
            columns = list(table)[: _MOST_RUNS + 1]
            named = comparison.title if title == "metrics" else str
            say_table(columns, [[named(row[columns[0]]), *(_cell(row[column]) for column in columns[1:])]
                                for row in table.rows()])  # fmt: skip
    others = [[area, item] for area, items in comparison.differences.items() if area != "params" for item in items]
    if others:
        say_text("\nwhat else differs" if len(chosen) == 2 else "\nwhat else differs between the first two")
        say_table(["what", "difference"], others)


def best(
    metric: Annotated[
        str | None,
        typer.Argument(metavar="[METRIC]", help="Such as `val_loss`, or `min my_cost`; by default, what runs watch."),
    ] = None,
    where: WhereOption = None,
    wanted: MetricOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the best run by a metric, the path of its best checkpoint, and how it differs from the median run."""
    if metric and wanted and metric != wanted:
        raise QueryError(f"the metric is {metric!r} and --metric {wanted!r}; give one of them")
    metric = metric or wanted
    runs = catalog.runs(catalog.existing_store(store))
    runs = runs.where(where) if where else runs
    if not runs:
        raise QueryError("there are no runs" + (" for which that holds" if where else ""))
    name, direction = runs.judged_by(metric)
    found = runs.best(metric)
    alike = [run for run in runs if is_alike(run.card(), found.card())]  # beside others, everything differs
    median = _median(alike, name, direction, found)
    checkpoint = next((one.path for one in found.summary.artifacts if "best" in one.roles), None)
    comparison = RunComparison([median, found], metric=f"{direction} {name}", others=runs) if median else None
    if as_json:
        say_json(
            {
                "name": found.name,
                "id": found.id,
                "folder": str(found.folder.absolute()),
                "checkpoint": checkpoint and str(found.folder.absolute() / checkpoint),
                "differs_from_median": comparison.as_dict() if comparison else None,
            }
        )
        return
    say(f"{found.name}  {name} {short(value_of(found.metrics[name], direction))}")
    say(f"{'folder':<12} {found.folder.absolute()}")
    if checkpoint:
        say(f"{'checkpoint':<12} {found.folder.absolute() / checkpoint}")
    if comparison and comparison.params().rows():
        say_text(f"\nparams that differ from the median run, {comparison.labels[0]}")
        columns = list(comparison.params())
        say_table(columns, [[_cell(row[column]) for column in columns] for row in comparison.params().rows()])


def _median(runs: Sequence[RecordedRun], name: str, direction: Direction, found: RecordedRun) -> RecordedRun | None:
    """Return the run whose best value of a metric is the median of the others; None if there is no other."""
    read = metric_column(name, direction).read
    valued = [(read(run), run) for run in runs if run.folder != found.folder]
    others = [(value, run) for value, run in valued if value is not None and not math.isnan(value)]
    others.sort(key=lambda item: item[0])
    return others[len(others) // 2][1] if others else None


def _print_causes(comparison: RunComparison) -> None:
    names, differs = comparison.labels, True
    if comparison.unlike:
        say_wrapped("", f"these runs are of {comparison.unlike}")
    if comparison.metric is None:
        say_wrapped("", f"{' and '.join(names[:2])} have no metric in common that tells which one is better")
    else:
        values = comparison.values(comparison.metric)
        told = some([f"{name} {_cell(value)}" for name, value in zip(names, values, strict=True)], _MOST_RUNS)
        is_same = len({_cell(value) for value in values}) == 1
        differs = len(set(values[: None if comparison.is_across_runs else 2])) > 1
        say_wrapped("", f"{comparison.title(comparison.metric)}: {told}{', which is the same' if is_same else ''}")
    few = len(comparison.runs) > 2 and not comparison.is_across_runs
    of_which = f" between {names[0]} and {names[1]} (of ten runs on, params are weighed over all)" if few else ""
    say("")
    if not comparison.causes:
        say_wrapped("", f"nothing that was recorded differs{of_which}")
        return
    title = "likely causes of the difference" if differs else "what differs, though the result is the same"
    say_wrapped("", f"{title}{of_which}, the likeliest first")
    likely = [cause for cause in comparison.causes if cause.confidence >= HARDLY] or comparison.causes[:1]
    everywhere = f"; {comparison.parting}"  # which every cause is weighed by: said once
    say_table(
        ["cause", "kind", "how sure", "evidence"],
        [
            [cause.cause, cause.kind, _how_sure(cause.confidence), cause.evidence.replace(everywhere, "")]
            for cause in likely[:_MOST_CAUSES]
        ],
    )
    others = [cause.cause for cause in comparison.causes if cause not in likely]
    if others:
        say_wrapped("", f"differs as well, and hardly matters: {some(others, _MOST_CAUSES, between='; ')}")
    if comparison.parting is not None and not comparison.is_across_runs:
        say_text(f"{comparison.parting}")


def _print_code(comparison: RunComparison) -> None:
    """Print the difference of the code as a patch, with what could not be restored behind it."""
    changes = comparison.code
    if changes is None:
        beside = zip(comparison.labels, comparison.runs[:2], strict=False)
        lacking = [label for label, run in beside if not has_code(run.folder, run.summary)]
        say(f"the code of {' and '.join(lacking)} was not recorded")
        return
    used = {
        "imported": "imported",
        "named": "named by the code",
        "unused": "not imported",
        None: "not known whether used",
    }
    for change in changes.files:
        only = ", only comments, docstrings or blanks" if change.is_cosmetic else ""
        say_text(f"# {change.name}: {used[change.use]}{only}")
        say_text("\n".join(change.diff) + "\n")
    if not changes.files:
        say("the code is the same" if not changes.missing else "# no difference is found in what can be compared")
    for sentence in changes.missing:
        say(f"# not compared: {sentence}")


def _print_curves(comparison: RunComparison) -> None:
    curves: list[tuple[str, Sequence[Point]]] = []
    for place, label in enumerate(comparison.labels[:_MOST_RUNS]):
        if (points := comparison.curve(place)) is not None:
            curves.append((label, points))
    values = [number(point.value) for _, points in curves for point in points]
    finite = [value for value in values if abs(value) < float("inf")]
    if not finite or max((len(points) for _, points in curves), default=0) < 2:
        return
    say_text(f"\n{comparison.metric}")
    longest = max(len(points) for _, points in curves)
    room = width() - max(len(label) for label, _ in curves) - _GAP
    broadest = min(max(room, _NARROWEST_CURVE), _CURVE_WIDTH, longest)
    say_table(
        ["run", f"{short(min(finite))} to {short(max(finite))}"],
        [
            [label, _curve(points, min(finite), max(finite), broadest * len(points) // longest)]
            for label, points in curves
        ],
    )


def _curve(points: Sequence[Point], lowest: float, highest: float, columns: int) -> str:
    """Return a curve in a line of text."""
    values = [float(number(point.value)) for point in points]
    return sparkline(values, max(columns, 1), lowest=lowest, highest=highest)


def _how_sure(confidence: float) -> str:
    words = ((0.8, "likely"), (0.5, "possible"), (0.2, "unlikely"), (0.0, "hardly"))
    return f"{next(word for least, word in words if confidence >= least)} ({confidence:.2f})"


def _cell(value: object) -> str:
    return "" if value is None else short(value)
