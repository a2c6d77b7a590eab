"""`autotrack ls` lists runs, or groups of them."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from autotrack.cli.chosen_runs import ChosenRuns
from autotrack.cli.listed import RunTable
from autotrack.cli.listed_groups import GroupTable
from autotrack.cli.options import JsonOption, MetricOption, StoreOption
from autotrack.cli.owed import lost_for_good, owed_in_short, waiting_elsewhere
from autotrack.cli.printing import is_terminal, say, say_csv, say_json, say_lines, width
from autotrack.cli.unreadable import say_unreadable
from autotrack.cli.watch import repeat
from autotrack.errors import QueryError, RunNotFoundError
from autotrack.readers import catalog
from autotrack.readers.recorded_run import RecordedRun
from autotrack.readers.runs import Runs, best_is_another

_MOST_ON_A_TERMINAL = 100


def ls(  # noqa: PLR0913, PLR0917  one argument an option
    place: Annotated[
        Path | None,
        typer.Argument(metavar="[STORE]", help="The folder of runs; by default `runs`, or the one in the settings."),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option("--where", "-w", help="Only runs for which this holds, as in `val_loss < 0.2 and lr > 1e-3`."),
    ] = None,
    sort: Annotated[
        str | None, typer.Option("--sort", help="Order by a name, smallest first, as in `best.val_loss`.")
    ] = None,
    descending: Annotated[bool, typer.Option("--descending", help="With --sort: largest first.")] = False,
    last: Annotated[int | None, typer.Option("--last", "-n", min=1, help="Only the newest N runs.")] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns", "-c", help="What to show beside the name, as in `val_loss,lr`; `+lr` adds to what is shown."
        ),
    ] = None,
    group_by: Annotated[
        str | None,
        typer.Option(
            "--group-by",
            "-g",
            help="A line for each group, as in `lr` or `optimizer,lr`; `configuration` groups runs that repeat each "
            "other with other seeds.",
        ),
    ] = None,
    metric: MetricOption = None,
    every: Annotated[bool, typer.Option("--all", "-a", help="All runs, also if a terminal cannot show them.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV for other programs.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on showing what changes, until Ctrl-C.")] = False,
) -> None:
    """List the runs of a store, the newest first.

    The columns are the metric that runs are judged by (its best value; ↓ where lower is better), the params that
    differ, how each run ended, when, and how long it took: as many as fit.

    Conditions, --sort, --columns and --group-by name values of a run: `params.lr`, `metrics.loss` for the last value
    of a metric, `best.loss` for its best one, `tags.team`, and fields such as `status`, `started` and `took`. Only
    where it leaves doubt is `params.` or `metrics.` needed. Dates and durations are texts: `started > "2 days ago"`,
    `took > "5 min"`. `lr is missing` asks for runs without one.

    `--group-by` tells how many runs a group has, and the mean, the standard deviation and the best of the metric.
    """
    chosen = ChosenRuns(
        store=_store(place, store),
        where=where,
        sort=sort,
        descending=descending,
        last=last,
        columns=columns,
        group_by=group_by,
        metric=metric,
    )
    if watch:
        if as_json or as_csv:
            raise QueryError("--watch is for people; without it, --json and --csv print what there is now")
        repeat(lambda columns, rows: _table(chosen, chosen.runs()).lines(columns, most=rows))
        return
    runs = chosen.runs()
    table = _table(chosen, runs, for_programs=as_json or as_csv)
    say_unreadable(chosen.store)
    if as_json:
        say_json([_as_json(run) for run in runs] if columns is None and group_by is None else table.as_dicts())
    elif as_csv:
        say_csv(table.as_rows())
    elif not runs:
        say(f"no runs in {_described(chosen.store)}{' for which that holds' if where else ''}", err=True)
    else:
        most = None if every or last or not is_terminal() else _MOST_ON_A_TERMINAL
        say_lines(table.lines(width(), most=most))
        for name in best_is_another(where, chosen.looked_at.runs(chosen.store)) if where else ():
            say(f"{name} in a condition is the last value; best.{name} is the best one")
        for number, line in enumerate(
            filter(None, [lost_for_good(runs), waiting_elsewhere(runs), *owed_in_short(runs)])
        ):
            if not number:
                say("")
            say(line)


def _table(chosen: ChosenRuns, runs: Runs, *, for_programs: bool = False) -> RunTable | GroupTable:
    if chosen.group_by is None:
        return RunTable(runs, chosen.columns_of(runs, for_programs=for_programs))
    return GroupTable(chosen.groups_of(runs), chosen.metric_of(runs))


def _store(place: Path | None, store: Path | None) -> Path:
    """Return the store to list. Raises `RunNotFoundError` if it is not there, and for what is a run."""
    try:
        return catalog.existing_store(place or store)
    except RunNotFoundError:
        if place is None or len(place.parts) != 1:
            raise
        try:
            found = catalog.find(str(place), store)
        except RunNotFoundError:
            found = None
        if found is None:
            raise
        command = f"autotrack show {shlex.quote(found.name)}"
        raise QueryError(f"{found.name!r} is a run and no store; `{command}` shows it") from None


def _described(store: Path) -> str:
    return str(store) if store.exists() else f"{store}: there is no such folder here"


def _as_json(run: RecordedRun) -> dict[str, Any]:
    card = run.card()
    fields = ("id", "name", "experiment", "status", "started", "duration_seconds", "params")
    return {
        "folder": str(run.folder.absolute()),
        **{name: card[name] for name in fields},
        "metrics": card["last"],
        "best": card["best"],
        "directions": card["directions"],
        "tags": card["tags"],
    }
