"""Says what servers have not taken of runs, in a line for each reason, however many files and runs it concerns."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from autotrack.sinks.owed import Owed, counted, in_short, is_named, owed_by_server


def owed_in_short(folders: Iterable[Path], *, servers: Collection[str] = ()) -> Iterator[str]:
    """Yield which of these runs a server has not taken completely, a line each; only for `servers`, if there are any.

    The advice is a command that tries it again: without `--to`, a run is only sent to the servers that it names.
    """
    lacking: dict[tuple[str, bool], list[str]] = {}
    for folder in folders:
        for url in owed_by_server(folder):
            if not servers or url in servers:
                lacking.setdefault((url, is_named(url, folder)), []).append(folder.name)
    for (url, by_run), names in lacking.items():
        command = "autotrack sync" if by_run else f"autotrack sync --to {url}"
        yield f"{url} lacks parts of {counted('run', names)}: `autotrack show` says which, `{command}` tries again"


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
