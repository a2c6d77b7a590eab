"""Which steps of preprocessing an array or data frame went through, before a model was fitted on it."""

from typing import Any

from autotrack_sklearn.identity import ByIdentity, memory_of

Step = tuple[str, dict[str, Any]]
"""A preprocessor: the name of its class, and its params."""


class PreparedData:
    """The fitted preprocessors of this process, and the data that they made, by identity."""

    def __init__(self) -> None:
        self._preprocessors: ByIdentity[Step] = ByIdentity()
        self._steps: ByIdentity[tuple[Step, ...]] = ByIdentity()

    def add_preprocessor(self, estimator: Any, step: Step) -> None:
        """Remember a fitted preprocessor."""
        self._preprocessors[estimator] = step

    def step_of(self, estimator: Any) -> Step | None:
        """Return what is known of a fitted preprocessor; None for other estimators."""
        return self._preprocessors.get(estimator)

    def add(self, data: Any, *, source: Any, step: Step) -> None:
        """Remember that a step made this data from `source`."""
        if data is None or data is source:
            return
        self._steps[data] = steps = (*self.steps_of(source), step)
        if (memory := memory_of(data)) is not data:
            self._steps[memory] = steps

    def steps_of(self, data: Any) -> tuple[Step, ...]:
        """Return the steps that this data, or the data it is a view of, went through."""
        return self._steps.get(data) or self._steps.get(memory_of(data)) or ()
