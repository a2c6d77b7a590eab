"""The same runs in the stores of others, and how somebody finds runs in them."""

import os
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from autotrack.journal.records import number
from autotrack.readers.recorded_run import RecordedRun

_PROJECT = "many"

MLFLOW_LIST = """
import sys
import mlflow
client = mlflow.MlflowClient(sys.argv[1])
condition = "metrics.val_loss < 0.05 and params.optimizer = 'adam'"
found = client.search_runs([sys.argv[2]], condition, max_results=50_000, order_by=["metrics.val_loss ASC"])
"""
MLFLOW_HISTORIES = """
import json, sys, time
import mlflow
client = mlflow.MlflowClient(sys.argv[1])
runs = client.search_runs([sys.argv[2]], max_results=100)
began = time.perf_counter()
for run in runs:
    assert len(client.get_metric_history(run.info.run_id, "val_loss")) > 1
print(json.dumps({"seconds": time.perf_counter() - began}))
"""
TRACKIO_LIST = f"""
import trackio
for run in trackio.Api().runs({_PROJECT!r}):
    run.name, run.config
"""
TRACKIO_HISTORIES = f"""
import json, time
from trackio.sqlite_storage import SQLiteStorage
names = SQLiteStorage.get_runs({_PROJECT!r})[:100]
began = time.perf_counter()
for name in names:
    assert len(SQLiteStorage.get_logs({_PROJECT!r}, name)) > 1
print(json.dumps({{"seconds": time.perf_counter() - began}}))
"""


def copy_to_mlflow(runs: Sequence[RecordedRun], path: Path, address: str) -> str:
    """Write runs into a database of MLflow's, in the tables that it makes itself; return the id of their experiment.

    By its own functions, ten thousand runs would take a day.
    """
    import mlflow

    experiment: str = mlflow.MlflowClient(address).create_experiment("many", artifact_location=str(path.parent / "a"))
    with sqlite3.connect(path) as database:
        for run in runs:
            about = (run.id, run.name, "LOCAL", "", "", "me", "FINISHED", int(run.started * 1000), None, "", "active",
                     "", int(experiment), None)  # fmt: skip
            database.execute(f"INSERT INTO runs VALUES ({', '.join('?' * len(about))})", about)
            database.executemany(
                "INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)",
                [(name, str(value), run.id) for name, value in run.params.items()],
            )
            histories = run.histories(run.metrics)
            points = [
                (name, float(number(point.value)), int(point.time * 1000), run.id, point.step or 0, 0)
                for name, history in histories.items()
                for point in history
            ]
            insert = "INSERT INTO {} (key, value, timestamp, run_uuid, step, is_nan) VALUES (?, ?, ?, ?, ?, ?)"
            database.executemany(insert.format("metrics"), points)
            last = {point[0]: point for point in points}
            database.executemany(insert.format("latest_metrics"), last.values())
    return experiment


def copy_to_trackio(runs: Iterable[RecordedRun]) -> None:
    """Write runs into the store of Trackio, by its own bulk function."""
    from trackio.sqlite_storage import SQLiteStorage  # type: ignore[import-not-found, unused-ignore]

    os.environ.setdefault("TRACKIO_DIR", "trackio")
    for run in runs:
        histories = run.histories(run.metrics)
        rows: list[dict[str, Any]] = [
            {name: float(number(history[step].value)) for name, history in histories.items()}
            for step in range(min(map(len, histories.values())))
        ]
        SQLiteStorage.bulk_log(_PROJECT, run.folder.name, rows, steps=list(range(len(rows))), config=dict(run.params))
