"""Why two runs differ, worked out beforehand for the pairs of a file that people are likely to compare."""

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from typing import Any

from autotrack.errors import AutotrackError
from autotrack.readers.code.changes import FileChange
from autotrack.readers.compare.comparison import RunComparison
from autotrack.readers.plain import plain
from autotrack.readers.recorded_run import RecordedRun

_ALL_PAIRS = 16
"""Of so many runs, every two are compared; of more, each with the one before it and with the best one."""

_MOST_COMPARED = 100
_MOST_CHARACTERS = 200_000
"""So much code of two runs is shown: those of different projects differ in everything."""


def newest_first(runs: Sequence[RecordedRun]) -> list[RecordedRun]:
    """Return runs in the order in which they are compared: each with those before it."""
    return sorted(runs, key=lambda run: run.started, reverse=True)


def likely_pairs(runs: Sequence[RecordedRun], best: RecordedRun | None) -> Iterator[tuple[RecordedRun, RecordedRun]]:
    """Yield the pairs of runs to compare, the earlier run first. `runs` are in order, the newest first."""
    oldest_first = list(runs)[::-1]
    if len(runs) <= _ALL_PAIRS:
        yield from combinations(oldest_first, 2)
        return
    chosen = oldest_first[-_MOST_COMPARED:]
    for before, run in pairwise(chosen):
        yield before, run
        if best is not None and best not in (before, run):
            yield (best, run) if runs.index(best) > runs.index(run) else (run, best)


def compared(before: RecordedRun, run: RecordedRun, others: Sequence[RecordedRun] = ()) -> dict[str, Any]:
    """Return the likely causes of the difference between two runs, what differs, and the differences in their code."""
    try:
        comparison = RunComparison([before, run], others=others)
        causes = [cause.as_dict() for cause in comparison.causes]
        parting, changes = comparison.parting, comparison.code
        differing = comparison.differences
    except (OSError, AutotrackError) as error:
        return {"metric": None, "causes": [], "differences": {}, "parting": "", "code": [], "problem": str(error)}
    return {
        "metric": comparison.metric,
        "causes": plain(causes),
        "differences": differing,
        "parting": str(parting) if parting else "",
        "code": list(code_shown(changes.files)) if changes is not None else [],
    }


def code_shown(files: Sequence[FileChange]) -> Iterator[dict[str, str]]:
    """Yield the differences of files, as far as there is room for them, and say what was left out."""
    left = _MOST_CHARACTERS
    for place, one in enumerate(files):
        text = "\n".join(one.diff)
        if len(text) > left:
            count = len(files) - place
            whole = f"{count} {'file' if count == 1 else 'files'}: autotrack compare --code shows all of it"
            yield {"file": f"not shown: {one.name}{f' and {count - 1} more' if count > 1 else ''}", "diff": whole}
            return
        left -= len(text)
        yield {"file": one.name, "diff": text}
