"""One run in full, as the page shows it."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autotrack import settings
from autotrack.errors import AutotrackError
from autotrack.format import short
from autotrack.journal.judging import main_metrics
from autotrack.journal.records import number
from autotrack.journal.summary import Summary
from autotrack.readers.compare.earlier_runs import EarlierRuns
from autotrack.readers.compare.since import changes_of
from autotrack.readers.compare.system_differences import system_facts
from autotrack.readers.lists.param_rows import is_of_person, param_rows
from autotrack.readers.plain import plain
from autotrack.readers.ranking import Ranks
from autotrack.readers.recorded_run import RecordedRun
from autotrack.report.files import end_of, patch_of
from autotrack.report.importances import of_trials
from autotrack.report.registered import registered
from autotrack.report.time_spent import time_spent

_AS_THEY_ARE = (
    "id", "name", "experiment", "status", "started", "ended", "duration_seconds", "overhead_seconds", "error",
    "stop_reason", "traceback", "parent", "resumed_from", "renamed_from", "started_by", "reproduces", "frameworks",
    "argv", "entry_point", "cwd", "host", "python", "destinations", "ranks", "tags", "metrics", "system", "datasets",
    "trials", "plots", "artifacts", "models", "texts", "notices", "left_out",
)  # fmt: skip

_MOST_TRIALS = 5_000


def details_of(
    folder: Path,
    summary: Summary,
    *,
    earlier_runs: EarlierRuns,
    ranks: Ranks,
    tables: Sequence[dict[str, Any]],
    most_bytes: int = 200_000,
) -> dict[str, Any]:
    """Return one run in full, without its curves.

    Args:
        folder: The run folder.
        summary: The summary of the run.
        earlier_runs: With which the run is compared. Pass the same one for many runs.
        ranks: The runs among which it is ranked.
        tables: What `tables_of` returns.
        most_bytes: How much of its output, and of its patch, is taken.
    """
    details = {name: plain(getattr(summary, name)) for name in _AS_THEY_ARE}
    details["trials"] = details["trials"][:_MOST_TRIALS]
    return {
        **details,
        "tables": tables,
        "folder": str(folder.absolute()),
        "judged_by": main_metrics(summary),
        "importances": of_trials(summary),
        "time_spent": time_spent(summary),
        "params": [{**plain(row._asdict()), "is_given": is_of_person(row, summary)} for row in param_rows(summary)],
        "environment": {kind: plain(values) for kind, values in summary.environment.items()},
        "environment_files": summary.environment_files,
        "system_facts": plain(system_facts(summary.environment)),
        "output": end_of(folder, "output.log", most_bytes),
        "patch": patch_of(folder, summary, most_bytes),
        "repeat": repeat(folder, summary),
        "registered": registered(folder, summary),
        "since": _since(folder, summary, earlier_runs),
        "standing": _standing(RecordedRun(folder, summary), ranks),
    }


def repeat(folder: Path, summary: Summary) -> list[str]:
    """Return the command that runs it again, and the lines that somebody would type to do it by hand."""
    git = summary.environment.get("git", {})
    place, commit = git.get("root") or summary.cwd, git.get("commit")
    patch, packages = (
        [shlex.quote(str(folder.absolute() / name)) for name in summary.environment_files if name.endswith(f"/{file}")]
        for file in ("changes.patch", "requirements.txt")
    )
    return [
        f"autotrack reproduce {shlex.quote(str(folder.absolute()))}",
        *([f"cd {shlex.quote(str(place))}"] if place else []),
        *([f"git checkout {shlex.quote(str(commit))}"] if commit else []),
        *(f"git apply {path}" for path in patch),
        *(f"pip install -r {path}" for path in packages),
        *([f"python {shlex.join(summary.argv)}"] if summary.argv else []),
    ]


def _since(folder: Path, summary: Summary, earlier_runs: EarlierRuns) -> str:
    """Return what changed since the last run before this one, and since the best."""
    try:
        changes = changes_of(folder, earlier_runs, summary)
    except (OSError, AutotrackError):  # a run beside it is damaged
        return ""
    return changes.said.of(summary)[0] if changes is not None else ""


def _standing(run: RecordedRun, ranks: Ranks) -> str:
    """Return how the run ranks among all of its kind, as `autotrack show` tells it."""
    rank = ranks.of(run, wanted=settings.resolve().metric)
    if rank is None or rank.best is None or rank.best_value is None:
        return ""
    word = "best" if rank.place > 1 else "next"
    own, other = short(number(rank.value)), short(number(rank.best_value))
    return f"{rank.metric} {own}, {rank.in_words} ({word}: {rank.best.name} {other})"
