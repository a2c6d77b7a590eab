"""Runs whose steps are too large for TensorBoard's HParams page: one of them is an error 500 for the whole store.

The page keeps the step of the latest value in 32 bits (`training_step` in `tensorboard/plugins/hparams/api.proto`),
while curves may go on to any step. Such a run has its row of the page in a folder of its own, as trials have: with the
latest value of each metric, at a step that the page takes.
"""

from collections.abc import Iterable
from pathlib import Path

from autotrack.sinks.tensorboard.encoding import scalar_event, summary_event
from autotrack.sinks.tensorboard.event_file import replace_by_later
from autotrack.sinks.tensorboard.hparams import Session

HIGHEST_STEP = 2**31 - 1

_FOLDER = "hparams"
_SUFFIX = ".autotrack-session"


def write_session(folder: Path, session: Session, latest: Iterable[bytes], *, at: float) -> None:
    """Write the row of the run in `folder`, with the `latest` scalars of its curves."""
    scalars = list(latest)
    events = [
        summary_event(at, 0, [session.start()]),
        scalar_event(at, HIGHEST_STEP, scalars) if scalars else b"",
        summary_event(at, 0, [session.end()]),
    ]
    replace_by_later(folder, _FOLDER, b"".join(events), began=at, suffix=_SUFFIX)
