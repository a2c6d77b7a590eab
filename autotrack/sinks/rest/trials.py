"""Sends the trials of a run as runs of their own, nested in it."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from autotrack.journal.records import Trial
from autotrack.journal.summary import Summary
from autotrack.sinks.rest import params, runs, tags
from autotrack.sinks.rest.batches import Batches, Item, Refusal
from autotrack.sinks.rest.client import Client, Refused
from autotrack.sinks.rest.key_map import KeyMap
from autotrack.sinks.rest.metrics import as_value
from autotrack.sinks.rest.parallel import all_at_once
from autotrack.sinks.rest.runs import RUN_TAG, RemoteRun

PARENT = "mlflow.parentRunId"


@dataclass(frozen=True)
class _Nested:
    """A trial, in the form in which the server takes it."""

    id: str
    name: str
    status: str
    started: float
    ended: float
    tags: dict[str, str]
    params: list[Item]
    metrics: list[Item]


def send(
    trials: Iterable[Trial], summary: Summary, parent: RemoteRun, *, client: Client, batches: Batches, keys: KeyMap
) -> dict[int, str]:
    """Send these trials of a run. Trials that the server has already get what they lack.

    Returns why something of a trial was not taken, by the numbers of the trials.
    """
    nested = {trial.number: _nested(trial, summary, parent, keys) for trial in trials}
    if not nested:
        return {}
    query = f"tags.`{PARENT}` = '{parent.run_id}'"
    existing = {run.tags.get(RUN_TAG, ""): run for run in runs.search(client, parent.experiment_id, query)}
    reasons = all_at_once(
        partial(_send, trial, parent.experiment_id, existing.get(trial.id), client, batches)
        for trial in nested.values()
    )
    return {number: reason for number, reason in zip(nested, reasons, strict=True) if reason}


def _nested(trial: Trial, summary: Summary, parent: RemoteRun, keys: KeyMap) -> _Nested:
    ended = trial.ended or trial.time
    milliseconds = int(ended * 1000)
    given = list(params.items(trial.params, keys, {}))
    scores = [Item(keys.of(name), as_value(value), milliseconds, 0) for name, value in trial.values.items()]
    used = {item.key for item in (*given, *scores)}
    own = {
        PARENT: parent.run_id,
        "autotrack.trial": str(trial.number),
        "autotrack.kind": trial.kind,
        "autotrack.error": tags.shortened(trial.error or ""),
        **tags.at_creation(summary),
        **{tag: name for tag, name in keys.tags().items() if tag.removeprefix("autotrack.name.") in used},
    }
    return _Nested(
        id=f"{summary.id}.{trial.number}",
        name=f"{trial.kind} {trial.number} of {summary.name}",  # the page cuts off its end
        status=trial.status,
        started=trial.started or summary.started,
        ended=ended,
        tags={key: value for key, value in own.items() if value},
        params=given,
        metrics=scores,
    )


def _send(trial: _Nested, experiment: str, existing: RemoteRun | None, client: Client, batches: Batches) -> str:
    """Send a trial. Returns why something of it was not taken, or an empty text."""
    refusals: list[Refusal] = []
    try:
        run = existing or runs.create(
            client, experiment, trial.id, name=trial.name, started=trial.started, tags=trial.tags
        )
        if existing is not None:
            new_tags = [Item(key, value) for key, value in trial.tags.items() if key != "mlflow.user"]
            refusals += batches.send(run, "tags", new_tags)
        refusals += batches.send(run, "params", [item for item in trial.params if item.key not in run.params])
        refusals += batches.send(run, "metrics", trial.metrics)
        runs.set_status(client, run.run_id, trial.status, trial.ended)
    except Refused as refused:
        if refused.status == 401:
            raise
        return str(refused)
    return "; ".join(dict.fromkeys(refusal.reason for refusal in refusals))
