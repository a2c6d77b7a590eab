"""One evaluation: a model, and the data that it is evaluated on. Names of metrics are made of both."""

from dataclasses import dataclass
from typing import Any, Self

import autotrack
from autotrack.integrations import attempt, end_run, log_numbers
from autotrack_sklearn import registry
from autotrack_sklearn.calls import ROLES, are_disjoint, plain_name, role_of
from autotrack_sklearn.models import RecordedModel
from autotrack_sklearn.start import log_dataset


@dataclass(frozen=True)
class Evaluation:
    """A model on data with a role (`train`, `validate`, `test`) or, where none can be told, with the name it has."""

    model: RecordedModel
    role: str | None = None
    data_name: str | None = None

    @classmethod
    def on(cls, features: Any, model: RecordedModel, texts: tuple[str | None, ...]) -> Self:
        """Tell the role from these texts, which the user's code has for the data; that of the fit is for training.

        What follows the rows of the fit in the same data, or comes before them, is for testing.
        """
        fitted_on = model.features() if model.features is not None else None
        if features is not None and features is fitted_on:
            return cls(model, "train")
        for text in texts:
            if role := role_of(text):
                return cls(model, role)
        for text in texts:
            if model.data_name is not None and text is not None and "[" in text:  # a new object each time
                if text == model.data_name:
                    return cls(model, "train")
                if are_disjoint(text, model.data_name):
                    return cls(model, "test")
        return cls(model, None, next((name for text in texts if (name := plain_name(text))), None))

    def name(self, metric: str) -> str:
        """Return the name of a metric, text or plot about this evaluation."""
        data = ROLES[self.role] if self.role and self.data_name is None else self.data_name
        return f"{self.model.prefix}{data}_{metric}" if data else f"{self.model.prefix}{metric}"

    def log(self, metric: str, value: Any) -> None:
        """Record a number at the step of the latest `partial_fit`; otherwise the numbers of one name are counted."""
        name = self.name(metric)
        step = (
            registry.current.runs.next_step(self.model.run, name)
            if self.model.latest_step is None
            else self.model.latest_step()
        )
        log_numbers(self.model.run, {name: value}, step, stage=self.role or "test")
        close_later(self.model.run)

    def describe_data(self, features: Any, target: Any) -> None:
        """Describe the data, once; that of the fit has been described before."""
        role = self.role or "test"
        run = self.model.run
        if role == "train" or not registry.current.runs.add_dataset(run, role, self.data_name):
            return
        with attempt("sklearn data"):
            if features is None:
                features, target = target, None
            log_dataset(run, role, features, target, self.data_name)
            close_later(run)


def close_later(run: autotrack.Run) -> None:
    """Close the journal of a run that has ended, once some others have been evaluated; the last ones close at exit."""
    if run.status == "running":
        return
    if (other := registry.current.runs.add_evaluated(run)) is not None:
        end_run(other, None, is_own=False)
