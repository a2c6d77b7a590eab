"""What a fold over the records of a run has taken in, as it is kept: a fold of another process goes on from there."""

from typing import Any

import msgspec

from autotrack.journal import records
from autotrack.journal.directions import Direction
from autotrack.journal.rewinds import Rewind
from autotrack.journal.series import Series
from autotrack.journal.sessions import Sessions
from autotrack.journal.summary import Summary

MADE_AT_THE_END: dict[str, Any] = {
    **{name: {} for name in ("metrics", "system")},
    **{name: [] for name in ("epochs", "artifacts", "models", "trials", "plots", "notices", "left_out")},
}
"""The fields that `Fold.summary` makes each time, empty."""


class FoldState(msgspec.Struct, kw_only=True):
    """What a fold without points has taken in so far. Another fold can go on from there."""

    summary: Summary
    sessions: Sessions
    metrics: dict[str, Series]
    load: dict[str, Series]
    artifacts: dict[str, records.Artifact]
    models: dict[str, records.Model]
    captured_at: dict[str, float]
    tried: set[int]
    trials: dict[int, records.Trial]
    plots: dict[str, records.Plot]
    notices: list[records.Notice]
    directions: dict[str, Direction]
    rewinds: list[Rewind]
