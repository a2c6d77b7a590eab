"""Reads runs back from a tracking server, over its REST interface alone, and compares them with their journals."""

import math
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

import autotrack
from autotrack.journal.reader import RunReader
from autotrack.journal.records import Metrics, Number, number

MOST_POINTS_A_PAGE = 25_000

Points = dict[str, list[tuple[int, int, float | str]]]
"""By metric: time in milliseconds since 1970, step, value; sorted. See `comparable`."""


@dataclass(frozen=True)
class ReadRun:
    """A run as the server has it: `points` of all metrics except the system load, ids of its logged `models`."""

    run_id: str
    name: str
    status: str
    started_ms: int
    ended_ms: int | None
    params: Mapping[str, str]
    tags: Mapping[str, str]
    points: Points = field(repr=False)
    models: list[str] = field(default_factory=list)


class ServerReader:
    """Reads from the tracking server at `url`. `auth` is a user and a password."""

    def __init__(self, url: str, auth: tuple[str, str] | None = None) -> None:
        self._url = url
        self._auth = auth

    def runs(self, experiment: str) -> list[ReadRun]:
        """Return all runs of an experiment, nested ones included; none when there is no such experiment."""
        names = {one["name"]: one["experiment_id"] for one in self._all_pages("experiments/search", "experiments")}
        if experiment not in names:
            return []
        found = self._all_pages("runs/search", "runs", experiment_ids=[names[experiment]])
        return [self._run(run["info"], run.get("data", {}), run.get("outputs", {})) for run in found]

    def run(self, experiment: str) -> ReadRun:
        """Return the one run of an experiment, beside those that are nested in it."""
        (run,) = [run for run in self.runs(experiment) if "mlflow.parentRunId" not in run.tags]
        return run

    def artifact(self, run: ReadRun, path: str) -> bytes:
        """Return a file as the server's web page downloads it. MLflow 3 has a model beside the files of its run."""
        if run.models and path.startswith("model/") and path not in self.files(run, "model"):
            place = f"ajax-api/2.0/mlflow/logged-models/{run.models[0]}/artifacts/files"
            return self._get(place, artifact_file_path=path.removeprefix("model/")).content
        return self._get("get-artifact", run_uuid=run.run_id, path=path).content

    def files(self, run: ReadRun, path: str = "") -> dict[str, int]:
        """Return the paths of all files of a run, and their sizes in bytes."""
        wanted = {"run_id": run.run_id, **({"path": path} if path else {})}
        found: dict[str, int] = {}
        for one in self._get("api/2.0/mlflow/artifacts/list", **wanted).json().get("files", []):
            found |= self.files(run, one["path"]) if one["is_dir"] else {one["path"]: int(one["file_size"])}
        return found

    def _run(self, info: Mapping[str, Any], data: Mapping[str, Any], outputs: Mapping[str, Any]) -> ReadRun:
        metrics = [one["key"] for one in data.get("metrics", []) if not one["key"].startswith("system/")]
        return ReadRun(
            run_id=info["run_id"],
            name=info["run_name"],
            status=info["status"],
            started_ms=int(info["start_time"]),
            ended_ms=int(info["end_time"]) if "end_time" in info else None,
            params={one["key"]: one["value"] for one in data.get("params", [])},
            tags={one["key"]: one["value"] for one in data.get("tags", [])},
            models=[one["model_id"] for one in outputs.get("model_outputs", [])],
            points={name: self._points(info["run_id"], name) for name in metrics},
        )

    def _points(self, run_id: str, metric: str) -> list[tuple[int, int, float | str]]:
        wanted: dict[str, Any] = {"run_id": run_id, "metric_key": metric, "max_results": MOST_POINTS_A_PAGE}
        found: list[tuple[int, int, float | str]] = []
        while True:
            page = self._get("api/2.0/mlflow/metrics/get-history", **wanted).json()
            found += [
                (int(one["timestamp"]), int(one.get("step", 0)), comparable(one["value"])) for one in page["metrics"]
            ]
            if not (token := page.get("next_page_token")):
                return sorted(found, key=str)
            wanted["page_token"] = token

    def _all_pages(self, path: str, kind: str, /, **wanted: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            body = {**wanted, "max_results": 1000}
            answer = requests.post(f"{self._url}/api/2.0/mlflow/{path}", json=body, auth=self._auth, timeout=60)
            answer.raise_for_status()
            found += answer.json().get(kind, [])
            if not (token := answer.json().get("next_page_token")):
                return found
            wanted["page_token"] = token

    def _get(self, path: str, /, **query: Any) -> requests.Response:
        answer = requests.get(f"{self._url}/{path}", params=query, auth=self._auth, timeout=60)
        answer.raise_for_status()
        return answer


def check_arrived(url: str, experiment: str, folder: Path, auth: tuple[str, str] | None = None) -> ReadRun:
    """The server has of a run that has ended exactly what its journals say, and once: points, params, tags, files."""
    reader, recorded = ServerReader(url, auth), autotrack.load(folder)
    run = reader.run(experiment)
    assert run.points == recorded_points(folder)
    assert run.params == {name: str(value) for name, value in recorded.params.items()}
    assert run.tags.items() >= recorded.tags.items()
    assert run.status == "FINISHED"
    for artifact in recorded.artifacts:
        if Path(artifact.path).name == "MLmodel":  # there it names the logged model and the run, too
            continue
        assert reader.artifact(run, artifact.path) == (folder / artifact.path).read_bytes()
    return run


def recorded_points(folder: Path) -> Points:
    """Return all points of all metrics as the journals of rank 0 have them, at the epoch where they have no step."""
    points = defaultdict(list)
    for rank, batch in RunReader(folder):
        for record in batch:
            if isinstance(record, Metrics) and rank == 0:
                step = record.step if record.step is not None else record.epoch or 0
                for name, value in record.values.items():
                    points[name].append((int(record.time * 1000), step, comparable(value)))
    return {name: sorted(found, key=str) for name, found in points.items()}


def comparable(value: Number) -> float | str:
    """Return NaN as text, for it is not equal to itself, and infinity as what the server makes of it."""
    plain = float(number(value))
    return "NaN" if math.isnan(plain) else max(-sys.float_info.max, min(plain, sys.float_info.max))
