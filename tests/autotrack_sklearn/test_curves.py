"""Curves and importances of estimators that keep them in ways of their own."""
# ruff: noqa: N803, N806  features are called X in scikit-learn

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import AdaBoostClassifier, GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import autotrack

Recorded = Callable[[], autotrack.RecordedRun]

pytestmark = pytest.mark.usefixtures("autolog")


def points(run: autotrack.RecordedRun, metric: str) -> list[Any]:
    return [point.value for point in run.history(metric)]


def test_what_gradient_boosting_calls_a_score_is_a_loss_and_its_best_the_least(wine: Any, recorded: Recorded) -> None:
    X, y = wine
    model = GradientBoostingClassifier(n_estimators=5, subsample=0.5, random_state=0).fit(X, y)
    score = model.score(X, y)
    run = recorded()
    assert points(run, "train_loss") == model.train_score_.tolist()
    assert run.metrics["train_loss"].best.value == min(model.train_score_)
    assert points(run, "oob_loss") == model.oob_scores_.tolist()
    assert points(run, "train_score") == [score], "the curve and the accuracy are two metrics"


def test_the_scores_of_early_stopping_are_named_after_what_they_are(wine: Any) -> None:
    X, y = wine
    model = HistGradientBoostingClassifier(max_iter=4, early_stopping=True).fit(X, y)
    assert points(autotrack.runs("runs")[0], "validation_neg_loss") == model.validation_score_.tolist()
    best = autotrack.runs("runs")[0].metrics["validation_neg_loss"].best.value
    assert best == max(model.validation_score_)


def test_a_net_has_its_loss(wine: Any, recorded: Recorded) -> None:
    model = MLPClassifier((4,), max_iter=3).fit(*wine)
    assert points(recorded(), "loss") == model.loss_curve_


def test_boosting_of_what_has_no_importances_is_nobodys_fault(wine: Any, recorded: Recorded) -> None:
    AdaBoostClassifier(LogisticRegression(), n_estimators=60).fit(*wine)
    assert all("importances" in notice.about for notice in recorded().notices)  # a warning would be an error here


class Evaluated:
    """Where packages keep the metrics of their data sets and epochs, without those packages."""

    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"evals_result_": {"validation_0": {"logloss": [0.3, 0.2]}}}, {"validation_0_logloss": [0.3, 0.2]}),
        ({"_evals_result": {"valid_0": {"auc": [0.7]}, "training": {"auc": [1.0]}}},
         {"valid_0_auc": [0.7], "training_auc": [1.0]}),
        ({"history_": {"loss": [2.0, 1.0], "val_loss": [3.0, 2.0]}}, {"loss": [2.0, 1.0], "val_loss": [3.0, 2.0]}),
        ({"history_": Evaluated(history={"loss": [2.0]})}, {"loss": [2.0]}),
        ({"history_": [{"epoch": 1, "train_loss": 0.5, "dur": 2.0, "train_loss_best": True, "batches": []}]},
         {"train_loss": [0.5], "epoch_seconds": [2.0]}),
        ({"history": "of something else", "evals_result_": 5, "_evals_result": {"valid": None}}, {}),
        ({"train_score_": "none", "loss_curve_": None}, {}),
    ],
)  # fmt: skip
def test_curves_are_read_however_they_are_kept(attributes: dict[str, Any], expected: dict[str, Any]) -> None:
    from autotrack_sklearn.curves import curves_of

    assert {curve.name: list(curve.points) for curve in curves_of(Evaluated(**attributes))} == expected


@pytest.mark.parametrize("with_pipeline", [False, True])
def test_lightgbm_has_its_curves_and_the_names_of_the_columns(
    wine: Any, recorded: Recorded, *, with_pipeline: bool
) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    X, y = pd.DataFrame(wine[0], columns=[f"column {n}" for n in range(13)]), wine[1]
    model = lightgbm.LGBMClassifier(n_estimators=40, verbose=-1)
    if with_pipeline:
        make_pipeline(StandardScaler().set_output(transform="pandas"), model).fit(X, y)
    else:
        model.fit(X, y, eval_set=[(X, y)], eval_names=["seen"], callbacks=[lightgbm.early_stopping(5, verbose=False)])
        curve = model.evals_result_["seen"]["multi_logloss"]
        assert points(recorded(), "seen_multi_logloss") == curve
        assert recorded().metrics["best_iteration"].last.value == model.best_iteration_
    run = recorded()
    plots = [plot for plot in run.plots if plot.name == "importances"]
    assert not plots or plots[0].data["names"] == list(X.columns)  # they are left out after a quick fit


def test_xgboost_has_its_curves(wine: Any, recorded: Recorded) -> None:
    xgboost = pytest.importorskip("xgboost")
    X, y = wine
    model = xgboost.XGBClassifier(n_estimators=5, early_stopping_rounds=3)
    model.fit(X, y, eval_set=[(X, y)], verbose=False)
    assert points(recorded(), "validation_0_mlogloss") == model.evals_result()["validation_0"]["mlogloss"]
    assert recorded().metrics["best_iteration"].last.value == model.best_iteration


def test_skorch_has_its_epochs(wine: Any, recorded: Recorded) -> None:
    skorch = pytest.importorskip("skorch")
    import torch

    X, y = wine[0].astype("float32"), wine[1].astype("int64")
    net = skorch.NeuralNetClassifier(torch.nn.Sequential(torch.nn.Linear(13, 3), torch.nn.Softmax(-1)), max_epochs=3,
                                     verbose=0)  # fmt: skip
    net.fit(X, y)
    assert points(recorded(), "train_loss") == pytest.approx(net.history[:, "train_loss"])
    assert points(recorded(), "valid_loss") == pytest.approx(net.history[:, "valid_loss"])


def test_epochs_by_partial_fit_are_recorded_once_each(recorded: Recorded) -> None:
    from sklearn.base import BaseEstimator

    class Net(BaseEstimator):  # type: ignore[misc]
        """It keeps its history as skorch does."""

        def partial_fit(self, X: Any, y: Any = None) -> Any:
            self.history_ = [*getattr(self, "history_", []), {"epoch": 1, "train_loss": float(X[0])}]
            return self

        def predict(self, X: Any) -> Any:
            return X

    net = Net()
    for loss in (0.5, 0.25, 0.125):
        net.partial_fit([loss])
    assert points(recorded(), "train_loss") == [0.5, 0.25, 0.125]


def test_a_frame_that_the_fit_changes_is_described_as_it_was_given(recorded: Recorded) -> None:
    import json

    from sklearn.base import BaseEstimator, RegressorMixin

    class Sloppy(RegressorMixin, BaseEstimator):  # type: ignore[misc]
        def fit(self, X: Any, y: Any) -> Any:
            X["ratio"] = X["a"] / X["b"]
            return self

    X = pd.DataFrame({"a": np.arange(1.0, 9), "b": np.arange(2.0, 10)})
    Sloppy().fit(X, X["a"])
    run = recorded()
    schema = json.loads((run.folder / "model" / "schema.json").read_text(encoding="utf-8"))
    assert list(schema["input"]["columns"]) == ["a", "b"]
    assert list(run.datasets[0].schema or {})[:2] == ["x.a", "x.b"]
