"""The trials of a search. Each is a run of its own in TensorBoard, with a folder and one small event file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autotrack.journal.records import Trial, number
from autotrack.journal.summary import Summary
from autotrack.sinks.tensorboard.encoding import float32, scalar_event, scalar_prefix, summary_event
from autotrack.sinks.tensorboard.event_file import replace_by_later
from autotrack.sinks.tensorboard.hparams import MOST_PARAMS, Session, most_telling
from autotrack.sinks.tensorboard.tags import Tags

FOLDER = "trials"
MOST_TRIALS = 200
"""How many candidates of a search are shown, the first ones. TensorBoard gets slow with many runs, and with more than
500 it selects none by itself."""

_SUFFIX = ".autotrack-trial"


def write_trials(folder: Path, summary: Summary, written: dict[int, Any]) -> None:
    """Write the candidates of a search that are new or have changed. `written` has those written before, by number."""
    common = most_telling(summary)
    candidates = [trial for trial in summary.trials if trial.kind == "candidate"]
    for trial in candidates[:MOST_TRIALS]:
        if written.get(trial.number) != (trial, common):
            ended = trial.ended or trial.time
            inside = f"{FOLDER}/{trial.number}"
            replace_by_later(folder, inside, _events(trial, common, summary, ended), began=ended, suffix=_SUFFIX)
            written[trial.number] = (trial, common)


def _events(trial: Trial, common: Mapping[str, Any], summary: Summary, ended: float) -> bytes:
    """Return the events of a trial, with the params of its run: otherwise it would lack columns that others have."""
    params = list({**trial.params, **{name: common[name] for name in common if name not in trial.params}}.items())
    session = Session(
        params=dict(params[:MOST_PARAMS]),
        group=f"{trial.number:03d} {summary.name} {summary.id[:6]}",  # the page cuts off the end
        started=trial.started or ended,
        status=trial.status,
        ended=ended,
    )
    tags = Tags()
    scalars = [scalar_prefix(tags.result(name)) + float32(number(value)) for name, value in trial.values.items()]
    return b"".join(
        [
            summary_event(ended, 0, [session.start()]),
            scalar_event(ended, 0, scalars) if scalars else b"",
            summary_event(ended, 0, [session.end()]),
        ]
    )
