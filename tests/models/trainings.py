"""Trains the models that other programs then load; run as a script: `python trainings.py FOLDER NAME…`.

Each is trained under autolog in an experiment of its own, and its predictions are written beside the runs.
"""
# ruff: noqa: N803, N806  features are called X in scikit-learn

import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import autotrack

Trained = tuple[Callable[[Any], Any], Any]
"""What predicts, and what it is given."""


def _data() -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    X = random.normal(size=(60, 4))
    return X, (X.sum(axis=1) > 0).astype(int)


def _frame() -> tuple[Any, Any]:
    import pandas as pd

    X, y = _data()
    frame = pd.DataFrame(X[:, :3], columns=["length, cm", "größe", 'the "weight"'])
    return frame.assign(count=range(60), color=["red", "blue", "green"] * 20, is_new=X[:, 3] > 0), y


def classifier() -> Trained:
    from sklearn.linear_model import LogisticRegression

    X, y = _data()
    return LogisticRegression().fit(X, np.where(y, "yes", "no")).predict, X


def regressor() -> Trained:
    from sklearn.ensemble import RandomForestRegressor

    X, _ = _data()
    return RandomForestRegressor(5, random_state=0).fit(X[:, :3], X[:, 3]).predict, X[:, :3]


def pipeline_of_a_frame() -> Trained:
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame, y = _frame()
    columns = make_column_transformer(
        (OneHotEncoder(), ["color"]), (StandardScaler(), ["größe", "count"]), remainder="passthrough"
    )
    return make_pipeline(columns, LogisticRegression()).fit(frame, y).predict, frame


def clusterer() -> Trained:
    from sklearn.cluster import KMeans

    X, _ = _data()
    return KMeans(3, n_init=1, random_state=0).fit(X.astype("float32")).predict, X.astype("float32")


def categories() -> Trained:
    from sklearn.ensemble import HistGradientBoostingClassifier

    frame, y = _frame()
    frame = frame.assign(color=frame["color"].astype("category"), day=None).drop(columns="day")
    model = HistGradientBoostingClassifier(max_iter=3, categorical_features="from_dtype").fit(frame, y)
    return model.predict, frame


def search() -> Trained:
    from sklearn.model_selection import GridSearchCV
    from sklearn.tree import DecisionTreeRegressor

    X, _ = _data()
    targets = np.stack([X[:, 0], X[:, 1]], axis=1)
    return GridSearchCV(DecisionTreeRegressor(random_state=0), {"max_depth": [2, 4]}, cv=2).fit(X, targets).predict, X


def code_of_the_script() -> Trained:
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    class Doubled(Ridge):  # type: ignore[misc]  # scikit-learn publishes no types
        def predict(self, X: Any) -> Any:
            return 2 * super().predict(X)

    X, _ = _data()
    return make_pipeline(FunctionTransformer(lambda X: X + 1), Doubled()).fit(X, X[:, 0]).predict, X


def texts() -> Trained:
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import make_pipeline

    X = np.array(["a bad day", "good news", "very bad news", "a very good day"] * 5)
    return make_pipeline(CountVectorizer(), MultinomialNB()).fit(X, [0, 1, 0, 1] * 5).predict, X


def _fit(model: Any, x: Any, y: Any) -> Trained:
    model.compile("adam", "mse")
    model.fit(x, y, epochs=2, verbose=0)
    return lambda data: model.predict(data, verbose=0), x


def keras_sequential() -> Trained:
    import keras

    X, y = _data()
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "relu"), keras.layers.Dense(1)])
    return _fit(model, X.astype("float32"), y)


def keras_with_two_inputs() -> Trained:
    import keras

    X, y = _data()
    left, right = keras.Input((2,), name="left"), keras.Input((2,), name="right")
    hidden = keras.layers.Concatenate()([keras.layers.Dense(3)(left), right])
    model = keras.Model({"left": left, "right": right}, keras.layers.Dense(1)(hidden))
    X = X.astype("float32")
    return _fit(model, {"left": X[:, :2], "right": X[:, 2:]}, y)


NETS = """
import torch
from net_parts import Doubled


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(4, 3), Doubled(), torch.nn.Linear(3, 1))

    def forward(self, x):
        return self.layers(x)
"""

PARTS = """
import torch


class Doubled(torch.nn.Module):
    def forward(self, x):
        return 2 * x
"""


def _lightning(net: Any) -> Trained:
    import torch
    from lightning.pytorch import LightningModule, Trainer

    class Module(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, x: Any) -> Any:
            return self.net(x)

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return torch.nn.functional.mse_loss(self(batch[0])[:, 0], batch[1])

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    X, y = _data()
    x = torch.tensor(X, dtype=torch.float32)
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(x, torch.tensor(y, dtype=torch.float32)), batch_size=20
    )
    module = Module()
    Trainer(max_epochs=1, accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False).fit(
        module, loader
    )
    return lambda data: module.eval()(torch.tensor(data)).detach().numpy(), x.numpy()


def lightning_of_the_script() -> Trained:
    import torch

    return _lightning(torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1)))


def lightning_of_other_files() -> Trained:
    here = Path(sys.argv[0]).parent
    (here / "nets.py").write_text(NETS)
    (here / "net_parts.py").write_text(PARTS)
    import nets  # type: ignore[import-not-found]

    return _lightning(nets.Net())


def train(folder: Path, names: list[str]) -> None:
    """Train the models with these names."""
    for name in names:
        autotrack.autolog(to=folder / "runs", experiment=name)
        predict, data = globals()[name]()
        with (folder / f"{name}.pickle").open("wb") as file:
            pickle.dump((data, predict(data)), file)


if __name__ == "__main__":
    train(Path(sys.argv[1]), sys.argv[2:])
