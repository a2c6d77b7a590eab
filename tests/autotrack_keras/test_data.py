"""Data is described with a fingerprint, and nothing is taken out of it."""

from typing import Any

import pandas as pd
import pytest
import torch

from tests.autotrack_keras.conftest import X, Y, make_model
from tests.autotrack_keras.test_calls import Batches, data_of

pytestmark = pytest.mark.usefixtures("autolog")


@pytest.mark.parametrize("kind", ["numpy", "pandas", "tensor", "loader"])
def test_data_in_memory_has_a_fingerprint(kind: str, recorded: Any) -> None:
    x, y = data_of(kind, 8)
    make_model().fit(x, y, verbose=0, validation_data=(X[:5], Y[:5]))
    train, validate = recorded().summary.datasets
    assert (train.role, train.rows, train.covered) == ("train", 40, 1.0)
    assert train.fingerprint
    assert (validate.role, validate.rows) == ("validate", 5)


def test_the_parts_of_a_validation_split_are_described(recorded: Any) -> None:
    make_model().fit(X, Y, validation_split=0.25, verbose=0)
    assert [(data.role, data.rows) for data in recorded().summary.datasets] == [("train", 30), ("validate", 10)]


def test_the_arrays_that_a_data_set_holds_are_its_fingerprint(runs: Any) -> None:
    class Holding(Batches):
        def __init__(self, scale: float) -> None:
            super().__init__(10)
            self.features = X * scale

    for scale in (1.0, 1.0, 2.0):
        make_model().fit(Holding(scale), verbose=0)
    marks = [run.summary.datasets[0].fingerprint for run in runs()]
    assert marks[0] == marks[1] != marks[2]


def test_a_generator_is_described_by_its_kind(recorded: Any) -> None:
    x, _ = data_of("generator", 8)
    make_model().fit(x, steps_per_epoch=2, verbose=0)
    (data,) = recorded().summary.datasets
    assert (data.kind, data.covered) == ("generator", 0.0)


def test_several_inputs_are_one_data_set(recorded: Any) -> None:
    import keras

    left, right = keras.Input((3,), name="left"), keras.Input((1,), name="right")
    model = keras.Model([left, right], keras.layers.Dense(1)(keras.layers.Concatenate()([left, right])))
    model.compile("sgd", "mse")
    model.fit({"left": X, "right": torch.from_numpy(Y[:, None])}, pd.Series(Y), verbose=0)
    (data,) = recorded().summary.datasets
    assert data.rows == 40
