"""The checkpoints and the model that are kept of one fit."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import keras

import autotrack
from autotrack.integrations import RunFiles, attempt
from autotrack_keras.checkpoints import CheckpointKeeper
from autotrack_keras.own_checkpoints import WeightWriter, keep_model
from autotrack_keras.stopping import epoch_of_weights, weights_of
from autotrack_keras.tensor_slices import inputs_in_memory


class TrainingFiles:
    """Keeps what the user's callbacks save; where they save nothing, writes the best and the last weights itself."""

    def __init__(self, run: autotrack.Run, model: Any, callbacks: Iterable[Any]) -> None:
        self._run = run
        self._model = model
        self._callbacks = list(callbacks)
        self._epoch: int | None = None
        self._rows: Any = None
        self._files = RunFiles(run)
        self._keeper = CheckpointKeeper(run, model, self._callbacks)
        can_write = not self._keeper.is_configured and hasattr(model, "save_weights")
        self._writer = WeightWriter(run, self._files) if can_write else None

    def note_inputs(self, data: Any) -> None:
        """Keep the first rows of what the model is trained on, where that is in memory: an example of its input."""
        with attempt("keras input example"):
            self._rows = self._files.rows_of(inputs_in_memory(data))

    def note_batch(self, batch: Any) -> None:
        """Keep the first rows of a batch, where the data are not in memory."""
        if self._rows is None:
            with attempt("keras input example", of_user=True):
                self._rows = self._files.rows_of(keras.utils.unpack_x_y_sample_weight(batch)[0])

    def will_save(self, path: Path) -> None:
        """Note that the model is about to be saved to a file."""
        if self._is_outside_run(path):
            self._keeper.will_save(path)

    def saved(self, path: Path) -> None:
        """Note that the model was saved to a file."""
        if self._is_outside_run(path):
            self._keeper.saved(path)

    def end_batch(self, logs: Mapping[str, Any], step: int) -> None:
        """Keep what was saved during this step."""
        if self._keeper.new:
            self._keeper.take_over(logs, step)

    def end_epoch(self, logs: Mapping[str, Any], epoch: int, step: int) -> None:
        """Keep what was saved in this epoch, or write its weights."""
        self._epoch = epoch
        with attempt("keras checkpoints"):
            self._keeper.take_over(logs, step)
            if self._writer is not None:
                self._writer.epoch_ends(self._model, logs, epoch, step)

    def end_training(self, step: int | None) -> None:
        """Keep what was saved at the end, and the model."""
        with attempt("keras checkpoints"):
            self._keeper.take_over({}, step)
            if self._writer is not None:
                of_model = epoch_of_weights(self._model, self._callbacks, self._epoch)
                self._writer.training_ends(self._model, of_model)
        if hasattr(self._model, "save"):
            with attempt("keras model"):
                weights = weights_of(self._model, self._callbacks, self._epoch, step)
                keep_model(self._run, self._model, self._files, rows=self._rows, **weights)

    def close(self) -> None:
        """Make the kept files independent of the user's: the fit has returned or failed."""
        with attempt("keras checkpoints"):
            self._keeper.finish()

    def _is_outside_run(self, path: Path) -> bool:
        return not path.absolute().is_relative_to(self._run.folder)
