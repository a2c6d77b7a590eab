"""The same without autolog: give `fit` a callback, and say a word about the run."""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")  # or "jax" or "tensorflow"

import keras
from sklearn.datasets import load_digits

from autotrack_keras import AutotrackCallback

if __name__ == "__main__":
    keras.utils.set_random_seed(7)
    digits = load_digits()
    pixels = digits.data.astype("float32") / 16

    inputs = keras.Input((64,), name="pixels")
    hidden = keras.layers.Dense(64, activation="relu")(inputs)
    scores = {
        "digit": keras.layers.Dense(10, activation="softmax", name="digit")(hidden),
        "is_even": keras.layers.Dense(1, activation="sigmoid", name="is_even")(hidden),
    }
    model = keras.Model(inputs, scores)
    model.compile(
        keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, decay_steps=230), momentum=0.9),
        loss={"digit": "sparse_categorical_crossentropy", "is_even": "binary_crossentropy"},
        metrics={"digit": "accuracy"},
    )
    targets = {"digit": digits.target, "is_even": (digits.target % 2 == 0).astype("float32")}
    callback = AutotrackCallback(experiment="digits", tags={"why": "two questions at once"}, log_every_n_steps=5)
    validation = (pixels[1440:], {name: values[1440:] for name, values in targets.items()})
    model.fit(
        pixels[:1440],
        {name: values[:1440] for name, values in targets.items()},
        batch_size=64,
        epochs=10,
        validation_data=validation,
        callbacks=[callback],
        verbose=0,
    )
    print(f"recorded in {callback.run.folder}" if callback.run else "nothing was recorded")
