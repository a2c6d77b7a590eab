"""Picks one run among others, by what people call it."""

import difflib
from collections.abc import Sequence

from autotrack.errors import RunNotFoundError
from autotrack.format import moment
from autotrack.readers.query.names import Name
from autotrack.readers.recorded_run import RecordedRun

_ID, _NAME = Name("", "id"), Name("", "name")
_MOST_LISTED = 10
_SHORTEST_ID = 4


def pick(runs: Sequence[RecordedRun], reference: str, *, place: str = "among these runs") -> RecordedRun:
    """Return the run with this id, start of an id, name, or folder name, or the only one whose name ends so.

    A folder keeps the name that a run had at first, so that name is enough as well.

    Raises `RunNotFoundError`, also for a name that several runs have: its message lists their folders.
    """
    named = [run for run in runs if reference in (run.value(_ID), run.folder.name)]
    named = named or [run for run in runs if reference == run.value(_NAME)]
    if len(named) > 1:
        raise RunNotFoundError(_which_of(named, reference), reference=reference)
    if named:
        return named[0]
    matches = [run for run in runs if len(reference) >= _SHORTEST_ID and run.value(_ID).startswith(reference)]
    matches = matches or _ending_in(runs, reference)
    if len(matches) == 1:
        return matches[0]
    if matches and not matches[0].value(_ID).startswith(reference):
        raise RunNotFoundError(_which_of(matches, reference, how="end in"), reference=reference)
    names = list(dict.fromkeys(run.value(_NAME) for run in runs))
    count = "is 1" if len(runs) == 1 else f"are {len(runs)}"
    content = f"there {count}, such as {', '.join(names[:5])}" if runs else "there are none"
    alike = difflib.get_close_matches(reference, [*names, *(run.folder.name for run in runs)], n=3)
    meant = f"; did you mean {' or '.join(map(repr, alike))}?" if alike else ""
    raise RunNotFoundError(
        f"no run {reference!r} {place}{meant}; {content}; give a folder, an id, a name or 'latest'",
        reference=reference,
    )


def is_called(run: RecordedRun, reference: str) -> bool:
    """Return whether a reference is the id or the name of a run, in full, or the start of its id."""
    return reference in (run.value(_NAME), run.folder.name) or run.value(_ID).startswith(reference)


def _ending_in(runs: Sequence[RecordedRun], reference: str) -> list[RecordedRun]:
    """Return the runs whose name, or that of the folder, ends in whole words: `train-brave-otter` in `brave-otter`."""
    if len(reference) < _SHORTEST_ID:
        return []
    end = f"-{reference}"
    return [run for run in runs if run.value(_NAME).endswith(end) or run.folder.name.endswith(end)]


def _which_of(runs: Sequence[RecordedRun], reference: str, *, how: str = "are called") -> str:
    """Say that several runs are called the same, and where each is."""
    listed = [f"{moment(run.started)}  {run.folder}" for run in runs[:_MOST_LISTED]]
    more = [f"… and {len(runs) - _MOST_LISTED} more"] if len(runs) > _MOST_LISTED else []
    return "\n".join([f"{len(runs)} runs {how} {reference!r}; give the folder of one, or its name:", *listed, *more])
