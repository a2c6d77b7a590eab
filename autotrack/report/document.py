"""The JSON that the page is made of. `README.md` beside this file says what is in it."""

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from autotrack.errors import AutotrackError
from autotrack.journal.records import number
from autotrack.readers.compare.earlier_runs import EarlierRuns
from autotrack.readers.query.names import Name
from autotrack.readers.ranking import Ranks
from autotrack.readers.recorded_run import RecordedRun, fold
from autotrack.report.columns import columns_of, keys_of
from autotrack.report.comparisons import compared, likely_pairs, newest_first
from autotrack.report.curves import curves_of, points_for_each
from autotrack.report.details import details_of
from autotrack.report.importances import of_runs
from autotrack.report.tables import tables_of
from autotrack.version import __version__

FORMAT = 1

_TEXT_BYTES = 4_000_000
_LEAST_TEXT_BYTES, _MOST_TEXT_BYTES = 4_000, 200_000
"""How much of the output of each run is in a file: all runs share what a mail can carry."""

Watch = Callable[[Sequence[RecordedRun]], Iterable[RecordedRun]]


def document_of(
    runs: Sequence[RecordedRun],
    names: Collection[Name],
    *,
    title: str,
    wanted: str = "",
    whole: Sequence[RecordedRun] = (),
    watch: Watch = iter,
) -> dict[str, Any]:
    """Return all that a file with these runs has to show.

    Args:
        runs: The runs, in any order.
        names: The names that they have, as in `Runs.where`.
        title: The title of the page.
        wanted: The setting `metric`.
        whole: The runs among which these are ranked; by default, these.
        watch: Is given the runs, and passes them on one by one, so it can show the progress.
    """
    runs = newest_first(runs)
    table = columns_of(runs, names, wanted)
    keys = dict(zip(map(id, runs), keys_of(runs), strict=True))
    most = points_for_each(sum(len(run.summary.metrics) + len(run.summary.system) for run in runs))
    text_bytes = min(max(_TEXT_BYTES // max(len(runs), 1), _LEAST_TEXT_BYTES), _MOST_TEXT_BYTES)
    earlier_runs, ranks, packages = EarlierRuns(), Ranks(whole or runs), dict[str, Any]()
    details, curves = {}, {}
    for run in watch(runs):
        key = keys[id(run)]
        details[key] = details_of(
            run.folder,
            run.summary,
            earlier_runs=earlier_runs,
            ranks=ranks,
            tables=tables_of(run.folder, run.summary),
            most_bytes=text_bytes,
        )
        _share_packages(details[key], packages)
        try:
            curves[key] = curves_of(fold(run.folder), run.started, most)
        except (OSError, AutotrackError):  # it was moved away meanwhile
            curves[key] = {}
    best = _best(runs, table)
    return {
        "format": FORMAT,
        "autotrack": __version__,
        "made": time.time(),
        "title": title,
        "points_per_curve": most,
        "table": table,
        "importances": of_runs(runs, names, table["judged_by"]),
        "details": details,
        "packages": packages,
        "curves": curves,
        "comparisons": {
            f"{keys[id(before)]} {keys[id(run)]}": compared(before, run, runs)
            for before, run in likely_pairs(runs, best)
        },
    }


def _share_packages(details: dict[str, Any], packages: dict[str, Any]) -> None:
    """Keep the versions of all packages once for the runs that have the same ones."""
    captured = details["environment"].get("packages")
    if captured and captured.get("digest"):
        versions = captured.pop("versions", {})
        packages.setdefault(str(captured["digest"]), versions)


def _best(runs: Sequence[RecordedRun], table: dict[str, Any]) -> RecordedRun | None:
    """Return the run with the best value of the metric that most runs are judged by."""
    metric = next(iter(table["judged_by"]), None)
    having = [(number(run.card()["best"][metric]), run) for run in runs if metric in run.card()["best"]]
    finite = [(value, run) for value, run in having if value == value]  # noqa: PLR0124  NaN is no best
    if not finite:
        return None
    return (max if table["directions"].get(metric) == "max" else min)(finite, key=lambda item: item[0])[1]
