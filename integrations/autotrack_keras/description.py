"""What is recorded once per fit: params, data and model, each as soon as Keras knows it."""

from collections.abc import Iterable
from typing import Any

import autotrack
from autotrack.integrations import attempt
from autotrack_keras import params
from autotrack_keras.architecture import complete_signature, describe_architecture
from autotrack_keras.binding import Trained
from autotrack_keras.calls import Call, Fitting
from autotrack_keras.data import describe_data, x_and_y
from autotrack_keras.stopping import record_trial


class Description:
    """Describes a fit in its run, and adds what is not known until the fit is under way."""

    def __init__(self, run: autotrack.Run, model: Any) -> None:
        self._run = run
        self._model = model
        self._has_batch_size = False
        self._has_validation = False
        self._has_outputs = False

    def record(
        self, fitting: Fitting, call: Call | None, callbacks: Iterable[Any], trained: Trained, batch_size: int | None
    ) -> None:
        """Record everything that determines the training and is known at its start."""
        for source, values in params.training_params(self._model, fitting, callbacks):
            if source == "fit":  # together, which saves a record
                values |= self._new_batch_size(batch_size)
            self._run.log_params(values, source)
        record_trial(self._run, callbacks)
        given = fitting.arguments
        is_split = bool(given.get("validation_split"))  # by Keras: what the user passed is neither of the two parts
        trained.name_data("train_validate" if is_split else "train", call.arguments.get("x") if call else None)
        describe_data(self._run, "train", given.get("x"), given.get("y"))
        if fitting.validation is not None:
            x, y = x_and_y(fitting.validation)
            trained.name_data("validate", x)
            describe_data(self._run, "validate", x, y)
        self._has_outputs = describe_architecture(self._run, self._model, given.get("x"))

    def record_validation(self) -> None:
        """Record how Keras validates, once it has worked that out: when the first validation begins."""
        if self._has_validation:
            return
        self._has_validation = True
        iterator = getattr(self._model, "_eval_epoch_iterator", None)
        adapter = getattr(iterator, "data_adapter", None)
        resolved = {
            "validation_steps": getattr(iterator, "num_batches", None),
            "validation_batch_size": getattr(adapter, "batch_size", None),
        }
        self._run.log_params({name: value for name, value in resolved.items() if value is not None}, "fit")

    def record_batch_size(self, batch_size: int | None) -> None:
        """Record the batch size once it is known: for a generator, at the end of the first epoch."""
        if values := self._new_batch_size(batch_size):
            self._run.log_params(values, "fit")

    def complete(self) -> None:
        """Add the model's outputs, if they were not known before the training."""
        if not self._has_outputs:
            with attempt("keras signature"):
                complete_signature(self._run, self._model)

    def _new_batch_size(self, batch_size: int | None) -> dict[str, int]:
        if batch_size is None or self._has_batch_size:
            return {}
        self._has_batch_size = True
        return {"batch_size": batch_size}
