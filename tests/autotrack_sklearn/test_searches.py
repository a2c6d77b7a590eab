"""Searches and validations: one run, and one trial for each candidate, fold or point, with all its numbers."""
# ruff: noqa: N803, N806  features are called X in scikit-learn

from collections.abc import Callable
from time import time
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import uniform
from sklearn.base import BaseEstimator, clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  two of the searches are hidden without it
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    KFold,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    permutation_test_score,
    validation_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import autotrack
from tests.autotrack_sklearn.conftest import all_runs, last

Recorded = Callable[[], autotrack.RecordedRun]
GRID = {"max_depth": [1, 2, 3], "criterion": ["gini", "entropy"]}


def assert_all_candidates(run: autotrack.RecordedRun, search: Any, *, first: int = 0) -> None:
    """Every candidate is there, with every number that `cv_results_` has of it."""
    results = search.cv_results_
    trials = run.trials[first : first + len(results["params"])]
    assert [trial.params for trial in trials] == results["params"]
    numeric = [name for name in results if name != "params" and not name.startswith("param_")]
    for name in numeric:
        assert [trial.values[name] for trial in trials] == pytest.approx(results[name].tolist()), name
    assert all(set(trial.values) == set(numeric) for trial in trials)


@pytest.mark.usefixtures("autolog")
@pytest.mark.parametrize(
    "search",
    [
        GridSearchCV(DecisionTreeClassifier(), GRID, cv=3, return_train_score=True),
        GridSearchCV(DecisionTreeClassifier(), GRID, cv=2, scoring=["accuracy", "f1_macro"], refit="f1_macro"),
        RandomizedSearchCV(LogisticRegression(), {"C": uniform(0.1, 3)}, n_iter=4, cv=2, random_state=0),
        HalvingGridSearchCV(DecisionTreeClassifier(), GRID, cv=2, random_state=0, factor=2),
        HalvingRandomSearchCV(DecisionTreeClassifier(), {"max_depth": range(1, 9)}, cv=2, random_state=0),
    ],
    ids=["grid", "several scores", "random", "halving", "halving at random"],
)
def test_every_candidate_is_a_trial_with_scores_times_and_rank(search: Any, wine: Any, recorded: Recorded) -> None:
    before = time()
    search.fit(*wine)
    run = recorded()
    assert_all_candidates(run, search)
    assert len(run.trials) == len(search.cv_results_["params"])
    begun = [trial.started for trial in run.trials]
    assert begun == sorted(begun), "they were tried one after the other"
    assert all(before <= trial.started < trial.ended <= time() for trial in run.trials)
    assert last(run, "best_score") == search.best_score_
    assert run.params_by_source[f"{type(search).__name__}.best"] == {
        f"best.{name}": value for name, value in search.best_params_.items()
    }


@pytest.mark.usefixtures("autolog")
@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_a_search_in_several_jobs_is_one_run_with_true_times(backend: str, wine: Any, recorded: Recorded) -> None:
    search = GridSearchCV(DecisionTreeClassifier(), GRID, cv=3, n_jobs=2)
    before = time()
    with joblib.parallel_backend(backend):
        search.fit(*wine)
    run = recorded()
    assert_all_candidates(run, search)
    if backend == "threading" or hasattr(search, "set_callbacks"):
        assert all(before < trial.started < trial.ended < time() for trial in run.trials)
        # The splits of a candidate may be done side by side, but none is longer than all of it.
        assert all(trial.ended - trial.started > trial.values["mean_fit_time"] for trial in run.trials)


@pytest.mark.usefixtures("autolog")
def test_candidates_are_in_the_journal_before_the_search_is_over(wine: Any, recorded: Recorded) -> None:
    seen = []

    class Tree(DecisionTreeClassifier):  # type: ignore[misc]
        def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
            seen.append([trial.params for trial in recorded().trials])
            return float(super().score(X, y))

    GridSearchCV(Tree(), {"max_depth": [1, 2, 3]}, cv=2).fit(*wine)
    assert seen[-1] == [{"max_depth": 1}, {"max_depth": 2}]


@pytest.mark.usefixtures("autolog")
def test_a_candidate_that_fails_is_a_failed_trial(wine: Any, recorded: Recorded) -> None:
    class Picky(DecisionTreeClassifier):  # type: ignore[misc]
        def fit(self, X: Any, y: Any, **options: Any) -> Any:
            if self.max_depth == 2:
                raise LookupError("planted")
            return super().fit(X, y, **options)

    GridSearchCV(Picky(), {"max_depth": [1, 2]}, cv=2).fit(*wine)
    good, bad = recorded().trials
    assert (good.status, bad.status) == ("finished", "failed")
    assert bad.values["mean_test_score"] == "NaN"


@pytest.mark.usefixtures("autolog")
def test_a_search_at_the_end_of_a_pipeline_and_one_by_somebody_else(wine: Any) -> None:
    X, y = wine
    search = GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2]}, cv=2)
    make_pipeline(StandardScaler(), search).fit(X, y)

    class TheirSearch(BaseEstimator):  # type: ignore[misc]
        def __init__(self, estimator: Any) -> None:
            self.estimator = estimator

        def fit(self, X: Any, y: Any) -> "TheirSearch":
            self.cv_results_ = {"params": [{"a": 1}, {"a": 2}], "mean_test_score": [0.5, 0.75]}
            self.best_estimator_ = clone(self.estimator).fit(X, y)
            self.best_params_, self.best_score_ = {"a": 2}, 0.75
            return self

    TheirSearch(DecisionTreeClassifier()).fit(X, y)
    ours, theirs = all_runs()
    assert_all_candidates(ours, search)
    assert [(trial.params, trial.values) for trial in theirs.trials] == [
        ({"a": 1}, {"mean_test_score": 0.5}),
        ({"a": 2}, {"mean_test_score": 0.75}),
    ]
    assert last(theirs, "best_score") == 0.75


@pytest.mark.usefixtures("autolog")
def test_two_searches_in_a_run_that_the_user_started_keep_all_their_trials(wine: Any, recorded: Recorded) -> None:
    with autotrack.start_run(to="runs", experiment="tests"):
        first = GridSearchCV(DecisionTreeClassifier(), GRID, cv=2).fit(*wine)
        second = GridSearchCV(LogisticRegression(), {"C": [1.0, 2.0]}, cv=2).fit(*wine)
    run = recorded()
    assert_all_candidates(run, first)
    assert_all_candidates(run, second, first=6)


@pytest.mark.usefixtures("autolog")
def test_cross_validations_are_a_run_with_a_trial_for_each_fold(wine: Any) -> None:
    model = DecisionTreeClassifier(max_depth=2)
    scores = cross_val_score(model, *wine, cv=KFold(3))
    several = cross_validate(model, *wine, cv=2, scoring=["accuracy", "f1_macro"], return_train_score=True)
    in_jobs = cross_validate(model, *wine, cv=2, n_jobs=2)
    by_score, by_several, by_jobs = all_runs()
    assert [trial.kind for trial in by_score.trials] == ["fold"] * 3
    assert [trial.values["test_score"] for trial in by_score.trials] == scores.tolist()
    assert last(by_score, "mean_test_score") == pytest.approx(scores.mean())
    assert by_score.params["max_depth"] == 2
    assert by_score.params["cross_val_score.cv"] == repr(KFold(3))
    for name, values in several.items():
        assert [trial.values[name] for trial in by_several.trials] == values.tolist()
    assert all(trial.started < trial.ended for trial in by_several.trials)
    assert [trial.values["fit_time"] for trial in by_jobs.trials] == in_jobs["fit_time"].tolist()


@pytest.mark.usefixtures("autolog")
def test_curves_are_a_run_with_a_trial_for_each_point(numbers: Any) -> None:
    sizes, _, by_size = learning_curve(Ridge(), *numbers, cv=3, train_sizes=[0.5, 1.0])
    _, by_strength = validation_curve(Ridge(), *numbers, param_name="alpha", param_range=[1.0, 10.0], cv=3)
    score, _, _ = permutation_test_score(Ridge(), *numbers, cv=3, n_permutations=3)
    grown, varied, permuted = all_runs()
    assert [trial.params for trial in grown.trials] == [{"train_size": size} for size in sizes]
    assert [trial.values["mean_test_score"] for trial in grown.trials] == by_size.mean(axis=1).tolist()
    assert [trial.params for trial in varied.trials] == [{"alpha": 1.0}, {"alpha": 10.0}]
    assert [trial.values["split2_test_score"] for trial in varied.trials] == by_strength[:, 2].tolist()
    assert all(trial.kind == "point" and trial.started < trial.ended for trial in [*grown.trials, *varied.trials])
    assert {(plot.name, plot.kind) for plot in varied.plots} == {("train_score", "curve"), ("test_score", "curve")}
    assert last(permuted, "score") == score


@pytest.mark.usefixtures("autolog")
def test_predictions_out_of_folds_are_a_run_and_what_is_computed_of_them_belongs_to_it(
    wine: Any, recorded: Recorded
) -> None:
    from sklearn.metrics import accuracy_score

    X, y = wine
    predicted = cross_val_predict(DecisionTreeClassifier(max_depth=2), X, y, cv=4)
    score = accuracy_score(y, predicted)
    run = recorded()
    assert len(run.trials) == 4
    assert last(run, "cv_accuracy_score") == score


def test_an_estimator_of_the_script_itself_goes_to_other_processes_as_before(run_script: Any) -> None:
    printed = run_script("""
        import autotrack, numpy as np
        from sklearn.base import BaseEstimator, ClassifierMixin
        from sklearn.model_selection import GridSearchCV, cross_val_score
        autotrack.autolog(to="runs", experiment="tests", frameworks="sklearn")

        class Mine(ClassifierMixin, BaseEstimator):
            def __init__(self, label=0):
                self.label = label
            def fit(self, X, y):
                self.classes_ = np.unique(y)
                return self
            def predict(self, X):
                return np.full(len(X), self.label)

        if __name__ == "__main__":
            X, y = np.zeros((20, 1)), np.arange(20) % 4 // 3
            search = GridSearchCV(Mine(), {"label": [0, 1]}, cv=2, n_jobs=2).fit(X, y)
            print(search.best_params_["label"], cross_val_score(Mine(), X, y, cv=2, n_jobs=2).mean())
    """)
    assert printed == "0 0.75"
    searched, validated = all_runs()
    assert [trial.values["mean_test_score"] for trial in searched.trials] == [0.75, 0.25]
    assert len(validated.trials) == 2


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(depths=st.lists(st.integers(1, 9), min_size=1, max_size=6, unique=True), folds=st.integers(2, 4))
def test_as_many_trials_as_candidates_whatever_the_grid(depths: list[int], folds: int, wine: Any) -> None:
    autotrack.autolog(to="runs", experiment="tests", checkpoints=False)
    search = GridSearchCV(DecisionTreeClassifier(), {"max_depth": depths}, cv=folds).fit(*wine)
    assert_all_candidates(all_runs()[-1], search)


@pytest.mark.usefixtures("autolog")
def test_features_as_a_list_are_no_reason_to_lose_candidates(wine: Any, recorded: Recorded) -> None:
    X, y = wine
    search = GridSearchCV(DecisionTreeClassifier(), GRID, cv=2).fit(X.tolist(), np.asarray(y).tolist())
    assert_all_candidates(recorded(), search)
