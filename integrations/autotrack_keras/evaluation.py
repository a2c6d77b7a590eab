"""Records evaluations and predictions of a model, in the run of its training or in a run of their own."""

from collections.abc import Mapping
from time import perf_counter
from typing import Any

import autotrack
from autotrack.integrations import attempt, end_run, log_numbers
from autotrack_keras import binding
from autotrack_keras.architecture import learn_from_prediction
from autotrack_keras.calls import Call
from autotrack_keras.data import describe_data

_MOST_PREDICTIONS = 20
"""No more predictions of a model than these are recorded: some programs make millions."""


class Evaluation:
    """Records one call of `evaluate`, at the step and epoch that the training has come to.

    Metrics are called `test_loss`, those of the next data `test2_loss`; on the data that the model was trained or
    validated with `train_loss` and `validate_loss`, which are other values than `loss` and `val_loss` of an epoch, and
    `train_validate_loss` on data that `validation_split` has split in two.
    """

    def __init__(self, run: autotrack.Run, trained: binding.Trained, call: Call | None) -> None:
        self.run = run
        given = call.arguments if call is not None else {}
        x, y = given.get("x"), given.get("y")
        self.name, is_known = trained.name_of(x, y, new="test")
        self._at = (trained.step, trained.epoch)
        self._began = perf_counter()
        if x is not None and not is_known:
            describe_data(run, "test", x, y, None if self.name == "test" else self.name)

    def ends(self, logs: Mapping[str, Any]) -> None:
        """Record what was measured."""
        step, epoch = self._at
        prefix = f"{self.name}_"
        values = {f"{prefix}{name}": value for name, value in logs.items()}
        values[f"{prefix}seconds"] = perf_counter() - self._began
        log_numbers(self.run, values, step, epoch=epoch, stage="test")


def record_prediction(model: Any, x: Any, outputs: Any, seconds: float) -> None:
    """Record a prediction of a model that has a run: the data, once, and how long it took; and learn its outputs."""
    trained = binding.trained_in(model)
    with attempt("keras signature"):
        learn_from_prediction(trained.run if trained is not None else None, model, outputs)
    if trained is None or trained.predictions >= _MOST_PREDICTIONS or binding.rank():
        return
    trained.predictions += 1
    name, is_known = trained.name_of(x, None, new="predict")
    if not is_known:
        describe_data(trained.run, "predict", x, None, None if name == "predict" else name)
    trained.run.log({"predict_seconds": seconds}, trained.step, epoch=trained.epoch, stage="test")
    end_run(trained.run, None, is_own=False)
