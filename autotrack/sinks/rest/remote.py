"""One run on the server: what is sent of it, in which order, and what is remembered of that."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from autotrack.journal.records import Dataset
from autotrack.journal.rewinds import Rewinds
from autotrack.journal.summary import Summary
from autotrack.settings import UploadLimits
from autotrack.sinks.rest import datasets, documents, params, runs, tags, trials
from autotrack.sinks.rest.artifacts import ArtifactStore
from autotrack.sinks.rest.batches import Batches, Item
from autotrack.sinks.rest.client import Client, Refused
from autotrack.sinks.rest.cursor import Cursor, CursorFile
from autotrack.sinks.rest.documents import Tables
from autotrack.sinks.rest.key_map import KeyMap
from autotrack.sinks.rest.logged_models import LoggedModels, files_of_models
from autotrack.sinks.rest.metrics import Points
from autotrack.sinks.rest.model_versions import ModelVersions
from autotrack.sinks.rest.refusals import Attempts
from autotrack.sinks.rest.runs import RemoteRun
from autotrack.sinks.rest.uploads import Uploads


class Remote:
    """Sends the parts of the run in `folder` that, according to `cursor`, the server does not have.

    `run` is the run on the server, if it is known. Otherwise it is searched for, or created, when there is something
    to send.
    """

    def __init__(
        self,
        client: Client,
        folder: Path,
        file: CursorFile,
        cursor: Cursor,
        run: RemoteRun | None,
        limits: UploadLimits,
        on_problem: Callable[[str], None],
    ) -> None:
        self._client = client
        self._folder = folder
        self._file = file
        self._cursor = cursor
        self._run = run
        self._limits = limits
        self._on_problem = on_problem
        self._batches = Batches(client)
        self._attempts = Attempts(cursor)
        self._keys = KeyMap(run.tags if run else None)
        self._params = dict(run.params) if run else {}
        self._store: ArtifactStore | None = None
        self._has_parent = False
        self._models = LoggedModels(client, folder, cursor, self._attempts, self._open_store)

    def have_been_sent(self, points: Points) -> None:
        """Drop points that the server has. Their names keep the keys that they got."""
        points.assign_keys(self._keys)
        points.forget()

    def send_points(self, summary: Summary, points: Points) -> None:
        """Send all points, after the tags that say what their keys stand for."""
        if summary.id and len(points):
            run = self._attached(summary)
            points.assign_keys(self._keys)
            self._send_tags(run, self._keys.tags())
            for refusal in points.send(self._batches, run, self._keys):
                self._cursor.refused_point(refusal.item, refusal.reason)

    def send_owed_points(self, summary: Summary) -> None:
        """Try points again that the server did not take; once while the run goes on, and once when it has ended."""
        self._attempts.is_over = summary.status != "running"
        if self._cursor.points and self._attempts.may_try_points():
            run = self._attached(summary)
            for refusal in self._batches.send(run, "metrics", self._cursor.take_points()):
                self._cursor.refused_point(refusal.item, refusal.reason)

    def send_facts(self, summary: Summary, rewinds: Rewinds) -> None:
        """Send everything but points and files, and at last how the run ended."""
        run = self._attached(summary)
        self._send_params(run, summary)
        own = tags.of_run(summary, self._keys)
        if rewinds.steps:
            own["autotrack.resumed_at_steps"] = ", ".join(map(str, rewinds.steps))
        self._send_tags(run, {**self._keys.tags(), **own, **self._parent(summary, run)})
        self._remove_tags(run, own)
        self._send_datasets(run, summary)
        self._send_trials(run, summary)
        name = summary.name if summary.renamed_from else ""
        state = [summary.status, summary.ended, *filter(None, [name])]
        set_status = partial(runs.set_status, self._client, run.run_id, summary.status, summary.ended, name=name)
        self._attempt("status of the run", state, set_status)

    def send_files(
        self,
        summary: Summary,
        tables: Tables,
        offsets: Mapping[str, int],
        *,
        until: float | None = None,
        draws: bool = True,
    ) -> bool:
        """Send all files; with `draws`, plots as pictures too.

        This may take long. So the cursor file first notes that everything else has arrived up to `offsets`.

        Returns False when files were left because it was later than `until`, on the clock of `time.monotonic`.
        """
        run = self._attached(summary)
        self._cursor.complete = False
        self.store(offsets)
        uploads = Uploads(self._artifact_store(run), self._attempts, self._on_problem, until=until)
        with_params = bool(self._batches.shortened) or params.are_cut(summary.params)
        content = documents.documents(summary, self._keys, with_params=with_params, draws=draws)
        uploads.documents(chain(tables.documents(self._keys), content))
        models = files_of_models(summary)
        are_elsewhere = bool(models) and self._models.are_offered(run)
        uploads.files(self._folder, summary, without=models if are_elsewhere else (), checked=models)
        images = [documents.stepped_images(artifact, self._folder, run.run_id) for artifact in summary.artifacts]
        uploads.documents(chain.from_iterable(images))
        uploads.try_refused_again()
        if summary.status != "running" and not uploads.has_left:
            self._models.send(run, summary, self._keys)
            ModelVersions(self._client, self._cursor, self._attempts).send(run, summary)
        listed = {documents.LOGGED_TABLES: tables.tag()} if tables.tag() != "[]" else {}
        if any(artifact.kind == "image" and artifact.step is not None for artifact in summary.artifacts):
            listed[documents.LOGGED_IMAGES] = "True"
        self._send_tags(run, {**self._keys.tags(), **listed})
        self._cursor.undrawn = bool(summary.plots) and not draws
        self._cursor.owed.broken_off = ""
        if not uploads.has_left:
            self._attempts.forget_what_is_gone()
        self._cursor.complete = not uploads.has_left and not self._cursor.owed
        if self._cursor.complete:
            tables.have_been_sent()
        return not uploads.has_left

    def store(self, offsets: Mapping[str, int]) -> None:
        """Note in the cursor file that the journals have arrived up to these offsets."""
        self._cursor.offsets = dict(offsets)
        self._file.write(self._cursor)

    def _attached(self, summary: Summary) -> RemoteRun:
        """Return the run on the server; it is created unless it exists."""
        if self._run is None:
            experiment = runs.experiment_id(self._client, summary.experiment, self._on_problem)
            run = runs.find(self._client, experiment, summary.id) or runs.create(
                self._client,
                experiment,
                summary.id,
                name=summary.name,
                started=summary.started,
                tags=tags.at_creation(summary),
            )
            self._run = run
            self._cursor.run_id, self._cursor.experiment_id = run.run_id, experiment
            self._keys, self._params = KeyMap(run.tags), dict(run.params)
        return self._run

    def _artifact_store(self, run: RemoteRun) -> ArtifactStore:
        if self._store is None:
            self._store = self._open_store(run.artifact_uri)
        return self._store

    def _open_store(self, artifact_uri: str) -> ArtifactStore:
        return ArtifactStore(
            self._client,
            artifact_uri,
            folder=self._folder,
            bytes_per_second=self._limits.bytes_per_second,
            most_bytes=self._limits.most_bytes,
            on_problem=self._on_problem,
        )

    def _send_params(self, run: RemoteRun, summary: Summary) -> None:
        new = list(params.items(summary.params, self._keys, self._params))
        refused = {refusal.item.key: refusal.reason for refusal in self._batches.send(run, "params", new)}
        self._params |= {item.key: str(item.value) for item in new}
        for key, reason in refused.items():
            self._attempts.is_refused(f"param {key}", reason)

    def _send_tags(self, run: RemoteRun, values: Mapping[str, str]) -> None:
        new = {key: value for key, value in values.items() if self._attempts.is_due(f"tag {key}", value)}
        items = [Item(key, value) for key, value in new.items()]
        refused = {refusal.item.key: refusal.reason for refusal in self._batches.send(run, "tags", items)}
        for key, value in new.items():
            self._attempts.note(f"tag {key}", value, refused.get(key))

    def _remove_tags(self, run: RemoteRun, kept: Mapping[str, str]) -> None:
        """Remove the user's tags that have been sent and are no longer among those of the run."""
        for key in self._cursor.sent_tags():
            if key in kept or key.startswith(tags.NOT_OF_USERS):
                continue
            what = f"removal of tag {key}"
            self._attempt(what, [], partial(runs.delete_tag, self._client, run.run_id, key))
            if self._cursor.sent.pop(what, None):  # it may come back, and be removed again
                self._cursor.has_removed_tag(key)

    def _attempt(self, what: str, content: Any, send: Callable[[], object]) -> None:
        """Send something, unless the server has it. If it does not take that, the rest is sent all the same."""
        if not self._attempts.is_due(what, content):
            return
        reason = None
        try:
            send()
        except Refused as refused:
            if refused.status == 401:
                raise
            reason = str(refused)
        self._attempts.note(what, content, reason)

    def _parent(self, summary: Summary, run: RemoteRun) -> dict[str, str]:
        """Return the tag that nests a run in its parent, as soon as the server has the parent."""
        if not summary.parent or self._has_parent or trials.PARENT in run.tags:
            return {}
        parent = runs.find(self._client, run.experiment_id, summary.parent)
        self._has_parent = parent is not None
        return {trials.PARENT: parent.run_id} if parent else {}

    def _send_datasets(self, run: RemoteRun, summary: Summary) -> None:
        for dataset in summary.datasets:
            what = f"dataset {dataset.name or dataset.role} ({dataset.role})"
            self._attempt(what, dataset, partial(self._send_dataset, run, dataset))

    def _send_dataset(self, run: RemoteRun, dataset: Dataset) -> None:
        body = {"run_id": run.run_id, "datasets": [datasets.as_input(dataset)]}
        try:
            self._client.post("runs/log-inputs", body)
        except Refused as refused:
            if refused.error_code != "ENDPOINT_NOT_FOUND":
                raise
            self._on_problem(f"data sets were not sent: {refused}")  # MLflow before 2.4 has none, and never will

    def _send_trials(self, run: RemoteRun, summary: Summary) -> None:
        new = [trial for trial in summary.trials if self._attempts.is_due(f"trial {trial.number}", trial)]
        refused = trials.send(new, summary, run, client=self._client, batches=self._batches, keys=self._keys)
        for trial in new:
            self._attempts.note(f"trial {trial.number}", trial, refused.get(trial.number))
