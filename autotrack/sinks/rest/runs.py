"""Experiments and runs on the server: found, or created exactly once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from autotrack.journal.records import Status
from autotrack.sinks.rest.client import Client, Refused

RUN_TAG = "autotrack.run"
"""Its value is the id of our run: what a run on the server is recognised by."""

STATUS: Mapping[str, str] = {
    "running": "RUNNING",
    "finished": "FINISHED",
    "failed": "FAILED",
    "interrupted": "KILLED",
    "killed": "KILLED",
}

_A_PAGE = 1000
_LONGEST_EXPERIMENT = 500


@dataclass(frozen=True)
class RemoteRun:
    """A run on the server; `params` and `tags` are what it had when it was looked at."""

    run_id: str
    experiment_id: str
    artifact_uri: str
    is_deleted: bool = False
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


class _Found(Exception):  # noqa: N818  no error: ends the repetition of a request
    def __init__(self, run: RemoteRun) -> None:
        super().__init__(run.run_id)
        self.run = run


def experiment_id(client: Client, name: str, on_problem: Callable[[str], None]) -> str:
    """Return the id of the experiment with this name, created if need be.

    A name whose experiment was deleted stays taken. Somebody wanted those runs gone, so it is not restored: the runs
    go to `name-2`, and `on_problem` is told.
    """
    wanted, number = name[:_LONGEST_EXPERIMENT] or "Default", 1
    candidate = wanted
    while True:
        found = _experiment(client, candidate) or _create_experiment(client, candidate)
        if found.get("lifecycle_stage", "active") == "active":
            if candidate != wanted:
                on_problem(f"the experiment {wanted!r} was deleted on {client.url}: the run goes to {candidate!r}")
            return str(found["experiment_id"])
        number += 1
        candidate = f"{wanted[: _LONGEST_EXPERIMENT - 8]}-{number}"


def get(client: Client, run_id: str) -> RemoteRun | None:
    """Return a run by the server's own id; None where the server has no such run."""
    try:
        return _remote(client.get("runs/get", run_id=run_id)["run"])
    except Refused as refused:
        if refused.status == 404 and refused.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise


def find(client: Client, experiment: str, run: str) -> RemoteRun | None:
    """Return the run that was made for our run of this id, if there is one; always the same if there are several."""
    found = search(client, experiment, f"tags.`{RUN_TAG}` = '{run}'")
    return min(found, key=lambda one: one.run_id, default=None)


def search(client: Client, experiment: str, filter_string: str) -> list[RemoteRun]:
    """Return the runs of an experiment that a filter finds and nobody deleted."""
    body: dict[str, Any] = {"experiment_ids": [experiment], "filter": filter_string, "max_results": _A_PAGE}
    found = list[RemoteRun]()
    while True:
        page = client.post("runs/search", body)
        found += [_remote(one) for one in page.get("runs", [])]
        if not (token := page.get("next_page_token")):
            return found
        body["page_token"] = token


def create(
    client: Client, experiment: str, run: str, *, name: str, started: float, tags: Mapping[str, str]
) -> RemoteRun:
    """Create a run, exactly once: when there was no answer, it is looked for before it is created again.

    `run` is our id, `started` in seconds since 1970.
    """

    def look() -> None:
        if (found := find(client, experiment, run)) is not None:
            raise _Found(found)

    body = {
        "experiment_id": experiment,
        "run_name": name,
        "start_time": int(started * 1000),
        "user_id": tags.get("mlflow.user", ""),
        "tags": [{"key": key, "value": value} for key, value in {RUN_TAG: run, **tags}.items()],
    }
    try:
        return _remote(client.post("runs/create", body, before_retry=look)["run"])
    except _Found as found:
        return found.run


def set_status(client: Client, run_id: str, status: Status | str, ended: float | None) -> None:
    """Say how a run stands, and when it ended in seconds since 1970."""
    body: dict[str, Any] = {"run_id": run_id, "status": STATUS.get(status, "FINISHED")}
    if ended is not None:
        body["end_time"] = int(ended * 1000)
    client.post("runs/update", body)


def _experiment(client: Client, name: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = client.get("experiments/get-by-name", experiment_name=name)["experiment"]
    except Refused as refused:
        if refused.status == 404 and refused.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise
    return found


def _create_experiment(client: Client, name: str) -> dict[str, Any]:
    try:
        return client.post("experiments/create", {"name": name})
    except Refused as refused:
        # Another run was quicker, or the server did it and its answer was lost.
        if refused.error_code == "RESOURCE_ALREADY_EXISTS" and (found := _experiment(client, name)):
            return found
        raise


def _remote(run: Mapping[str, Any]) -> RemoteRun:
    info, data = run["info"], run.get("data", {})
    return RemoteRun(
        run_id=info["run_id"],
        experiment_id=str(info["experiment_id"]),
        artifact_uri=info.get("artifact_uri", ""),
        is_deleted=info.get("lifecycle_stage") == "deleted",
        params={one["key"]: one.get("value", "") for one in data.get("params", [])},
        tags={one["key"]: one.get("value", "") for one in data.get("tags", [])},
    )
