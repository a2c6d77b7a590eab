"""What is a run and what is not, where a class is unlike most estimators or a library fits it for itself."""
# ruff: noqa: N803, N806  features are called X in scikit-learn

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.feature_selection import RFE, RFECV, SelectKBest
from sklearn.linear_model import LogisticRegression

import autotrack
from tests.autotrack_sklearn.conftest import all_runs, last

Recorded = Callable[[], autotrack.RecordedRun]


@pytest.mark.usefixtures("autolog")
def test_recursive_elimination_predicts_and_scores_so_that_it_is_a_run(wine: Any, recorded: Recorded) -> None:
    X, y = wine
    model = RFECV(LogisticRegression(), cv=3, min_features_to_select=11).fit(X, y)
    score = model.score(X, y)
    run = recorded()
    assert run.tags["estimator"] == "sklearn.feature_selection.RFECV"
    assert last(run, "train_score") == score
    assert last(run, "n_features") == model.n_features_
    means = model.cv_results_["mean_test_score"]
    assert [(trial.params["n_features"], trial.values["mean_test_score"]) for trial in run.trials] == [
        *zip([11, 12, 13], means.tolist(), strict=True)
    ]


@pytest.mark.usefixtures("autolog")
def test_a_selector_that_does_not_predict_is_no_run_and_elimination_without_folds_is_one(wine: Any) -> None:
    SelectKBest(k=3).fit(*wine)
    assert all_runs() == []
    RFE(LogisticRegression()).fit(*wine)
    assert len(all_runs()) == 1


class DefinedBefore(ClassifierMixin):  # type: ignore[misc]
    """A class with a mixin only, as older code has it."""

    def __init__(self, width: int = 3) -> None:
        self.width = width

    def fit(self, X: Any, y: Any) -> Any:
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        return np.full(len(X), self.classes_[0])


@pytest.mark.usefixtures("autolog")
@pytest.mark.parametrize("is_defined_before", [True, False])
def test_a_class_with_only_a_mixin_is_recorded_with_its_params(
    wine: Any, recorded: Recorded, *, is_defined_before: bool
) -> None:
    if is_defined_before:
        kind: Any = DefinedBefore
    else:

        class Later(ClassifierMixin):  # type: ignore[misc]
            __init__, fit, predict = DefinedBefore.__init__, DefinedBefore.fit, DefinedBefore.predict

        kind = Later
    model = kind(width=5).fit(*wine)
    score = model.score(*wine)
    run = recorded()
    assert (run.params["width"], last(run, "train_score")) == (5, score)


class Fitting:
    """What several estimators share, and no estimator itself."""

    def fit(self, X: Any, y: Any) -> Any:
        self.classes_ = np.unique(y)
        return self


@pytest.mark.usefixtures("autolog")
def test_a_fit_that_comes_from_a_plain_class_is_recorded(wine: Any, recorded: Recorded) -> None:
    class Own(ClassifierMixin, Fitting, BaseEstimator):  # type: ignore[misc]
        pass

    before = Fitting.fit
    Own().fit(*wine)
    assert recorded().status == "finished"
    assert Fitting.fit is before
    autotrack.autolog(disable=True)
    assert "fit" not in vars(Own)


def test_bases_get_back_what_they_had(wine: Any) -> None:
    bases = (BaseEstimator, ClassifierMixin, TransformerMixin)
    before = [dict(vars(base)) for base in bases]
    autotrack.autolog(to="runs")
    autotrack.autolog(disable=True)
    assert [dict(vars(base)) for base in bases] == before


LIBRARY = """
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LinearRegression

class Normalizer(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.mean_ = X.mean(axis=0)
        return self
    def transform(self, X):
        return X - self.mean_
    def inverse_transform(self, X):
        return X + self.mean_

def train(X, y):
    return LinearRegression().fit(Normalizer().fit_transform(X), y)

def prepare(X):
    return Normalizer().fit_transform(X)
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An installed package that fits normalizers for itself, as libraries for time series do."""
    folder = tmp_path / "lib" / "site-packages"
    folder.mkdir(parents=True)
    (folder / "forecasts.py").write_text(LIBRARY, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    yield importlib.import_module("forecasts")
    del sys.modules["forecasts"]


@pytest.mark.usefixtures("autolog")
def test_a_transformer_that_a_library_fits_for_itself_is_no_run(library: Any, numbers: Any) -> None:
    X, y = numbers
    library.prepare(X)
    assert all_runs() == []
    library.train(X, y)
    assert [run.tags["estimator"] for run in all_runs()] == ["sklearn.linear_model.LinearRegression"]


@pytest.mark.usefixtures("autolog")
def test_the_same_transformer_fitted_by_the_user_is_a_run(library: Any, numbers: Any, recorded: Recorded) -> None:
    library.Normalizer().fit_transform(numbers[0])
    assert recorded().tags["estimator"] == "forecasts.Normalizer"


def test_catboost_is_recorded_although_nothing_of_it_is_of_scikit_learn(wine: Any, recorded: Recorded) -> None:
    catboost = pytest.importorskip("catboost")
    autotrack.autolog(to="runs", experiment="tests")
    X, y = wine
    model = catboost.CatBoostClassifier(iterations=5, verbose=0, allow_writing_files=False, depth=3)
    model.fit(X, y == 1, eval_set=(X, y == 1))
    score = model.score(X, y == 1)
    run = recorded()
    assert (run.tags["estimator"], run.params["depth"]) == ("catboost.CatBoostClassifier", 3)
    assert last(run, "train_score") == score
    assert len(run.history("validation_Logloss")) == 5
