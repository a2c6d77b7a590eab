"""Which run a fitted model belongs to, and which model a result comes from."""

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import autotrack
from autotrack_sklearn.identity import ByIdentity, memory_of


@dataclass(frozen=True)
class RecordedModel:
    """A fitted model: the run that recorded its fit, and the prefix of its names there.

    `features` is the data of the fit, and `data_name` the name that the user's code has for it. `latest_step` returns
    the step of the latest call of `partial_fit`, if it is trained by that.
    """

    run: autotrack.Run
    prefix: str
    features: "weakref.ref[Any] | None" = None
    data_name: str | None = None
    latest_step: Callable[[], int] | None = None


@dataclass(frozen=True)
class Result:
    """What a method of a model returned.

    `classes` are the classes of the model, `features` is the input of the method, and `data_name` is the name that the
    user's code has for this input.
    """

    model: RecordedModel
    method: str
    classes: Any = None
    features: "weakref.ref[Any] | None" = None
    data_name: str | None = None


class Models:
    """The models of this process and their results, by identity."""

    def __init__(self) -> None:
        self._models: ByIdentity[RecordedModel] = ByIdentity()
        self._results: ByIdentity[Result] = ByIdentity()

    def add(self, estimator: Any, model: RecordedModel) -> None:
        """Remember the run that this estimator was fitted in."""
        self._models[estimator] = model

    def model_of(self, estimator: Any) -> RecordedModel | None:
        """Return what was recorded of the latest fit of this estimator, or None."""
        return self._models.get(estimator)

    def add_result(self, value: Any, result: Result) -> None:
        """Remember a result, and the memory that views of it will share.

        Input that a model returns unchanged, or as a view, is not a result.
        """
        features = result.features() if result.features is not None else None
        if value is None or value is features:
            return
        memory = memory_of(value)
        if features is not None and memory is memory_of(features):
            return
        self._results[value] = result
        if memory is not value and self._models.get(memory) is None:
            self._results[memory] = result

    def has_results(self) -> bool:
        """Whether any result is still alive."""
        return len(self._results) > 0

    def results(self) -> list[tuple[Any, Result]]:
        """Return the results that are alive, the oldest first."""
        return self._results.items()

    def result_of(self, value: Any) -> Result | None:
        """Return the result that this value is, or is a view of, or None."""
        if not len(self._results) or isinstance(value, (str, int, float, type(None))):
            return None
        result = self._results.get(value)
        if result is None and isinstance(value, np.ndarray) and value.base is not None:
            result = self._results.get(memory_of(value))
        return result
