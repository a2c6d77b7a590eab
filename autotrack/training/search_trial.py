"""The trial of a search in which a run starts, as Optuna knows it.

Its objective is a function of the user's, which may train anything, and is handed the trial. Nothing of Optuna has to
be patched for this: who calls the objective has the trial at hand, in this very thread.
"""

import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any, NamedTuple

_CALLER = "_run_trial"
_MODULES = ("optuna.study._optimize", "optuna._optimize")
_MOST_FRAMES = 500


class SearchTrial(NamedTuple):
    """A trial: what labels it, and the params that have been suggested for it so far."""

    tags: dict[str, str]
    params: dict[str, Any]


def search_trial() -> SearchTrial | None:
    """Return the trial whose objective is being called, if any."""
    if "optuna" not in sys.modules:
        return None
    for frame in _frames():
        if frame.f_code.co_name == _CALLER and frame.f_globals.get("__name__") in _MODULES:
            trial: Any = frame.f_locals.get("trial")
            tags = {"trial": str(trial.number), "study": str(trial.study.study_name)}
            return SearchTrial(tags, dict(trial.params))
    return None


def _frames() -> Iterator[FrameType]:
    frame = sys._getframe()
    for _ in range(_MOST_FRAMES):
        yield frame
        if frame.f_back is None:
            return
        frame = frame.f_back
