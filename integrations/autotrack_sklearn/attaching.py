"""Attaches a callback to an estimator for one fit that autolog records, where that tells more of the fit."""

from typing import Any

from autotrack_sklearn.callback import AutotrackCallback
from autotrack_sklearn.params import deep_params
from autotrack_sklearn.recording import Recording

MANY_VALUES = 200_000
"""With less data, an iteration takes a few microseconds, and watching it takes as long again."""


class Attached:
    """A callback of ours on an estimator."""

    def __init__(self, estimator: Any, callback: AutotrackCallback) -> None:
        self._estimator = estimator
        self._callback = callback
        self._before: list[Any] | None = vars(estimator).get("_skl_callbacks")
        # Not by `set_callbacks`, which warns of solvers and parts without support: the user did not ask for this one.
        vars(estimator)["_skl_callbacks"] = [*(self._before or []), callback]

    def detach(self) -> None:
        """Take the callback away, and leave the estimator's callbacks as they were."""
        self._callback.clear()
        held = vars(self._estimator)
        if "_skl_callbacks" not in held:
            return
        others = [callback for callback in held["_skl_callbacks"] if callback is not self._callback]
        if self._before is not None and others == self._before:
            held["_skl_callbacks"] = self._before
        elif others:
            held["_skl_callbacks"] = others
        else:
            del held["_skl_callbacks"]


def attach(recording: Recording, features: Any) -> Attached | None:
    """Attach a callback for the steps, the iterations or the folds in other processes; None where there are none."""
    estimator = recording.subject
    is_search = recording.folds is not None
    if not hasattr(estimator, "set_callbacks") or (is_search and _runs_in_this_process(estimator)):
        return None
    is_made_of_others = any(hasattr(part, "fit") for part in deep_params(estimator).values())
    has_long_iterations = getattr(features, "size", 0) >= MANY_VALUES
    if not is_made_of_others and not has_long_iterations:
        return None
    reaches_down = has_long_iterations and not is_search and _is_supported_throughout(estimator)
    return Attached(estimator, AutotrackCallback.of_autolog(recording, None if reaches_down else 0))


def _runs_in_this_process(search: Any) -> bool:
    """Whether the tasks of a search run in this process, where they are seen as they happen."""
    from joblib import effective_n_jobs  # only searches ask, and by then scikit-learn has imported it

    return bool(effective_n_jobs(getattr(search, "n_jobs", None)) == 1)


def _is_supported_throughout(estimator: Any) -> bool:
    """Whether every estimator in this one takes callbacks without a warning."""
    parts = [estimator, *(part for part in deep_params(estimator).values() if hasattr(part, "fit"))]
    return all(hasattr(part, "set_callbacks") and getattr(part, "solver", "lbfgs") == "lbfgs" for part in parts)
