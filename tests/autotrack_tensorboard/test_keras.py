"""A writer that is used in a training of Keras adds to that training's run."""

import os
from typing import Any

import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np

import autotrack
from tests.autotrack_tensorboard.conftest import OneRun, plots_of, values_of

X = np.linspace(-1, 1, 120, dtype="float32").reshape(40, 3)


def fit(*callbacks: Any) -> Any:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model.fit(X, X.sum(axis=1), epochs=2, verbose=0, callbacks=list(callbacks))


def test_a_writer_in_a_callback_adds_to_the_run_of_the_fit(make_writer: Any, recorded: OneRun) -> None:
    writer = make_writer()

    class Mine(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            writer.add_scalar("mine", 2.0 * epoch, epoch)
            writer.add_histogram("weights", self.model.get_weights()[0], epoch)

    autotrack.autolog(to="store", experiment="tests", checkpoints=False)
    fit(Mine())
    run = recorded()
    assert values_of(run, "mine") == [(0, 0.0), (1, 2.0)]
    assert [(plot.name, plot.step) for plot in plots_of(run)] == [("weights", 0), ("weights", 1)]
    assert len(run.history("loss")) == 2


def test_the_callback_of_keras_needs_tensorflow_with_autotrack_as_without() -> None:
    pytest.importorskip("keras", minversion="3.4")
    if keras.backend.backend() == "tensorflow":
        pytest.skip("there it works")

    def failure() -> tuple[type[BaseException], str]:
        with pytest.raises(ModuleNotFoundError) as caught:
            fit(keras.callbacks.TensorBoard("events"))
        return caught.type, str(caught.value)

    without = failure()
    autotrack.autolog(to="store", experiment="tests", checkpoints=False)
    assert failure() == without == (ModuleNotFoundError, "No module named 'tensorflow'")
