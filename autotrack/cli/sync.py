"""`autotrack sync`: finishes what was cut off, from the journals alone."""

from collections import Counter
from pathlib import Path
from time import sleep
from typing import Annotated

import typer

from autotrack import destinations, settings
from autotrack.cli.progress import with_progress
from autotrack.errors import SettingsError
from autotrack.readers import catalog
from autotrack.sidecar.sync import Outcome, Syncing

_WATCH_SECONDS = 2.0


def sync(
    where: Annotated[
        list[str] | None, typer.Argument(metavar="[STORE|RUN]...", help="Stores or runs; the usual store by default.")
    ] = None,
    to: Annotated[
        list[str] | None,
        typer.Option("--to", metavar="URL|tensorboard", help="Where to; each run's own destinations by default."),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on with what is recorded, until Ctrl-C.")] = False,
) -> None:
    """Finish what is derived from runs, and send to servers what has not arrived there.

    Any number of times, also with other people's runs. Runs that are being recorded are left to whoever records them,
    and only sent to servers they are not recorded for; one that cannot be read stops no other.
    """
    syncing = Syncing(_checked(to or []), uploads=settings.resolve().uploads, on_problem=_say_trouble)
    folders = _folders(where)
    if not folders and not watch:
        typer.echo(f"no runs in {', '.join(where or [str(catalog.store_path(None))])}", err=True)
        return
    outcomes = [syncing.sync(folder) for folder in with_progress(folders, "runs", fewest=1)]
    _say(outcomes)
    if watch:
        _watch(syncing, where)
    if any(one.state == "unreadable" or any(one.sent.values()) for one in outcomes):
        raise typer.Exit(1)


def _watch(syncing: Syncing, where: list[str] | None) -> None:
    sizes: dict[Path, int] = {}
    try:
        while True:
            for folder in _folders(where):
                size = sum(path.stat().st_size for path in (folder / "journal").glob("*.jsonl"))
                if sizes.get(folder) != size:
                    outcome = syncing.sync(folder)
                    if not any(outcome.sent.values()):
                        sizes[folder] = size
            syncing.try_again()
            sleep(_WATCH_SECONDS)
    except KeyboardInterrupt:
        typer.echo("stopped", err=True)


def _checked(to: list[str]) -> list[str]:
    for place in to:
        if not destinations.is_remote(place) and place != destinations.TENSORBOARD:
            raise SettingsError(f"--to {place!r} is neither the URL of a server nor 'tensorboard'", value=place)
    try:
        return [one for place in to for one in destinations.checked(place)]
    except ValueError as error:
        raise SettingsError(f"--to: {error}") from None


def _folders(where: list[str] | None) -> list[Path]:
    """The runs in each store, or the one that is meant."""
    found: list[Path] = []
    for place in where or [str(catalog.store_path(None))]:
        folder = Path(place).expanduser()
        within = list(catalog.run_folders(folder))
        found += within if within or folder.is_dir() or not where else [catalog.find(place).folder]
    return list(dict.fromkeys(folder.absolute() for folder in found))


def _say_trouble(folder: Path, said: str) -> None:
    typer.echo(f"{folder.name}: {said}", err=True)


def _say(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.error:
            typer.echo(f"{outcome.folder}: {outcome.error}", err=True)
    counts = Counter(outcome.state for outcome in outcomes)
    said = [f"{_runs(counts[state])} {state}" for state in ("complete", "still being recorded") if counts[state]]
    for url in dict.fromkeys(url for outcome in outcomes for url in outcome.sent):
        arrived = [not outcome.sent[url] for outcome in outcomes if url in outcome.sent]
        said.append(f"{_runs(sum(arrived))} at {url}")
        if not all(arrived):
            said.append(f"{_runs(len(arrived) - sum(arrived))} not sent there")
    if counts["unreadable"]:
        said.append(f"{_runs(counts['unreadable'])} unreadable")
    typer.echo(", ".join(said))


def _runs(count: int) -> str:
    return f"{count} {'run' if count == 1 else 'runs'}"
