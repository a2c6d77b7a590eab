"""Which two runs are compared where nobody says which: the last two of one kind."""

from collections.abc import Iterable

from autotrack.readers.compare.unlike import SCRIPT, script_of
from autotrack.readers.query.names import Name
from autotrack.readers.recorded_run import RecordedRun

_STARTED_BY, _SCRIPT_OF = Name("", "started_by"), Name("", "entry_point")


def last_two_alike(runs: Iterable[RecordedRun]) -> tuple[list[RecordedRun], list[RecordedRun]]:
    """Return the last two runs of one kind, the earlier one first, and the newer runs that are of other kinds.

    `runs` come with the newest first. A script whose model has changed is still the same script. Where no two are of
    one kind, those are the last two, whatever they are.
    """
    every = list(runs)
    latest: dict[tuple[str, str], int] = {}
    pairs: dict[int, int] = {}
    for place, run in enumerate(every):
        for key in _keys(run):
            if (newer := latest.setdefault(key, place)) != place:
                pairs.setdefault(newer, place)
        if 0 in pairs:  # usually, the run before it is like the newest one
            break
    if not pairs:
        return every[:2][::-1], []
    newest = min(pairs)
    return [every[pairs[newest]], every[newest]], every[:newest]


def _keys(run: RecordedRun) -> Iterable[tuple[str, str]]:
    yield "kind", run.card()["kind"]
    if run.value(_STARTED_BY) == SCRIPT and (script := script_of(run.value(_SCRIPT_OF))):
        yield run.card()["experiment"], script
