"""Trains models of Keras: `python keras_models.py FOLDER NAME…`."""
# ruff: noqa: N806  features are called X; the names say what is trained

from typing import Any

import keras
import numpy as np
from common import Trained, main  # type: ignore[import-not-found]
from made_data import arrays  # type: ignore[import-not-found]


def _fit(model: Any, x: Any, y: Any) -> Trained:
    model.compile("adam", "mse")
    model.fit(x, y, epochs=2, verbose=0)
    return lambda data: model.predict(data, verbose=0), x


def keras_sequential() -> Trained:
    X, y = arrays()
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "relu"), keras.layers.Dense(1)])
    return _fit(model, X.astype("float32"), y)


def keras_with_two_inputs() -> Trained:
    X, y = arrays()
    left, right = keras.Input((2,), name="left"), keras.Input((2,), name="right")
    hidden = keras.layers.Concatenate()([keras.layers.Dense(3)(left), right])
    model = keras.Model({"left": left, "right": right}, keras.layers.Dense(1)(hidden))
    X = X.astype("float32")
    return _fit(model, {"left": X[:, :2], "right": X[:, 2:]}, y)


def keras_with_two_outputs() -> Trained:
    X, y = arrays()
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(3)(inputs)
    outputs = {
        "class": keras.layers.Dense(1, name="class")(hidden),
        "size": keras.layers.Dense(2, name="size")(hidden),
    }
    return _fit(keras.Model(inputs, outputs), X.astype("float32"), {"class": y, "size": X[:, :2]})


def keras_of_images() -> Trained:
    x = np.random.default_rng(0).normal(size=(12, 8, 8, 1)).astype("float32")
    layers = [keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3), keras.layers.Flatten(), keras.layers.Dense(1)]
    return _fit(keras.Sequential(layers), x, x.mean(axis=(1, 2)))


def keras_of_sequences() -> Trained:
    x = np.random.default_rng(0).normal(size=(12, 5, 3)).astype("float32")
    layers = [keras.Input((None, 3)), keras.layers.LSTM(4), keras.layers.Dense(1)]
    return _fit(keras.Sequential(layers), x, x.mean(axis=(1, 2)))


def keras_of_whole_numbers() -> Trained:
    x = np.random.default_rng(0).integers(0, 10, size=(12, 5))
    layers = [keras.Input((5,), dtype="int64"), keras.layers.Embedding(10, 3), keras.layers.Flatten()]
    return _fit(keras.Sequential([*layers, keras.layers.Dense(1)]), x, x.mean(axis=1))


if __name__ == "__main__":
    main(globals())
