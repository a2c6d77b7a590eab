"""Records what other callbacks know: why a training stopped, which weights were restored, which trial it is."""

from collections.abc import Iterable
from typing import Any

from keras.callbacks import EarlyStopping, TerminateOnNaN

import autotrack


def record_stopping(run: autotrack.Run, model: Any, callbacks: Iterable[Any]) -> None:
    """Tag the run with what its callbacks say at the end of the training."""
    for callback in callbacks:
        if isinstance(callback, EarlyStopping):
            _record_early_stopping(run, callback)
        elif isinstance(callback, TerminateOnNaN) and model.stop_training:
            run.log_tags({"terminated_on_nan": True})


def _record_early_stopping(run: autotrack.Run, callback: Any) -> None:
    if callback.stopped_epoch:
        why = f"{callback.monitor} did not improve in {callback.wait} epochs"
        run.log_tags({"stopped_epoch": callback.stopped_epoch, "early_stopping": why})
    if callback.restore_best_weights and callback.best_weights is not None:
        run.log_tags({"restored_epoch": callback.best_epoch, f"restored_{callback.monitor}": callback.best})
    elif callback.best is not None:
        run.log_tags({"best_epoch": callback.best_epoch})


def record_trial(run: autotrack.Run, callbacks: Iterable[Any]) -> None:
    """Record which trial of a KerasTuner search this fit is, with its hyperparameters."""
    for callback in callbacks:
        trial = getattr(callback, "trial", None)
        if trial is not None and type(callback).__module__.startswith("keras_tuner."):
            run.log_tags({"trial": trial.trial_id})
            run.log_params(trial.hyperparameters.values, "trial")
