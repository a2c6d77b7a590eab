"""`autotrack sync`: finishes what was cut off, from the journals alone."""

from pathlib import Path
from typing import Annotated

import typer

from autotrack import catalog, following
from autotrack.control import Follow
from autotrack.errors import JournalFormatError
from autotrack.reading import is_being_written


def sync(
    places: Annotated[
        list[str] | None, typer.Argument(metavar="[STORE|RUN]...", help="Stores or runs; the usual store by default.")
    ] = None,
) -> None:
    """Finish what is derived from runs: summaries and checksums. Any number of times, also of other people's runs.

    Runs that are still being recorded are left to whoever records them; one that cannot be read stops no other.
    """
    folders = _folders(places or [str(catalog.store_path(None))])
    finished, left, unreadable = 0, 0, 0
    errors = typer.get_text_stream("stderr")
    with typer.progressbar(folders, label="runs", file=errors, hidden=len(folders) < 20) as bar:
        for folder in bar:
            if is_being_written(folder / "journal" / "main.jsonl"):
                left += 1
                continue
            try:
                following.complete(Follow(folder=str(folder), environment=False, system_seconds=0.0))
            except (OSError, JournalFormatError) as error:
                typer.echo(f"{folder}: {error}", err=True)
                unreadable += 1
            else:
                finished += 1
    typer.echo(f"{finished} runs are complete, {left} still being recorded, {unreadable} unreadable")
    if unreadable:
        raise typer.Exit(1)


def _folders(places: list[str]) -> list[Path]:
    """The runs in a store, or the one that is meant."""
    found: list[Path] = []
    for place in places:
        within = list(catalog.run_folders(Path(place).expanduser()))
        found += within or [catalog.find(place).folder]
    return list(dict.fromkeys(folder.absolute() for folder in found))
