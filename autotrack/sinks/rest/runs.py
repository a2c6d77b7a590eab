"""Experiments and runs on the server, which are found, or created exactly once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from autotrack.journal.records import Status
from autotrack.sinks.rest.client import Client, Refused

RUN_TAG = "autotrack.run"
"""This tag holds the id of our run. It tells which run on the server belongs to it."""

STATUS: Mapping[str, str] = {
    "running": "RUNNING",
    "finished": "FINISHED",
    "failed": "FAILED",
    "interrupted": "KILLED",
    "killed": "KILLED",
    "pruned": "FINISHED",  # a search ended it on purpose, and nothing went wrong
}

_A_PAGE = 1000
_LONGEST_EXPERIMENT = 500


@dataclass(frozen=True)
class RemoteRun:
    """A run on the server; `params` and `tags` are what it had when it was fetched."""

    run_id: str
    experiment_id: str
    artifact_uri: str
    is_deleted: bool = False
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


class _Found(Exception):  # noqa: N818  not an error: it ends the repetition of a request
    def __init__(self, run: RemoteRun) -> None:
        super().__init__(run.run_id)
        self.run = run


def experiment_id(client: Client, name: str, on_problem: Callable[[str], None]) -> str:
    """Return the id of the experiment with this name, which is created if it does not exist.

    The name of a deleted experiment stays taken. Somebody wanted those runs gone, so the experiment is not restored:
    the runs go to `name-2`, and `on_problem` is told.
    """
    wanted, number = name[:_LONGEST_EXPERIMENT] or "Default", 1
    candidate = wanted
    while True:
        experiment = _experiment(client, candidate) or _create_experiment(client, candidate)
        if experiment.get("lifecycle_stage", "active") == "active":
            if candidate != wanted:
                on_problem(f"the experiment {wanted!r} was deleted on {client.url}: the run goes to {candidate!r}")
            return str(experiment["experiment_id"])
        number += 1
        candidate = f"{wanted[: _LONGEST_EXPERIMENT - 8]}-{number}"


def active_experiment_id(client: Client, name: str) -> str:
    """Return the id of the experiment with this name, which is created or restored if need be."""
    experiment = _experiment(client, name) or _create_experiment(client, name)
    if experiment.get("lifecycle_stage", "active") != "active":
        client.post("experiments/restore", {"experiment_id": experiment["experiment_id"]})
    return str(experiment["experiment_id"])


def get(client: Client, run_id: str) -> RemoteRun | None:
    """Return the run with this id of the server; None when the server has no such run."""
    try:
        return _remote(client.get("runs/get", run_id=run_id)["run"])
    except Refused as refused:
        if refused.status == 404 and refused.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise


def find(client: Client, experiment: str, run: str) -> RemoteRun | None:
    """Return the run that was created for our run of this id, if any. Among several, it is always the same one."""
    candidates = search(client, experiment, f"tags.`{RUN_TAG}` = '{run}'")
    return min(candidates, key=lambda candidate: candidate.run_id, default=None)


def search(client: Client, experiment: str, filter_string: str) -> list[RemoteRun]:
    """Return the runs of an experiment that match a filter and were not deleted."""
    body: dict[str, Any] = {"experiment_ids": [experiment], "filter": filter_string, "max_results": _A_PAGE}
    matches = list[RemoteRun]()
    while True:
        page = client.post("runs/search", body)
        matches += [_remote(run) for run in page.get("runs", [])]
        if not (token := page.get("next_page_token")):
            return matches
        body["page_token"] = token


def create(
    client: Client, experiment: str, run: str, *, name: str, started: float, tags: Mapping[str, str]
) -> RemoteRun:
    """Create a run exactly once: when a request got no answer, the run is searched for before the next attempt.

    `run` is our id, and `started` is in seconds since 1970.
    """

    def stop_if_created() -> None:
        if (existing := find(client, experiment, run)) is not None:
            raise _Found(existing)

    body = {
        "experiment_id": experiment,
        "run_name": name,
        "start_time": int(started * 1000),
        "user_id": tags.get("mlflow.user", ""),
        "tags": [{"key": key, "value": value} for key, value in {RUN_TAG: run, **tags}.items()],
    }
    try:
        return _remote(client.post("runs/create", body, before_retry=stop_if_created)["run"])
    except _Found as found:
        return found.run


def delete_tag(client: Client, run_id: str, key: str) -> None:
    """Remove a tag of a run, which may be gone already."""
    try:
        client.post("runs/delete-tag", {"run_id": run_id, "key": key})
    except Refused as refused:
        if refused.status != 404 or refused.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise


def set_status(client: Client, run_id: str, status: Status | str, ended: float | None, *, name: str = "") -> None:
    """Set the status of a run, and when it ended, in seconds since 1970; and its name, if it has another one now."""
    body: dict[str, Any] = {"run_id": run_id, "status": STATUS.get(status, "FINISHED")}
    if name:
        body["run_name"] = name
    if ended is not None:
        body["end_time"] = int(ended * 1000)
    client.post("runs/update", body)


def _experiment(client: Client, name: str) -> dict[str, Any] | None:
    try:
        experiment: dict[str, Any] = client.get("experiments/get-by-name", experiment_name=name)["experiment"]
    except Refused as refused:
        if refused.status == 404 and refused.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise
    return experiment


def _create_experiment(client: Client, name: str) -> dict[str, Any]:
    try:
        return client.post("experiments/create", {"name": name})
    except Refused as refused:
        # Another run was quicker, or the server created it and its answer was lost.
        if refused.error_code == "RESOURCE_ALREADY_EXISTS" and (existing := _experiment(client, name)):
            return existing
        raise


def _remote(run: Mapping[str, Any]) -> RemoteRun:
    info, data = run["info"], run.get("data", {})
    return RemoteRun(
        run_id=info["run_id"],
        experiment_id=str(info["experiment_id"]),
        artifact_uri=info.get("artifact_uri", ""),
        is_deleted=info.get("lifecycle_stage") == "deleted",
        params={item["key"]: item.get("value", "") for item in data.get("params", [])},
        tags={item["key"]: item.get("value", "") for item in data.get("tags", [])},
    )
