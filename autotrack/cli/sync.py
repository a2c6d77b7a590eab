"""`autotrack sync`: finish work that was cut off, from the journals alone."""

import sys
from collections import Counter
from pathlib import Path
from time import sleep
from typing import Annotated

import typer

from autotrack import destinations, settings
from autotrack.amounts import time_limit
from autotrack.cli.owed import owed_lines
from autotrack.cli.printing import say
from autotrack.cli.progress import with_progress
from autotrack.drawing_process import drawn_together
from autotrack.escapes import printable
from autotrack.journal.reader import journal_sizes
from autotrack.readers import catalog
from autotrack.sidecar.sync import PATIENCE_SECONDS, Outcome, RunSync
from autotrack.sidecar.sync_runs import checked, folders_of, servers_named
from autotrack.sinks.owed import Owed

_WATCH_SECONDS = 2.0


def sync(
    where: Annotated[
        list[str] | None, typer.Argument(metavar="[STORE|RUN]...", help="Stores or runs; by default the usual store.")
    ] = None,
    to: Annotated[
        list[str] | None,
        typer.Option("--to", metavar="URL|tensorboard", help="Where to; by default each run's own destinations."),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option("--timeout", min=0.0, help="How long to try a server that does not answer, in s."),
    ] = PATIENCE_SECONDS,
    watch: Annotated[bool, typer.Option("--watch", help="Go on with newly recorded data until Ctrl-C.")] = False,
) -> None:
    """Bring everything derived from runs up to date, and send to servers what they have not received.

    Syncing again does no harm, nor does syncing other people's runs: they go to no server that neither you nor a
    training of yours has named. A run that is still being recorded is left to its own sidecar, and only sent to
    servers that it is not recorded for. A run that cannot be read stops no other.
    """
    chosen = settings.resolve()
    run_sync = RunSync(
        checked(to or []),
        trusted=servers_named(chosen),
        trusts=_ask,
        uploads=chosen.uploads,
        patience=time_limit("--timeout", timeout),
        on_problem=_say_problem,
        on_silence=lambda sentence: say(sentence, err=True),
    )
    folders = folders_of(where or [])
    if not folders and not watch:
        say(f"no runs in {', '.join(where or [str(catalog.store_path(None))])}", err=True)
        return
    with drawn_together():
        outcomes = [run_sync.sync(folder) for folder in with_progress(folders, "runs", fewest=1)]
    command = " ".join(["autotrack sync", *(f"--to {destinations.without_credentials(url)}" for url in to or [])])
    _say(outcomes, command)
    if watch:
        _watch(run_sync, where, command)
    if not all(outcome.is_done for outcome in outcomes):
        raise typer.Exit(1)


def _ask(server: str) -> bool:
    """Ask whether runs, and the credentials of this machine, may go to a server that only a run names."""
    return sys.stdin.isatty() and typer.confirm(f"Runs name the server {printable(server)}. Send them there, as you?")


def _watch(run_sync: RunSync, where: list[str] | None, command: str) -> None:
    sizes: dict[Path, int] = {}
    try:
        while True:
            for folder in folders_of(where or []):
                size = sum(journal_sizes(folder).values())
                if sizes.get(folder) != size:
                    outcome = run_sync.sync(folder)
                    _say_owed([outcome], command)
                    if not any(outcome.sent.values()):
                        sizes[folder] = size
            run_sync.try_again()
            sleep(_WATCH_SECONDS)
    except KeyboardInterrupt:
        say("stopped", err=True)


def _say_problem(folder: Path, problem: str) -> None:
    say(f"{folder.name}: {problem}", err=True)


def _say(outcomes: list[Outcome], command: str) -> None:
    for outcome in outcomes:
        if outcome.error:
            say(f"{outcome.folder}: {outcome.error}", err=True)
    _say_owed(outcomes, command)
    counts = Counter(outcome.state for outcome in outcomes)
    parts = [
        f"{_runs(counts[state])} {state}"
        for state in ("complete", "incomplete", "still being recorded", "read-only")
        if counts[state]
    ]
    for url in dict.fromkeys(url for outcome in outcomes for url in outcome.sent):
        concerned = [outcome for outcome in outcomes if url in outcome.sent]
        not_sent = sum(outcome.sent[url] is not None for outcome in concerned)
        partly = sum(outcome.sent[url] is None and url in outcome.owed for outcome in concerned)
        parts.append(f"{_runs(len(concerned) - not_sent - partly)} at {url}")
        if partly:
            parts.append(f"{_runs(partly)} there in part")
        if not_sent:
            parts.append(f"{_runs(not_sent)} not sent there")
    if counts["read-only"] and not any(outcome.sent for outcome in outcomes):
        say("what may only be read is not completed, and gets no files for TensorBoard: copy it to do that", err=True)
    if counts["unreadable"]:
        parts.append(f"{_runs(counts['unreadable'])} unreadable")
    say(", ".join(parts))


def _say_owed(outcomes: list[Outcome], command: str) -> None:
    """Say what servers have not taken. Why a transfer was broken off has been said when it was."""
    owed = {
        outcome.folder: {url: Owed(one.refused) for url, one in outcome.owed.items() if not outcome.sent[url]}
        for outcome in outcomes
    }
    for line in owed_lines(owed):
        say(f"{line}. `{command}` tries it again", err=True)


def _runs(count: int) -> str:
    return f"{count} {'run' if count == 1 else 'runs'}"
