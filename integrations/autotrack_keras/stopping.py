"""Records what other callbacks know: why a training stopped, which weights were restored, which trial it is."""

from collections.abc import Iterable
from typing import Any

from keras.callbacks import (
    BackupAndRestore,
    CSVLogger,
    EarlyStopping,
    History,
    ModelCheckpoint,
    ProgbarLogger,
    ReduceLROnPlateau,
    RemoteMonitor,
    TensorBoard,
    TerminateOnNaN,
)

import autotrack

_LEAVE_WEIGHTS = (
    *(BackupAndRestore, CSVLogger, History, ModelCheckpoint, ProgbarLogger),
    *(ReduceLROnPlateau, RemoteMonitor, TensorBoard, TerminateOnNaN),
)
"""Callbacks that do something when a training ends, but nothing to the weights."""


def record_stopping(run: autotrack.Run, model: Any, callbacks: Iterable[Any]) -> None:
    """Note why the training stopped, and tag the run with what else its callbacks say at its end."""
    run.stop_reason = None  # of an earlier training of the same run
    for callback in callbacks:
        if isinstance(callback, EarlyStopping):
            _record_early_stopping(run, callback)
        elif isinstance(callback, TerminateOnNaN) and model.stop_training:
            run.stop_reason = "the loss was NaN or infinite (TerminateOnNaN)"


def _record_early_stopping(run: autotrack.Run, callback: Any) -> None:
    if callback.stopped_epoch:
        waited = f"{callback.monitor} did not improve in {callback.wait} epochs"
        run.stop_reason = f"{waited} (in epoch {callback.stopped_epoch})"
    if _has_restored(callback):
        run.log_tags({"restored_epoch": callback.best_epoch, f"restored_{callback.monitor}": callback.best})
    elif callback.best is not None:
        run.log_tags({"best_epoch": callback.best_epoch})


def epoch_of_weights(model: Any, callbacks: Iterable[Any], latest: int | None) -> int | None:
    """Return the epoch whose weights the model has when a training has ended; None if something has changed them."""
    if _has_averages(model):
        return None
    epoch = latest
    for callback in callbacks:
        if isinstance(callback, EarlyStopping):
            epoch = callback.best_epoch if _has_restored(callback) else epoch
        elif not isinstance(callback, _LEAVE_WEIGHTS) and not getattr(callback.on_train_end, "_is_default", False):
            return None
    return epoch


def weights_of(model: Any, callbacks: Iterable[Any], latest: int | None, step: int | None) -> dict[str, Any]:
    """Return which weights the model has when a training has ended, as `RunFiles.record_model` takes it."""
    if _has_averages(model):
        return {"weights": "restored"}
    for callback in callbacks:
        if isinstance(callback, EarlyStopping) and _has_restored(callback) and callback.best_epoch != latest:
            metrics = {callback.monitor: float(callback.best)}
            return {"weights": "best", "epoch": callback.best_epoch, "metrics": metrics}
    return {"weights": "last", "epoch": latest, "step": step}


def _has_averages(model: Any) -> bool:
    optimizer = getattr(model, "optimizer", None)
    return bool(getattr(getattr(optimizer, "inner_optimizer", optimizer), "use_ema", False))


def _has_restored(callback: Any) -> bool:
    return callback.restore_best_weights and callback.best_weights is not None


def record_trial(run: autotrack.Run, callbacks: Iterable[Any]) -> None:
    """Record which trial of a search by KerasTuner or Optuna this fit is, with its hyperparameters."""
    for callback in callbacks:
        trial: Any = getattr(callback, "trial", None) or getattr(callback, "_trial", None)
        package = type(trial).__module__.partition(".")[0]
        if package == "keras_tuner":
            run.log_tags({"trial": trial.trial_id})
            run.log_params(trial.hyperparameters.values, "trial")
        elif package == "optuna":
            run.log_tags({"trial": trial.number, "study": trial.study.study_name})
            run.log_params(trial.params, "trial")
