"""The models of a run as MLflow 3 keeps them: logged models with files of their own, linked to run, metrics and data.

Servers before MLflow 3 have none. There, a model is a folder among the artifacts of its run, and the run lists it. Its
files are sent to one of the two places, as MLflow itself does it: since version 3, the page of a run names its logged
models and leads to them, and so does `runs:/RUN/model`.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from autotrack.errors import AutotrackError
from autotrack.journal.records import Artifact, Model
from autotrack.journal.run_folder import read_bytes
from autotrack.journal.shared_files import own_name
from autotrack.journal.summary import Summary
from autotrack.model_format.mlmodel import NAME as MLMODEL
from autotrack.model_format.mlmodel import moment, uuid_of
from autotrack.model_format.yaml_text import dump
from autotrack.sinks.rest import datasets, params, runs
from autotrack.sinks.rest.artifacts import ArtifactStore
from autotrack.sinks.rest.batches import LIMITS, Item
from autotrack.sinks.rest.client import Client, Refused
from autotrack.sinks.rest.content_check import ContentChanged, check_content
from autotrack.sinks.rest.cursor import Cursor
from autotrack.sinks.rest.key_map import KeyMap
from autotrack.sinks.rest.metrics import as_value, latest_points
from autotrack.sinks.rest.refusals import Attempts
from autotrack.sinks.rest.runs import RemoteRun

MODEL_TAG = "autotrack.model"
"""This tag holds the id of our model. It tells which logged model on the server belongs to it."""

_HISTORY = "mlflow.log-model.history"
_MOST_BYTES = 2**20
_LONGEST_PARAM = 5000
_NO_CHARACTERS = str.maketrans("/:.%\"'", "------")
"""What names of logged models may not contain."""


@dataclass(frozen=True)
class _Remote:
    model_id: str
    artifact_uri: str


class _Found(Exception):  # noqa: N818  not an error: it ends the repetition of a request
    def __init__(self, remote: _Remote) -> None:
        super().__init__(remote.model_id)
        self.remote = remote


class LoggedModels:
    """Sends the models of the run in `folder`, each once and with what it has become.

    `open_store` returns the artifact store at a URI of the server.
    """

    def __init__(
        self,
        client: Client,
        folder: Path,
        cursor: Cursor,
        attempts: Attempts,
        open_store: Callable[[str], ArtifactStore],
    ) -> None:
        self._client, self._folder, self._cursor, self._attempts = client, folder, cursor, attempts
        self._open_store = open_store
        self._is_offered: bool | None = None

    def are_offered(self, run: RemoteRun) -> bool:
        """Return whether the server has logged models; their files are no artifacts of the run there."""
        if self._is_offered is None:
            search = {"experiment_ids": [run.experiment_id], "max_results": 1}
            self._is_offered = self._client.post_if_offered("logged-models/search", search) is not None
        return self._is_offered

    def send(self, run: RemoteRun, summary: Summary, keys: KeyMap) -> None:
        """Send the models that are complete; what the server does not take stays owed."""
        for model in summary.models:
            files = list(_files_of(model, summary))
            if all(file.path != f"{model.path}/{MLMODEL}" for file in files):
                continue  # it is not described yet
            what, content = f"logged model {model.path}", [[file.path, file.sha256, file.bytes] for file in files]
            if not self._attempts.is_due(what, content):
                continue
            reason = None
            try:
                self._send(run, summary, model, files, keys)
            except Refused as refused:
                if refused.status == 401:
                    raise
                reason = str(refused)
            except (ContentChanged, _NotSentError, OSError) as fault:
                reason = str(fault)
            self._attempts.note(what, content, reason)

    def _send(self, run: RemoteRun, summary: Summary, model: Model, files: list[Artifact], keys: KeyMap) -> None:
        for file in files:
            check_content(self._folder, file)
        remote = self._created(run, summary, model, keys)
        if remote is None:
            self._list_in_run(run, summary, model)
            return
        self._upload(run, model, files, remote)
        self._client.patch(
            f"logged-models/{remote.model_id}", {"model_id": remote.model_id, "status": "LOGGED_MODEL_READY"}
        )
        self._link(run, model, remote)
        points = list(islice(_points(self._folder, summary, model, keys, remote.model_id), LIMITS["metrics"]))
        if points:
            self._client.post("runs/log-batch", {"run_id": run.run_id, "metrics": points})
        self._cursor.models[model.path] = remote.model_id

    def _created(self, run: RemoteRun, summary: Summary, model: Model, keys: KeyMap) -> _Remote | None:
        """Return the logged model on the server, which is created exactly once; None if the server has none at all."""
        uid = uuid_of(model, summary.id)
        search = {"experiment_ids": [run.experiment_id], "filter": f"tags.`{MODEL_TAG}` = '{uid}'", "max_results": 10}
        response = self._client.post_if_offered("logged-models/search", search)
        if response is None:  # MLflow 2
            return None
        if (existing := _first(response)) is not None:
            return existing

        def stop_if_created() -> None:
            if (created := _first(self._client.post("logged-models/search", search))) is not None:
                raise _Found(created)

        values = {item.key: str(item.value)[:_LONGEST_PARAM] for item in params.items(summary.params, keys, {})}
        body = {
            "experiment_id": run.experiment_id,
            "name": PurePosixPath(model.path).name.translate(_NO_CHARACTERS),
            "source_run_id": run.run_id,
            "params": _pairs(dict(islice(values.items(), LIMITS["params"]))),
            "tags": _pairs({MODEL_TAG: uid, runs.RUN_TAG: summary.id, "autotrack.weights": model.weights}),
        }
        try:
            return _remote(self._client.post("logged-models", body, before_retry=stop_if_created)["model"])
        except _Found as found:
            return found.remote

    def _upload(self, run: RemoteRun, model: Model, files: list[Artifact], remote: _Remote) -> None:
        store, left = self._open_store(remote.artifact_uri), dict[str, AutotrackError]()
        for file in files:
            name = own_name(file.path).removeprefix(f"{model.path}/")
            if name != MLMODEL:
                left |= store.upload(self._folder / file.path, name, below=self._folder)
        if left:
            raise _NotSentError("; ".join(dict.fromkeys(str(fault) for fault in left.values())))
        content = read_bytes(self._folder, f"{model.path}/{MLMODEL}", limit_bytes=_MOST_BYTES)
        ids = {"artifact_path": remote.artifact_uri, "model_id": remote.model_id, "run_id": run.run_id}
        store.upload_bytes(content + dump(ids).encode(), MLMODEL)  # the last one: whoever finds it finds the others

    def _link(self, run: RemoteRun, model: Model, remote: _Remote) -> None:
        """Make the model an output of the run, unless it is one: the server refuses to have that said twice."""

        def stop_if_linked() -> None:
            outputs = self._client.get("runs/get", run_id=run.run_id)["run"].get("outputs", {})
            if any(one.get("model_id") == remote.model_id for one in outputs.get("model_outputs", [])):
                raise _Found(remote)

        with suppress(_Found):
            stop_if_linked()
            body = {"run_id": run.run_id, "models": [{"model_id": remote.model_id, "step": model.step or 0}]}
            self._client.post("runs/outputs", body, before_retry=stop_if_linked)

    def _list_in_run(self, run: RemoteRun, summary: Summary, model: Model) -> None:
        """Add a model to those that the run lists, unless it is there: the server only ever appends."""
        uid = uuid_of(model, summary.id)

        def stop_if_listed() -> None:
            existing = runs.get(self._client, run.run_id)
            if existing is not None and uid in existing.tags.get(_HISTORY, ""):
                raise _Found(_Remote("", ""))

        about = {
            "artifact_path": model.path,
            "flavors": model.flavors,
            "model_uuid": uid,
            "run_id": run.run_id,
            "utc_time_created": moment(model.time),
        }
        with suppress(_Found):
            stop_if_listed()
            body = {"run_id": run.run_id, "model_json": json.dumps(about)}
            self._client.post("runs/log-model", body, before_retry=stop_if_listed)


class _NotSentError(AutotrackError):
    """Files of a model were not sent."""


def files_of_models(summary: Summary) -> set[str]:
    """Return the files that belong to the models of a run."""
    return {file.path for model in summary.models for file in _files_of(model, summary)}


def _files_of(model: Model, summary: Summary) -> Iterator[Artifact]:
    """Yield the files in the folder of a model that are not of another one in a folder below."""
    others = [f"{one.path}/" for one in summary.models if one.path.startswith(f"{model.path}/")]
    for artifact in summary.artifacts:
        if not artifact.path.startswith(f"{model.path}/") or artifact.path.startswith(tuple(others)):
            continue
        if not artifact.roles or artifact.path.removeprefix(f"{model.path}/") in model.files:  # no file of the user's
            yield artifact


def _points(folder: Path, summary: Summary, model: Model, keys: KeyMap, model_id: str) -> Iterator[Item]:
    """Yield the points that tell how good a model is; the run has them already, and here they name the model."""
    by_role: dict[str, list[dict[str, Any]]] = {}
    for dataset in summary.datasets:
        by_role.setdefault(dataset.role, []).append(datasets.as_input(dataset)["dataset"])
    for name, (value, milliseconds, step) in latest_points(folder, until_step=model.step).items():
        about = by_role.get(_role_of(name), [])
        item = Item(keys.of(name), as_value(value), milliseconds, step, model_id=model_id)
        if len(about) == 1:
            item.dataset_name, item.dataset_digest = about[0]["name"], about[0]["digest"]
        yield item


def _role_of(name: str) -> str:
    last = name.rpartition("/")[2].lower()
    return next((role for start, role in (("val", "validate"), ("test", "test")) if last.startswith(start)), "train")


def _pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def _first(found: Mapping[str, Any]) -> _Remote | None:
    """Return one of the logged models found; among several, it is always the same one."""
    return min(map(_remote, found.get("models", [])), key=lambda remote: remote.model_id, default=None)


def _remote(model: Mapping[str, Any]) -> _Remote:
    return _Remote(model["info"]["model_id"], model["info"].get("artifact_uri", ""))
