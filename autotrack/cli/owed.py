"""Says what servers have not taken of runs, in a line for each reason, however many files and runs it concerns."""

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from autotrack import destinations
from autotrack.journal import unwritten, unwritten_output
from autotrack.journal.lost import losses_in
from autotrack.readers.recorded_run import RecordedRun
from autotrack.sinks.owed import Owed, counted, in_short, is_named, owed_by_server, without_delivery


def owed_in_short(runs: Iterable[RecordedRun], *, servers: Collection[str] = ()) -> Iterator[str]:
    """Yield which of these runs a server does not have completely, a line each; only for `servers`, if there are any.

    The advice is a command that tries it again: without `--to`, a run is only sent to the servers that it names.
    """
    lacking: dict[tuple[str, bool], list[str]] = {}
    unsent: dict[str, list[str]] = {}
    for run in runs:
        for url in owed_by_server(run.folder):
            lacking.setdefault((url, _names(run, url)), []).append(run.folder.name)
        for url in unsent_to(run):
            unsent.setdefault(url, []).append(run.folder.name)
    for (url, by_run), names in lacking.items():
        if not servers or url in servers:
            command = "autotrack sync" if by_run else f"autotrack sync --to {shlex.quote(url)}"
            yield f"{url} lacks parts of {counted('run', names)}: `autotrack show` says which, `{command}` tries again"
    for url, names in unsent.items():
        if not servers or url in servers:
            yield f"not sent yet to {url}: {counted('run', names)}; unless that is under way, `autotrack sync` does it"


def waiting_elsewhere(runs: Iterable[RecordedRun]) -> str:
    """Say of which of these runs the disk has refused records, if they are not recorded any more; empty if of none."""
    ended = {run.folder: run.status for run in runs if run.status != "running"}
    cut_off = [folder for folder, status in ended.items() if status == "killed"]
    waiting = [*unwritten.waiting_among(cut_off), *unwritten_output.waiting_among(ended)]
    names = [folder.name for folder in dict.fromkeys(waiting)]
    if not names:
        return ""
    things = counted("run", names)
    return f"records of {things} wait elsewhere, since the disk did not take them: `autotrack sync` brings them home"


def lost_for_good(runs: Iterable[RecordedRun]) -> str:
    """Say of which of these runs no disk has taken all records, if they look killed therefore; empty if of none."""
    names = [run.folder.name for run in runs if run.status == "killed" and any(losses_in(run.folder))]
    if not names:
        return ""
    return f"records of {counted('run', names)} are lost, since no disk took them: `autotrack sync` notes how many"


def unsent_to(run: RecordedRun) -> list[str]:
    """Return the servers that a run names, that have not got it since it ended, and are not known to refuse it."""
    if run.status == "running" or not run.destinations:
        return []
    named = [url for url in run.destinations if destinations.is_remote(url)]
    waiting = without_delivery(run.folder, named)
    owed = owed_by_server(run.folder) if waiting else {}
    return [url for url in waiting if url not in owed]


def _names(run: RecordedRun, url: str) -> bool:
    named = run.destinations
    return is_named(url, run.folder) if named is None else url in named


def owed_lines(owed: Mapping[Path, Mapping[str, Owed]]) -> Iterator[str]:
    """Yield a line for each server and reason. `owed` has what is owed to each server, by the folders of the runs."""
    first: dict[tuple[str, str, str], str] = {}
    alike: dict[tuple[str, str, str], list[tuple[Path, str]]] = {}
    broken_off: dict[tuple[str, str], list[Path]] = {}
    for folder, by_server in owed.items():
        for server, one in by_server.items():
            for (kind, reason), names in one.by_reason().items():
                key = server, kind, in_short(reason)
                first.setdefault(key, reason)
                alike.setdefault(key, []).extend((folder, name) for name in names)
            if one.broken_off:
                broken_off.setdefault((server, one.broken_off), []).append(folder)
    for key, things in alike.items():
        server, kind, _ = key
        folders = {folder for folder, _ in things}
        of_runs = f" of {len(folders)} runs" if len(folders) > 1 else f" of {things[0][0].name}"
        yield f"{server} did not take {counted(kind, [name for _, name in things])}{of_runs}: {first[key]}"
    for (server, reason), runs in broken_off.items():
        yield f"{server} does not have all of {counted('run', [run.name for run in runs])}: {reason}"
