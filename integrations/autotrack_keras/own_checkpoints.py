"""Writes weights and the final model into the run folder, within a budget."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import keras

import autotrack
from autotrack.integrations import RunFiles
from autotrack_keras.architecture import MODEL, SIGNATURE, signature
from autotrack_keras.weight_sizes import size_bytes

_WHOLE = "model.keras"
BEST, LAST = "best.weights.h5", "last.weights.h5"


@dataclass(frozen=True, eq=False)
class _Epoch:
    number: int
    step: int | None
    metrics: dict[str, Any]


class WeightWriter:
    """Writes the best and the last weights of a training without a callback for that, as often as the budget allows.

    Best is the lowest `val_loss`, or `loss` where there is no validation. A file is only called best or last while it
    is: when there is no time to write a better or later epoch, the file is renamed after the epoch that it is of.
    """

    def __init__(self, run: autotrack.Run, files: RunFiles) -> None:
        self._files = files
        self._folder = run.folder / "checkpoints"
        self._latest: _Epoch | None = None
        self._best: _Epoch | None = None
        self._monitor = "loss"
        self._held: dict[str, _Epoch] = {}  # what the files hold, by their names
        self._renamed: dict[str, str] = {}  # by the names that they had

    def epoch_ends(self, model: Any, logs: Mapping[str, Any], epoch: int, step: int) -> None:
        """Write the weights of this epoch, if there is time for it."""
        self._note(logs, epoch, step)
        self._write_epoch(model, self._latest, at_end=False)

    def training_ends(self, model: Any, epoch: int | None) -> None:
        """Write once more what has not been written; `epoch` is the one whose weights the model has, if that is known.

        A training too short for any file gets none: its final model is kept.
        """
        if self._held or self._renamed:
            of_model = next((one for one in (self._latest, self._best) if one and one.number == epoch), None)
            self._write_epoch(model, of_model, at_end=True)

    def _note(self, logs: Mapping[str, Any], epoch: int, step: int) -> None:
        if "val_loss" in logs and self._monitor != "val_loss":  # from now on, epochs without validation have no score
            self._monitor, self._best = "val_loss", None
        score = logs.get(self._monitor)
        is_score = isinstance(score, (int, float)) and not math.isnan(score)
        self._latest = _Epoch(epoch, step, {self._monitor: score} if is_score else {})
        if is_score and (self._best is None or score < self._best.metrics[self._monitor]):
            self._best = self._latest

    def _write_epoch(self, model: Any, epoch: _Epoch | None, *, at_end: bool) -> None:
        missing = [name for name, true in self._true().items() if true is epoch and self._held.get(name) is not epoch]
        if epoch is not None and missing and self._files.budget.allows(size_bytes(model.weights), at_end=at_end):
            began = perf_counter()
            try:
                self._write(model, epoch, missing)
            finally:
                self._files.budget.spend(perf_counter() - began)
        for name, true in self._true().items():
            if name in self._held and self._held[name] is not true:
                self._rename(name)

    def _true(self) -> dict[str, _Epoch | None]:
        """Return what the files have to hold, by their names."""
        return {LAST: self._latest, BEST: self._best}

    def _write(self, model: Any, epoch: _Epoch, names: list[str]) -> None:
        first = self._folder / names[0]
        with self._files.replacing(first) as draft:
            keras.Model.save_weights(model, draft)
        for name in names:
            path = self._folder / name
            if path != first:
                self._files.keep(first, path, link=True)  # safe: files are replaced each time, never changed in place
            self._held[name] = epoch
            self._record(path, epoch, [name.partition(".")[0]])
            if renamed := self._renamed.pop(name, None):
                self._files.remove(self._folder / renamed, kind="checkpoint")

    def _rename(self, name: str) -> None:
        epoch = self._held.pop(name)
        path = self._folder / name
        renamed = f"epoch-{epoch.number}.weights.h5"
        if epoch not in self._held.values() and renamed not in self._renamed.values():
            self._renamed[name] = renamed
            self._files.keep(path, self._folder / renamed, link=True)
            self._record(self._folder / renamed, epoch, [])
        self._files.remove(path, kind="checkpoint")

    def _record(self, path: Path, epoch: _Epoch, roles: list[str]) -> None:
        self._files.record(path, kind="checkpoint", roles=roles, metrics=epoch.metrics, step=epoch.step)


def keep_model(run: autotrack.Run, model: Any, files: RunFiles, *, rows: Any = None, **weights: Any) -> None:
    """Write the trained model to `model/model.keras`, unless it is too large or takes too long to write.

    The `rows` are some that it was trained on; `weights` says which it has, as `RunFiles.record_model` takes it.
    """
    budget, optimizer = files.budget, getattr(model, "optimizer", None)
    size = size_bytes(model.weights) + size_bytes(getattr(optimizer, "variables", []))
    if not budget.allows(size, at_end=True):
        why = f"{size / 1e6:.0f} MB" if size > budget.MOST_BYTES else "it would take too long for so short a training"
        run.notice("keras model", f"the model was not kept: {why}")
        return
    began = perf_counter()
    try:
        target = _save(run, model, files)
    finally:
        budget.spend(perf_counter() - began)
    files.record(target, kind="model", step=weights.get("step"))
    if target.name == _WHOLE:
        files.record_model(
            target.parent,
            files=[target.name],
            flavors=_flavors(),
            described_in=SIGNATURE,
            modules=["keras", keras.backend.backend()],
            **weights,
            example=files.keep_example(target.parent, _named(rows, signature(model, rows)["inputs"])),
        )


def _named(rows: Any, inputs: Any) -> Any:
    """Return the rows of several inputs by the names that the signature has for them."""
    names = [one.get("name") if isinstance(one, dict) else None for one in inputs] if isinstance(inputs, list) else []
    if isinstance(rows, list) and len(names) == len(rows) and all(names):
        return rows[0] if len(rows) == 1 else dict(zip(names, rows, strict=True))
    return rows


def _flavors() -> dict[str, Any]:
    """Return how MLflow loads the file: it puts the suffix behind the name that it finds in `data`."""
    model = {
        "data": _WHOLE.removesuffix(".keras"),
        "keras_version": str(keras.__version__),
        "keras_backend": keras.backend.backend(),
        "save_exported_model": False,
    }
    return {"python_function": {"loader_module": "mlflow.keras"}, "keras": model}


def _save(run: autotrack.Run, model: Any, files: RunFiles) -> Path:
    """Save the model, or only its weights if its class does not say how it is made: that is nobody's fault."""
    whole, weights = (run.folder / MODEL / name for name in (_WHOLE, "model.weights.h5"))
    try:
        with files.replacing(whole) as draft:
            keras.saving.save_model(model, draft)
    except (NotImplementedError, TypeError, ValueError) as refusal:
        why = next((line for line in str(refusal).splitlines() if line.strip()), type(refusal).__name__)
        run.notice("keras model", f"Keras cannot save the whole model ({why}); its weights are kept")
        with files.replacing(weights) as draft:
            keras.Model.save_weights(model, draft)
        return weights
    return whole
