"""Gathers where a version comes from: its run, and with it code, data, packages, metrics and the runs before it."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from autotrack.errors import AutotrackError
from autotrack.journal.judging import judged_by
from autotrack.journal.run_folder import read_bytes
from autotrack.journal.series import Point
from autotrack.journal.summary import Summary
from autotrack.models.entries import Origin, Value
from autotrack.readers.recorded_run import RecordedRun

_MOST_BYTES = 2**20
_PINNED = re.compile(r"([A-Za-z0-9][\w.-]*)==([\w.!+-]+)", re.ASCII)
_OF_CODE = ("commit", "branch", "tag", "remote", "url", "root", "changed", "untracked")


def origin_of(run: RecordedRun, store: Path, model_folders: list[str]) -> Origin:
    """Return where the model of a run comes from; `model_folders` may say in a `requirements.txt` what it needs."""
    summary = run.summary
    process = summary.environment.get("process", {})
    parents = {name: getattr(summary, name) for name in ("parent", "resumed_from", "reproduces")}
    return Origin(
        run=summary.id,
        name=summary.name,
        experiment=summary.experiment,
        folder=run.folder.absolute().relative_to(store.absolute()).as_posix(),
        started=summary.started,
        user=str(process.get("user") or ""),
        host=summary.host,
        argv=list(summary.argv),
        entry_point=summary.entry_point,
        parents={name: value for name, value in parents.items() if value},
        code=_code(summary),
        python=summary.python,
        frameworks=dict(summary.frameworks),
        packages=packages_in(run.folder, model_folders),
        datasets=list(summary.datasets),
        metrics=values_of(summary),
        metric=judged_by(summary),
        params=summary.params_by_source,
    )


def values_of(summary: Summary) -> dict[str, Value]:
    """Return the metrics of a run."""
    return {name: _value(metric.last, metric.best, metric.better) for name, metric in summary.metrics.items()}


def _value(last: Point, best: Point | None, better: str | None) -> Value:
    return Value(last=last.value, best=None if best is None else best.value, better=better, stage=last.stage)


def _code(summary: Summary) -> dict[str, Any]:
    git = summary.environment.get("git")
    if git is None:
        source = summary.environment.get("source")
        return {"kept_in": "environment/source"} if source else {}
    return {name: git[name] for name in _OF_CODE if git.get(name)}


def packages_in(folder: Path, model_folders: list[str]) -> dict[str, str]:
    """Return the packages that the model of a run needs, with the versions of the training."""
    found: dict[str, str] = {}
    for model_folder in model_folders:
        with suppress(OSError, AutotrackError, UnicodeDecodeError):
            content = read_bytes(folder, f"{model_folder}/requirements.txt", limit_bytes=_MOST_BYTES).decode()
            found |= {
                match[1]: match[2] for line in content.splitlines() if (match := _PINNED.fullmatch(line.strip()))
            }
    return found
