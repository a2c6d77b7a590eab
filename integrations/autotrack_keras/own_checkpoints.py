"""Writes weights and the final model into the run folder, within a budget."""

import math
import warnings
from collections.abc import Mapping
from time import perf_counter
from typing import Any

import keras

import autotrack
from autotrack.integrations import RunFiles
from autotrack_keras.architecture import MODEL
from autotrack_keras.budget import MOST_BYTES, Budget, size_bytes

BEST, LAST = "best.weights.h5", "last.weights.h5"


class WeightWriter:
    """Writes the best and the last weights of a training without a callback for that, as often as the budget allows.

    Best is the lowest `val_loss`, or `loss` where there is no validation.
    """

    def __init__(self, run: autotrack.Run, budget: Budget) -> None:
        self._files = RunFiles(run)
        self._budget = budget
        self._folder = run.folder / "checkpoints"
        self._best: float | None = None

    def epoch_ends(self, model: Any, logs: Mapping[str, Any], step: int) -> None:
        """Write the weights of this epoch, if there is time for it."""
        if not self._budget.allows(size_bytes(model.weights)):
            return
        began = perf_counter()
        try:
            self._write(model, logs, step)
        finally:
            self._budget.spend(perf_counter() - began)

    def _write(self, model: Any, logs: Mapping[str, Any], step: int) -> None:
        last = self._folder / LAST
        with self._files.replacing(last) as draft:
            keras.Model.save_weights(model, draft)
        monitor = "val_loss" if "val_loss" in logs else "loss"
        score = logs.get(monitor)
        metrics = {monitor: score} if isinstance(score, (int, float)) else {}
        self._files.record(last, kind="checkpoint", roles=["last"], metrics=metrics, step=step)
        if isinstance(score, (int, float)) and not math.isnan(score) and (self._best is None or score < self._best):
            self._best = score
            self._files.keep(
                last, self._folder / BEST, link=True
            )  # a link is safe: the file is replaced each time, never changed in place
            self._files.record(self._folder / BEST, kind="checkpoint", roles=["best"], metrics=metrics, step=step)


def keep_model(run: autotrack.Run, model: Any, budget: Budget, step: int | None) -> None:
    """Write the trained model to `model/model.keras`, unless it is too large or takes too long to write."""
    optimizer = getattr(model, "optimizer", None)
    size = size_bytes(model.weights) + size_bytes(getattr(optimizer, "variables", []))
    if not budget.allows(size, at_end=True):
        why = f"{size / 1e6:.0f} MB" if size > MOST_BYTES else "it would take too long for so short a training"
        run.notice("keras model", f"the model was not kept: {why}")
        return
    target = run.folder / MODEL / "model.keras"
    began = perf_counter()
    try:
        with warnings.catch_warnings():  # about what cannot be saved; users who save it themselves are warned
            warnings.simplefilter("ignore")
            with RunFiles(run).replacing(target) as draft:
                keras.saving.save_model(model, draft)
    finally:
        budget.spend(perf_counter() - began)
    RunFiles(run).record(target, kind="model", step=step)
