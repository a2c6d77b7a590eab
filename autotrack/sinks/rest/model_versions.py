"""Models of a run that are registered here become versions of a registered model on the server, each exactly once."""

from typing import Any

from autotrack.journal.records import Registration
from autotrack.journal.summary import Summary
from autotrack.sinks.rest import runs
from autotrack.sinks.rest.client import Client, Refused
from autotrack.sinks.rest.cursor import Cursor
from autotrack.sinks.rest.refusals import Attempts
from autotrack.sinks.rest.runs import RemoteRun

TAG = "autotrack.registration"
"""This tag of a version holds the id of our request. It tells which version on the server belongs to it."""

_EXISTS = ("RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS")


class _Found(Exception):  # noqa: N818  not an error: it ends the repetition of a request
    pass


class ModelVersions:
    """Registers what a run is registered as, once the server has the files."""

    def __init__(self, client: Client, cursor: Cursor, attempts: Attempts) -> None:
        self._client, self._cursor, self._attempts = client, cursor, attempts

    def send(self, run: RemoteRun, summary: Summary) -> None:
        """Register the models that are versions here and not yet there; what the server does not take stays owed."""
        for request in summary.registrations:
            what, content = f"version of {request.name} ({request.weights} weights)", request.id
            if request.version is None or not self._attempts.is_due(what, content):
                continue
            reason = self._missing(summary, request.path)
            if reason is None:
                try:
                    self._register(run, summary, request)
                except Refused as refused:
                    if refused.status == 401:
                        raise
                    reason = str(refused)
            self._attempts.note(what, content, reason)

    def _missing(self, summary: Summary, path: str) -> str | None:
        """Return why the files of a model are not all there; None if they are."""
        folder = _folder_of(summary, path) or path
        owed = self._cursor.owed.refused
        lacking = [what for what in owed if what == f"logged model {folder}" or what.startswith(f"file {folder}")]
        return f"the server has not all of its files: {owed[lacking[0]]}" if lacking else None

    def _register(self, run: RemoteRun, summary: Summary, request: Registration) -> None:
        self._create_model(request.name)
        about = f"name = '{request.name}' and run_id = '{run.run_id}'"

        def stop_if_created() -> None:
            if any(TAG in tags and tags[TAG] == request.id for _, tags in versions(self._client, about)):
                raise _Found

        tags = {
            TAG: request.id,
            runs.RUN_TAG: summary.id,
            "autotrack.version": str(request.version),
            "autotrack.weights": request.weights,
            **request.tags,
        }
        body = {
            "name": request.name,
            "run_id": run.run_id,
            "description": request.description,
            "tags": [{"key": key, "value": value} for key, value in tags.items()],
            **self._source(run, summary, request.path),
        }
        try:
            stop_if_created()
            self._client.post("model-versions/create", body, before_retry=stop_if_created)
        except _Found:
            pass

    def _create_model(self, name: str) -> None:
        try:
            self._client.post("registered-models/create", {"name": name})
        except Refused as refused:
            if refused.error_code not in _EXISTS:
                raise

    def _source(self, run: RemoteRun, summary: Summary, path: str) -> dict[str, Any]:
        """Return where the server finds the files: those of the logged model, or else those of the run."""
        folder = _folder_of(summary, path)
        model_id = self._cursor.models.get(folder) if folder else None
        if model_id:
            info = self._client.get(f"logged-models/{model_id}")["model"]["info"]
            return {"source": info["artifact_uri"], "model_id": model_id}
        return {"source": f"{run.artifact_uri.rstrip('/')}/{folder or path}"}


def versions(client: Client, about: str) -> list[tuple[str, dict[str, str]]]:
    """Return the number and the tags of each version on the server that matches a filter."""
    found: list[tuple[str, dict[str, str]]] = []
    query: dict[str, str | int] = {"filter": about, "max_results": 1000}
    while True:
        page = client.get("model-versions/search", **query)
        for one in page.get("model_versions", []):
            tags = {tag["key"]: tag.get("value", "") for tag in one.get("tags", [])}
            found.append((str(one["version"]), tags))
        if not (token := page.get("next_page_token")):
            return found
        query["page_token"] = token


def _folder_of(summary: Summary, path: str) -> str | None:
    """Return the folder of the model that a file belongs to; None for a checkpoint."""
    around = [model.path for model in summary.models if path.startswith(f"{model.path}/")]
    return max(around, key=len, default=None)
