"""`autotrack.sync`: what `autotrack sync` does, for those who call it from Python."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from autotrack import destinations, settings
from autotrack.amounts import time_limit
from autotrack.drawing_process import drawn_together
from autotrack.errors import SettingsError
from autotrack.escapes import printable
from autotrack.readers import catalog
from autotrack.readers.scan import run_folders
from autotrack.sidecar.sync import PATIENCE_SECONDS, Outcome, RunSync


def sync(
    where: str | Path | Sequence[str | Path] = (),
    to: str | Sequence[str] = (),
    *,
    timeout: float | None = PATIENCE_SECONDS,
    on_problem: Callable[[Path, str], None] = lambda *_: None,
) -> list[Outcome]:
    """Bring everything derived from runs up to date, and send to servers what they have not received.

    Syncing again does no harm. A run that is still being recorded is left to its own process, and only sent to servers
    that it is not recorded for. To a server that neither you nor a training of yours has named, nothing is sent.

    Args:
        where: Stores or runs, by their paths; by default, the usual store.
        to: URLs of servers, or `tensorboard`; by default, each run's own destinations.
        timeout: For how many seconds a server that does not answer is tried: once, not again for each run. One that
            refuses connections is given up after 20. None tries as long as it takes.
        on_problem: Called with the folder of a run and a sentence, for each thing that could not be sent.

    Returns:
        What became of each run: its `folder`, its `state`, `is_done`, and, if it is not, `error`, `sent` and `owed`.

    Raises `SettingsError` for a destination that is none, and `RunNotFoundError`.
    """
    patience, chosen = time_limit("timeout", timeout), settings.resolve()
    run_sync = RunSync(
        checked([to] if isinstance(to, str) else to),
        trusted=servers_named(chosen),
        uploads=chosen.uploads,
        patience=patience,
        on_problem=on_problem,
        on_silence=(lambda _: None) if chosen.quiet else _say,
    )
    named = [where] if isinstance(where, (str, Path)) else list(where)
    with drawn_together():
        return [run_sync.sync(folder) for folder in folders_of(named)]


def _say(sentence: str) -> None:
    print(printable(f"autotrack: {sentence}"), file=sys.stderr, flush=True)


def servers_named(chosen: settings.Settings) -> list[str]:
    """Return the servers that the user has named in settings."""
    return [*chosen.servers, *filter(None, [os.environ.get("MLFLOW_TRACKING_URI")])]


def checked(to: Sequence[str]) -> list[str]:
    """Return destinations as they are to be written. Raises `SettingsError` for what is none."""
    for destination in to:
        if not destinations.is_remote(destination) and destination != destinations.TENSORBOARD:
            message = f"--to {destination!r} is neither the URL of a server nor 'tensorboard'"
            raise SettingsError(message, value=destination)
    try:
        return [one for destination in to for one in destinations.checked(destination)]
    except ValueError as error:
        raise SettingsError(f"--to: {error}") from None


def folders_of(where: Sequence[str | Path]) -> list[Path]:
    """Return the folders of the runs that were named, or that lie in the stores that were named."""
    folders: list[Path] = []
    for named in where or [catalog.store_path(None)]:
        store = Path(named).expanduser()
        inside = sorted(run_folders(store))
        folders += inside if inside or store.is_dir() or not where else [catalog.find(str(named)).folder]
    return list(dict.fromkeys(folder.absolute() for folder in folders))
