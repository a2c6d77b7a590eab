"""How a training ended, where Lightning does not say so plainly."""

from typing import Any, Literal

import autotrack


def status_of(error: BaseException | None) -> Literal["killed"] | None:
    """Return `killed` for the exception, a kind of SystemExit, that Lightning turns a SIGTERM into; None otherwise."""
    return "killed" if type(error).__name__ == "SIGTERMException" else None


def is_tuning(trainer: Any) -> bool:
    """Whether this fit is a part of `Tuner.lr_find` or `Tuner.scale_batch_size`, and so no training."""
    return any(getattr(callback, "_early_exit", False) for callback in trainer.callbacks)


def record_early_stopping(run: autotrack.Run, trainer: Any) -> None:
    """Note in which epoch early stopping stopped the training, and why."""
    run.stop_reason = None  # of an earlier training of the same run
    for callback in trainer.callbacks:
        if _has_stopped(callback, trainer):
            run.stop_reason = f"{_reason(callback).rstrip('.')} (in epoch {callback.stopped_epoch})"


def _has_stopped(callback: Any, trainer: Any) -> bool:
    """Whether this is an EarlyStopping that stopped the training, also when it did so in epoch 0."""
    if not hasattr(callback, "stopped_epoch") or not hasattr(callback, "wait_count"):
        return False
    if callback.stopped_epoch or getattr(callback, "stopping_reason_message", None):
        return True
    return bool(trainer.should_stop and callback.wait_count >= callback.patience)


def _reason(callback: Any) -> str:
    """Return why early stopping stopped, in Lightning's own words where this version has them."""
    message = str(getattr(callback, "stopping_reason_message", None) or "").partition(" Signaling Trainer")[0]
    return str(message or f"{callback.monitor} did not improve in {callback.wait_count} checks")
