"""Train a small convolutional net on the digits of scikit-learn. One line of it is about tracking."""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")  # or "jax" or "tensorflow"

import keras
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import autotrack

autotrack.autolog(experiment="digits")


def build(channels: int = 16, dropout: float = 0.2) -> keras.Model:
    return keras.Sequential([
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(channels, 3, padding="same", activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(2 * channels, 3, padding="same", activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Flatten(),
        keras.layers.Dropout(dropout),
        keras.layers.Dense(10, activation="softmax"),
    ])  # fmt: skip


if __name__ == "__main__":
    keras.utils.set_random_seed(7)
    digits = load_digits()
    images = digits.images[..., None].astype("float32") / 16
    images, test_images, labels, test_labels = train_test_split(images, digits.target, test_size=0.15, random_state=7)
    model = build()
    model.compile(keras.optimizers.Adam(3e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    stopping = keras.callbacks.EarlyStopping(min_delta=0.005, patience=3, restore_best_weights=True)
    model.fit(images, labels, batch_size=32, epochs=12, validation_split=0.15, callbacks=[stopping], verbose=0)
    model.evaluate(test_images, test_labels, verbose=0)
