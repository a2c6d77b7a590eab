"""What a process knows of estimators and runs is in one object, which can be replaced."""
# ruff: noqa: N806  features are called X in scikit-learn

import gc
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import autotrack
from autotrack_sklearn import registry
from autotrack_sklearn.models import Models, RecordedModel, Result
from autotrack_sklearn.prepared_data import PreparedData
from autotrack_sklearn.recording import Options, Recording
from autotrack_sklearn.runs import MOST_OPEN_RUNS, Runs
from autotrack_sklearn.scope import INSIDE, Scope
from tests.autotrack_sklearn.conftest import all_runs


class Run:
    """Stands for a run, of which nothing but its identity matters."""


def a_run() -> autotrack.Run:
    return cast("autotrack.Run", Run())


def a_recording() -> Recording:
    return Recording(a_run(), None, Options(), label="Ridge", prefix="", owns_run=True)


@pytest.mark.usefixtures("autolog")
def test_another_registry_knows_nothing_of_what_was_fitted_before(wine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = wine
    model = LogisticRegression().fit(X, y)
    before = registry.current
    monkeypatch.setattr(registry, "current", registry.Registry())
    model.score(X, y)
    assert "train_score" not in all_runs()[0].metrics
    monkeypatch.setattr(registry, "current", before)
    model.score(X, y)
    assert "train_score" in all_runs()[0].metrics


def test_a_model_and_its_results_are_known_for_as_long_as_they_live() -> None:
    models, estimator, features = Models(), LogisticRegression(), np.ones(4)
    model = RecordedModel(a_run(), "")
    models.add(estimator, model)
    prediction = np.arange(4)
    models.add_result(prediction, Result(model, "predict"))
    models.add_result(features[:2], Result(model, "transform", features=None))
    assert models.model_of(estimator) is model
    assert models.model_of(LogisticRegression()) is None
    assert models.result_of(prediction[::2]) == Result(model, "predict")
    del prediction, features
    gc.collect()
    assert not models.has_results()


def test_what_a_model_passes_through_is_no_result() -> None:
    import weakref

    models, features = Models(), np.ones(4)
    result = Result(RecordedModel(a_run(), ""), "transform", features=weakref.ref(features))
    models.add_result(features, result)
    models.add_result(features[1:], result)
    assert models.results() == []


def test_data_has_the_steps_of_the_data_that_it_was_made_from() -> None:
    prepared, raw, scaled, selected = PreparedData(), np.ones(4), np.zeros(4), np.zeros(2)
    prepared.add(scaled, source=raw, step=("Scaler", {"a": 1}))
    prepared.add(selected, source=scaled, step=("Selector", {}))
    prepared.add(raw, source=raw, step=("Nothing", {}))
    assert prepared.steps_of(selected[:1]) == (("Scaler", {"a": 1}), ("Selector", {}))
    assert prepared.steps_of(raw) == ()


def test_fits_in_a_run_have_labels_of_their_own() -> None:
    runs, run = Runs(), a_run()
    labels = [runs.label_fit(run, name) for name in ("Ridge", "Ridge", "Lasso", "Ridge")]
    assert labels == [("Ridge", ""), ("Ridge-2", "Ridge-2/"), ("Lasso", "Lasso/"), ("Ridge-3", "Ridge-3/")]
    assert runs.label_fit(a_run(), "Ridge") == ("Ridge", "")


def test_steps_trials_and_data_of_a_run_are_counted() -> None:
    runs, run = Runs(), a_run()
    assert [runs.next_step(run, name) for name in ("score", "score", "f1")] == [0, 1, 0]
    assert [runs.add_dataset(run, "test", name) for name in (None, "holdout", None)] == [True, True, False]
    runs.set_trials(run, 5)
    assert (runs.first_trial(run), runs.first_trial(a_run())) == (5, 0)


def test_the_run_that_was_evaluated_longest_ago_is_the_one_to_close() -> None:
    runs = Runs()
    evaluated = [a_run() for _ in range(MOST_OPEN_RUNS)]
    assert [runs.add_evaluated(run) for run in evaluated] == [None] * MOST_OPEN_RUNS
    assert runs.add_evaluated(evaluated[0]) is None
    assert runs.add_evaluated(a_run()) is evaluated[1]


def test_what_is_under_way_is_left_in_the_order_in_which_it_was_entered() -> None:
    scope, outer = Scope(), a_recording()
    with scope.enter(outer):
        assert scope.here.get() is outer
        with scope.enter():
            assert scope.here.get() is INSIDE
        assert scope.here.get() is outer
    assert scope.here.get() is None
    assert scope.of_task() is None


def test_a_task_in_another_thread_belongs_to_the_only_recording() -> None:
    scope = Scope()

    def of_task_elsewhere() -> object:
        with ThreadPoolExecutor(1) as threads:
            return threads.submit(scope.of_task).result()

    first, second = a_recording(), a_recording()
    entered = scope.enter(first)
    assert of_task_elsewhere() is first
    with scope.enter(second):
        assert of_task_elsewhere() is INSIDE  # one of the two, and nobody knows which
    entered.leave()
    assert of_task_elsewhere() is None


@pytest.mark.usefixtures("autolog")
def test_a_registry_of_its_own_sees_a_whole_evaluation(wine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "current", registry.Registry())
    X, y = wine
    scaled = MinMaxScaler().fit_transform(StandardScaler().fit_transform(X))
    model = LogisticRegression().fit(scaled, y)
    accuracy_score(y, model.predict(scaled))
    assert [name for name, _ in registry.current.prepared_data.steps_of(scaled)] == ["StandardScaler", "MinMaxScaler"]
    recorded = registry.current.models.model_of(model)
    assert recorded is not None
    assert registry.current.runs.next_step(recorded.run, "train_accuracy_score") == 1
