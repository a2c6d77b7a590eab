"""Checks whether a tracking server takes all that a run sends to it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, time
from uuid import uuid4

from autotrack.sinks.base import Check
from autotrack.sinks.rest import runs
from autotrack.sinks.rest.artifacts import ArtifactStore
from autotrack.sinks.rest.client import Client, Refused

EXPERIMENT = "autotrack-doctor"
"""The experiment in which the run of the check is created. Both are deleted again.

A deleted experiment keeps its name, so the next check restores it: there is never more than one.
"""


class ServerChecks:
    """Everything that a run needs of the server at `url`, step by step; each check needs those before it.

    A server that does not answer is given up after `patience` seconds.
    """

    def __init__(self, url: str, *, patience: float) -> None:
        self._url = url
        self._patience = patience
        self._client: Client
        self._run: runs.RemoteRun

    def __iter__(self) -> Iterator[Check]:
        yield Check("reached", self._reach)
        yield Check("speaks the MLflow protocol, and lets us in", self._search)
        yield Check("takes a run", self._create)
        yield Check("takes metrics and params", self._log)
        yield Check("takes artifacts", self._upload)
        yield Check("is left as it was", self._delete)

    def _reach(self) -> str:
        self._client = Client(self._url, patience=self._patience)
        began = perf_counter()
        response = self._client.send("GET", "version", expected=(200, 301, 302, 307, 308, 401, 403, 404))
        took = f"in {(perf_counter() - began) * 1000:.0f} ms"
        text = response.text.strip()
        is_version = response.status_code == 200 and text[:1].isdigit() and len(text) < 40
        return f"{took}, version {text}" if is_version else f"{took}, it does not tell its version"

    def _search(self) -> str:
        count = len(self._client.get("experiments/search", max_results=1000).get("experiments", []))
        return f"{count} {'experiment' if count == 1 else 'experiments'} visible"

    def _create(self) -> str:
        self._run = runs.create(
            self._client,
            runs.active_experiment_id(self._client, EXPERIMENT),
            uuid4().hex,
            name="doctor",
            started=time(),
            tags={"mlflow.source.name": "autotrack"},
        )
        return ""

    def _log(self) -> str:
        run = self._run.run_id
        self._client.post("runs/log-batch", {"run_id": run, "params": [{"key": "checked", "value": "yes"}]})
        point = {"key": "checked", "value": 1.0, "timestamp": int(time() * 1000), "step": 0}
        self._client.post("runs/log-batch", {"run_id": run, "metrics": [point]})
        return ""

    def _upload(self) -> str:
        problems: list[str] = []
        with tempfile.TemporaryDirectory() as folder:
            store = ArtifactStore(
                self._client, self._run.artifact_uri, folder=Path(folder), on_problem=problems.append
            )
            store.upload_bytes(b"content", "checked.txt")
        return "; ".join(problems) or self._run.artifact_uri.split("://")[0]

    def _delete(self) -> str:
        try:
            self._client.post("runs/delete", {"run_id": self._run.run_id})
            self._client.post("experiments/delete", {"experiment_id": self._run.experiment_id})
        except Refused as refused:
            return f"not allowed ({refused}); delete the experiment {EXPERIMENT} yourself"
        return ""
