"""Runs of three frameworks, recorded by scripts as users write them, and shipped to TensorBoard."""

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import autotrack
from tests.support.event_files import ship
from tests.support.made_once import made_once

SCRIPTS = {
    "sklearn": """
        from sklearn.datasets import load_digits
        from sklearn.linear_model import RidgeClassifier
        from sklearn.model_selection import GridSearchCV
        x, y = load_digits(return_X_y=True)
        search = GridSearchCV(RidgeClassifier(), {"alpha": [0.1, 1.0, 10.0], "fit_intercept": [True, False]}, cv=3)
        search.fit(x[:900], y[:900])
        search.score(x[900:], y[900:])
        """,
    "keras": """
        import keras
        from sklearn.datasets import load_digits
        x, y = load_digits(return_X_y=True)
        layers = [keras.layers.Input((64,)), keras.layers.Dense(10, activation="softmax")]
        model = keras.Sequential(layers)
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(x / 16, y, epochs=3, validation_split=0.2, verbose=0)
        """,
    "lightning": """
        import lightning, torch
        from lightning.pytorch.demos.boring_classes import BoringModel

        class Model(BoringModel):
            def __init__(self, lr=0.05, width=None):
                super().__init__()
                self.save_hyperparameters()

            def training_step(self, batch, index):
                loss = super().training_step(batch, index)["loss"]
                self.log("train_loss", loss, on_step=True, on_epoch=True)
                return loss

            def validation_step(self, batch, index):
                self.log("val_loss", super().validation_step(batch, index)["x"])

        options = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
        lightning.Trainer(max_epochs=2, log_every_n_steps=5, enable_checkpointing=False, **options).fit(Model())
        """,
}


def framework_runs(factory: pytest.TempPathFactory) -> Path:
    """Return a store with one run of each framework: a copy, because who shows runs brings their files up to date."""
    made = made_once(factory, "frameworks", _train_with_each) / "runs"
    return Path(shutil.copytree(made, factory.mktemp("frameworks") / "runs"))


def _train_with_each(place: Path) -> None:
    for name, code in SCRIPTS.items():
        script = place / f"{name}_script.py"
        script.write_text(
            f"import autotrack\nautotrack.autolog(to='runs', experiment='digits')\n{textwrap.dedent(code)}"
        )
        command = [sys.executable, "-W", "ignore", str(script)]
        environment = os.environ | {"KERAS_BACKEND": "torch"}
        done = subprocess.run(
            command, cwd=place, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
    for run in autotrack.runs(place / "runs"):
        ship(run.folder)
