"""One run in full, as the page shows it."""

import shlex
from pathlib import Path
from typing import Any

from autotrack.errors import AutotrackError
from autotrack.format import verdict
from autotrack.journal.judging import main_metrics
from autotrack.journal.summary import Summary
from autotrack.readers.compare import changes_of
from autotrack.readers.earlier_runs import EarlierRuns
from autotrack.readers.param_rows import param_rows
from autotrack.readers.plain import plain
from autotrack.report.files import end_of, patch_of
from autotrack.report.importances import of_trials
from autotrack.report.time_spent import time_spent

_AS_THEY_ARE = (
    "id", "name", "experiment", "status", "started", "ended", "duration_seconds", "overhead_seconds", "error",
    "stop_reason", "traceback", "parent", "resumed_from", "renamed_from", "started_by", "reproduces", "frameworks",
    "argv", "entry_point", "cwd", "host", "python", "destinations", "ranks", "tags", "metrics", "system", "datasets",
    "trials", "plots", "artifacts", "texts", "tables", "notices", "left_out",
)  # fmt: skip

_MOST_TRIALS = 5_000


def details_of(
    folder: Path, summary: Summary, *, earlier_runs: EarlierRuns, most_bytes: int = 200_000
) -> dict[str, Any]:
    """Return one run in full, without its curves.

    Args:
        folder: The run folder.
        summary: The summary of the run.
        earlier_runs: Among which the run is ranked. Pass the same one for many runs.
        most_bytes: How much of its output, and of its patch, is taken.
    """
    details = {name: plain(getattr(summary, name)) for name in _AS_THEY_ARE}
    details["trials"] = details["trials"][:_MOST_TRIALS]
    return {
        **details,
        "folder": str(folder.absolute()),
        "judged_by": main_metrics(summary),
        "importances": of_trials(summary),
        "time_spent": time_spent(summary),
        "params": [plain(row._asdict()) for row in param_rows(summary)],
        "environment": {kind: plain(values) for kind, values in summary.environment.items()},
        "environment_files": summary.environment_files,
        "output": end_of(folder, "output.log", most_bytes),
        "patch": patch_of(folder, summary, most_bytes),
        "repeat": repeat(folder, summary),
        **_standing(folder, summary, earlier_runs),
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


def _standing(folder: Path, summary: Summary, earlier_runs: EarlierRuns) -> dict[str, str]:
    """Return how the run ranks among those before it (`standing`), and what changed since them (`since`)."""
    try:
        changes = changes_of(folder, earlier_runs, summary)
    except (OSError, AutotrackError):  # a run beside it is damaged
        return {}
    if changes is None:
        return {}
    since, standing = changes.said.of(summary)
    return {"since": since, "standing": verdict(standing) if standing else ""}
