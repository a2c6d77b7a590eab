"""One outermost call that is being recorded, and the options for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

import autotrack
from autotrack.integrations import RunOptions, end_run, log_numbers
from autotrack_sklearn.identity import weak_reference
from autotrack_sklearn.models import RecordedModel

if TYPE_CHECKING:
    from autotrack_sklearn.folds import Folds
    from autotrack_sklearn.schema import Schema


@dataclass(frozen=True)
class Options:
    """What is recorded of a fit, and in which run."""

    training_metrics: bool = False
    preprocessing: bool = False
    keep_model: bool = True
    run: RunOptions = field(default_factory=RunOptions.of_autolog)


class Recording:
    """What is recorded of one fit or one validation, in a run of its own or in the one that the user started.

    If a run holds several recordings, the names of the first are plain, and those of later ones begin with their
    `label`. Searches and validations have `folds`. `inner_result` is what `cross_validate` returned to
    `cross_val_score`. The schemas are of the data before the fit, which may change it.
    """

    def __init__(
        self, run: autotrack.Run, subject: Any, options: Options, *, label: str, prefix: str, owns_run: bool
    ) -> None:
        self.run = run
        self.subject = subject
        self.options = options
        self.label = label
        self.prefix = prefix
        self.owns_run = owns_run
        self.folds: Folds | None = None
        self.inner_result: Any = None
        self.input_schema: Schema | None = None
        self.input_rows: Any = None
        self.output_schema: Schema | None = None
        self._began = perf_counter()

    def seconds(self) -> float:
        """Return how long it has been since the recording began."""
        return perf_counter() - self._began

    def log(self, values: Mapping[str, Any], step: int | None = None, *, stage: str | None = None) -> None:
        """Log numbers under names that say which fit they are of; those of a whole fit are of step 0."""
        log_numbers(
            self.run, {f"{self.prefix}{name}": value for name, value in values.items()}, step or 0, stage=stage
        )

    def model(self, features: Any, data_name: str | None = None) -> RecordedModel:
        """Return what evaluations have to know of the model that is fitted on these features."""
        return RecordedModel(self.run, self.prefix, weak_reference(features), data_name)

    def finish(self, error: BaseException | None) -> None:
        """End the run, if it is the recording's own."""
        end_run(self.run, error, is_own=self.owns_run)
