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
    folders = _folders(places)
    if not folders:
        typer.echo(f"no runs in {', '.join(places or [str(catalog.store_path(None))])}", err=True)
        return
    finished, left, unreadable = 0, 0, 0
    errors = typer.get_text_stream("stderr")
    with typer.progressbar(folders, label="runs", file=errors, hidden=len(folders) < 20 or not errors.isatty()) as bar:
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
    counts = {"complete": finished, "still being recorded": left, "unreadable": unreadable}
    typer.echo(
        ", ".join(f"{count} {'run' if count == 1 else 'runs'} {what}" for what, count in counts.items() if count)
    )
    if unreadable:
        raise typer.Exit(1)


def _folders(places: list[str] | None) -> list[Path]:
    """The runs in each store, or the one that is meant."""
    found: list[Path] = []
    for place in places or [str(catalog.store_path(None))]:
        folder = Path(place).expanduser()
        within = list(catalog.run_folders(folder))
        found += within if within or folder.is_dir() or not places else [catalog.find(place).folder]
    return list(dict.fromkeys(folder.absolute() for folder in found))
