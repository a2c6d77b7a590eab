"""Estimators that are hard to read: each value costs itself, the rest is recorded, and nothing is warned of."""
# ruff: noqa: N803  features are called X in scikit-learn

import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_validate
from sklearn.svm import SVC

import autotrack
from tests.autotrack_sklearn.conftest import all_runs

Recorded = Callable[[], autotrack.RecordedRun]


class Own(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    def fit(self, X: Any, y: Any) -> Any:
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        return np.full(len(X), self.classes_[0])


class Forgetful(Own):
    def __init__(self, depth: int = 3, width: int = 4) -> None:
        self.width = width


class Variadic(Own):
    def __init__(self, *layers: int) -> None:
        self.layers = layers


class Unwilling(Own):
    def __init__(self, width: int = 4) -> None:
        self.width = width

    def get_params(self, deep: bool = True) -> Any:
        raise RuntimeError("no params today")


class AskingTheInstance(Own):
    """As scikeras has it."""

    def __init__(self, width: int = 4) -> None:
        self.width = width

    def _get_param_names(self) -> list[str]:
        return ["width"]


class Holding(Own):
    def __init__(self, inner: Any = None, width: int = 4) -> None:
        self.inner, self.width = inner, width


class Unprintable(Holding):
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class OwnError(Exception):
    pass


class Unpicklable(Own):
    def __getstate__(self) -> Any:
        raise OwnError("do not pickle me")


@pytest.mark.usefixtures("autolog")
@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (Forgetful, {"width": 4}),
        (lambda: Variadic(1, 2), {"layers": [1, 2]}),
        (Unwilling, {"width": 4}),
        (AskingTheInstance, {"width": 4}),
        (lambda: Holding(Unwilling(width=7)), {"width": 4, "inner__width": 7}),
        (lambda: Unprintable(Unprintable()), {"width": 4, "inner__width": 4}),
        (Unpicklable, {}),
    ],
)
def test_what_cannot_be_read_costs_itself_only(
    wine: Any, recorded: Recorded, make: Callable[[], Any], expected: dict[str, Any]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make().fit(*wine)
    run = recorded()
    assert {name: run.params[name] for name in expected} == expected
    assert run.status == "finished"
    assert run.tags["estimator"].startswith(f"{__name__}.")
    assert run.datasets[0].rows == 178


@pytest.mark.usefixtures("autolog")
def test_an_estimator_that_holds_itself_is_recorded(wine: Any, recorded: Recorded) -> None:
    model = Holding(width=9)
    model.inner = model
    model.fit(*wine)
    assert recorded().params["width"] == 9


@pytest.mark.usefixtures("autolog")
def test_distributions_to_search_in_are_recorded_by_what_they_are(wine: Any, recorded: Recorded) -> None:
    space = {"C": stats.loguniform(1e-3, 10), "tol": [1e-3, 1e-4]}
    RandomizedSearchCV(LogisticRegression(), space, n_iter=2, cv=2, random_state=0).fit(*wine)
    params = recorded().params
    assert "loguniform(0.001, 10" in str(params["param_distributions.C"])
    assert params["param_distributions.tol"] == [1e-3, 1e-4]


@pytest.mark.usefixtures("autolog")
@pytest.mark.parametrize("workers", [1, 2])
def test_why_a_candidate_failed_is_kept_though_the_search_ends_well(
    wine: Any, recorded: Recorded, workers: int
) -> None:
    GridSearchCV(SVC(), {"C": [1, -1]}, cv=2, n_jobs=workers).fit(*wine)
    good, bad = recorded().trials
    assert (good.status, good.error) == ("finished", None)
    assert bad.status == "failed"
    assert "must be a float in the range (0.0, inf]. Got -1 instead" in str(bad.error)


@pytest.mark.usefixtures("autolog")
def test_why_a_fold_failed_is_kept_though_the_validation_ends_well(wine: Any, recorded: Recorded) -> None:
    class Choosy(Own):
        def fit(self, X: Any, y: Any) -> Any:
            if y[0] != 0:
                raise OwnError("it begins with the wrong class")
            return super().fit(X, y)

    from sklearn.model_selection import KFold

    cross_validate(Choosy(), *wine, cv=KFold(3))
    trials = recorded().trials
    assert [trial.status for trial in trials].count("failed") == 1
    assert next(str(trial.error) for trial in trials if trial.status == "failed").endswith("the wrong class")


@pytest.mark.usefixtures("autolog")
def test_a_generator_has_no_rows_that_anybody_could_know(recorded: Recorded) -> None:
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.pipeline import make_pipeline

    texts = ["good day", "bad day"] * 5
    make_pipeline(CountVectorizer(), LogisticRegression()).fit((text for text in texts), [1, 0] * 5)
    assert [data.rows for data in recorded().datasets] == [None]


def test_a_class_of_the_script_is_named_after_the_script(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        textwrap.dedent("""
            import autotrack

            autotrack.autolog(to="runs")
            from sklearn.base import BaseEstimator
            from sklearn.pipeline import make_pipeline

            class Own(BaseEstimator):
                def fit(self, X, y=None):
                    return self

            make_pipeline(Own()).fit([[1]], [1])
            Own().fit([[1]])
        """),
        encoding="utf-8",
    )
    subprocess.run([sys.executable, "train.py"], cwd=tmp_path, check=True)
    tags = {run.tags["estimator"] for run in all_runs()}
    assert tags == {"train.Own", "sklearn.pipeline.Pipeline"}
    assert [run.params["steps"] for run in all_runs() if "steps" in run.params] == [[["own", "train.Own"]]]
