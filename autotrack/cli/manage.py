"""`autotrack rm` removes runs, `autotrack du` shows what takes space, `autotrack export` writes runs to a table."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from autotrack.cli.asking import agreed
from autotrack.cli.named_run import named_run
from autotrack.cli.options import JsonOption, RunsArgument, StoreOption, WhereOption
from autotrack.cli.printing import say, say_csv, say_json, say_table, write_csv
from autotrack.cli.progress import with_progress
from autotrack.cli.unreadable import say_unreadable
from autotrack.errors import MissingLibraryError, QueryError
from autotrack.format import human_bytes, shown, some
from autotrack.readers import catalog
from autotrack.readers.runs import Runs
from autotrack.readers.storage import space, trash

_MOST_NAMED = 5
_MOST_RUNS = 10
_MOST_LISTED = 50
_FORMATS = (".csv", ".json", ".parquet")


def rm(
    names: RunsArgument = None,
    where: WhereOption = None,
    store: StoreOption = None,
    checkpoints: Annotated[bool, typer.Option("--checkpoints", help="Only delete checkpoints and models.")] = False,
    purge: Annotated[bool, typer.Option("--purge", help="Delete for good, also what is in the trash.")] = False,
    restore: Annotated[
        bool, typer.Option("--restore", help="Bring runs back from the trash, as `autotrack restore` does.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove runs: they are moved into a folder `.trash` beside the others.

    `autotrack restore` brings them back.

    `rm --purge` without any run empties the trash. What was sent to a server stays there.
    """
    place = catalog.existing_store(store)
    if restore:
        _restore(names, place)
        return
    if purge and not names and not where:
        _empty_trash(place, yes=yes)
        return
    chosen = _chosen(names, where, store)
    for run in chosen:
        trash.check_is_over(run.folder)
    what = "delete the checkpoints of" if checkpoints else "delete for good" if purge else "move into the trash"
    if not agreed(f"{what} {_named(chosen)}", yes=yes):
        return
    for run in chosen:
        if checkpoints:
            say(f"{run.name}: freed {human_bytes(trash.free_checkpoints(run.folder))}")
        elif purge:
            trash.purge(run.folder)
            say(f"deleted {run.folder}")
        else:
            say(f"moved to {shown(trash.remove(run.folder))}")
    if not checkpoints and not purge and chosen:
        folder = chosen[0].folder.name
        name = chosen[0].name if folder.endswith(f"-{chosen[0].name}") else folder  # it may have been renamed
        named = shlex.quote(name) if len(chosen) == 1 else "RUN"
        say(f"autotrack restore {named}{_store_option(store)} brings {'it' if len(chosen) == 1 else 'them'} back")


def restore(names: RunsArgument = None, store: StoreOption = None) -> None:
    """Bring runs back that `autotrack rm` has moved into the trash; without a name, show what is there."""
    place = catalog.existing_store(store)
    if names:
        _restore(names, place)
        return
    folders = list(trash.in_trash(place))
    for folder in folders[:_MOST_LISTED]:
        say(folder.name)
    if len(folders) > _MOST_LISTED:
        say(f"… and {len(folders) - _MOST_LISTED} more")
    if not folders:
        say(f"the trash of {place} is empty")


def _restore(names: list[str] | None, place: Path) -> None:
    for name in names or [folder.name for folder in trash.in_trash(place)]:
        say(f"restored {trash.restore(name, place)}")


def _store_option(store: Path | None) -> str:
    return f" --store {shlex.quote(str(store))}" if store is not None else ""


def du(store: StoreOption = None, where: WhereOption = None, as_json: JsonOption = False) -> None:
    """Show what takes the space of a store: by what it is, and the largest runs."""
    runs = catalog.runs(catalog.existing_store(store))
    runs = runs.where(where) if where else runs
    seen: set[tuple[int, int]] = set()
    spaces = [(run, space.space_of(run.folder, seen)) for run in with_progress(runs, "looking", fewest=500)]
    spaces.sort(key=lambda item: -item[1].total())
    summed = space.total(by_kind for _, by_kind in spaces)
    if as_json:
        say_json(
            {
                "bytes": summed.total(),
                "by_kind": dict(summed.most_common()),
                "runs": [{"folder": str(run.folder), "bytes": by_kind.total()} for run, by_kind in spaces],
            }
        )
        return
    rows = [[kind, human_bytes(size), f"{size / max(summed.total(), 1):.0%}"] for kind, size in summed.most_common()]
    say_table(["what", "size", "share"], [*rows, ["all", human_bytes(summed.total()), ""]])
    say_table(
        ["largest runs", "experiment", "size", "most of it"],
        [
            [run.name, run.experiment, human_bytes(by_kind.total()), next(iter(by_kind.most_common(1)), ("", 0))[0]]
            for run, by_kind in spaces[:_MOST_RUNS]
        ],
    )


def export(
    path: Annotated[
        Path | None, typer.Argument(help="A file that ends in .csv, .json or .parquet; else CSV is printed.")
    ] = None,
    where: WhereOption = None,
    metric: Annotated[
        str | None, typer.Option("--history", help="Every point of this metric, instead of a row for each run.")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Write runs to a table: a row for each run, with its params, metrics, best values and tags.

    In CSV, a text that spreadsheets would calculate as a formula gets an apostrophe before it.
    """
    place = catalog.existing_store(store)
    runs = catalog.runs(place)
    say_unreadable(place)
    runs = runs.where(where) if where else runs
    table = runs.history(metric) if metric else runs.table()
    kind = path.suffix if path is not None else ".csv"
    if kind not in _FORMATS:
        raise QueryError(f"{str(path)!r} ends in {kind!r}; expected one of {', '.join(_FORMATS)}")
    if path is None:
        say_csv([table, *map(_plain, table.rows())])
        return
    if kind == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            write_csv(file, [table, *map(_plain, table.rows())])
    elif kind == ".json":
        import msgspec

        path.write_bytes(msgspec.json.format(msgspec.json.encode(table.rows())))
    else:
        _write_parquet(table.to_arrow(), path)
    say(f"{len(table.rows())} rows in {path}")


def _plain(row: dict[str, object]) -> list[object]:
    return ["" if value is None else value for value in row.values()]


def _write_parquet(table: object, path: Path) -> None:
    try:
        from pyarrow import parquet  # many have no use for it
    except ImportError as error:
        raise MissingLibraryError("Parquet files need pyarrow: pip install pyarrow") from error
    parquet.write_table(table, path)


def _chosen(names: list[str] | None, where: str | None, store: Path | None) -> Runs:
    if not names and not where:
        raise QueryError("name the runs, or choose them with --where")
    looked_at = catalog.Catalog()
    chosen = [named_run(name, store, looked_at) for name in names or []]
    if where:
        chosen += looked_at.runs(catalog.existing_store(store)).where(where)
    by_folder = {run.folder.absolute(): run for run in chosen}
    if not by_folder:
        raise QueryError("there are no runs for which that holds")
    return Runs(list(by_folder.values()))


def _empty_trash(store: Path, *, yes: bool) -> None:
    folders = list(trash.in_trash(store))
    if not folders:
        say(f"the trash of {store} is empty")
    elif agreed(f"delete {len(folders)} runs in the trash of {store} for good", yes=yes):
        for folder in folders:
            trash.purge(folder)
        say(f"deleted {len(folders)} runs")


def _named(runs: Runs) -> str:
    names = [f"{run.experiment}/{run.name}" for run in runs]
    return some(names, _MOST_NAMED)
