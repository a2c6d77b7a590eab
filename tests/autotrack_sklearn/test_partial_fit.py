"""Calls of `partial_fit` on one estimator are one run, until it is fitted anew or the script ends."""
# ruff: noqa: N806  features are called X in scikit-learn

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import accuracy_score
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import StandardScaler

import autotrack
from tests.autotrack_sklearn.conftest import all_runs, last

Recorded = Callable[[], autotrack.RecordedRun]


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_as_many_points_as_calls_whatever_the_batches(sizes: list[int], wine: Any) -> None:
    autotrack.autolog(to="runs", experiment="tests")
    model = GaussianNB()
    for size in sizes:
        model.partial_fit(wine[0][:size], wine[1][:size], classes=[0, 1, 2])
    points = all_runs()[-1].history("samples_seen")
    assert [(point.step, point.value) for point in points] == list(enumerate(np.cumsum(sizes).tolist()))
    assert all_runs()[-1].status == "running"


@pytest.mark.usefixtures("autolog")
def test_scores_are_at_the_step_of_the_latest_call(wine: Any, recorded: Recorded) -> None:
    X_test, y_test = wine
    model = GaussianNB()
    for call in range(9):
        model.partial_fit(X_test, y_test, classes=[0, 1, 2])
        if call % 3 == 2:
            model.score(X_test, y_test)
            accuracy_score(y_test, model.predict(X_test))
    run = recorded()
    assert [point.step for point in run.history("samples_seen")] == list(range(9))
    for name in ("test_score", "test_accuracy_score"):
        assert [point.step for point in run.history(name)] == [2, 5, 8]


@pytest.mark.usefixtures("autolog")
def test_partial_fits_of_two_estimators_and_a_fit_in_between_are_three_runs(wine: Any) -> None:
    X, y = wine
    first_model, second_model = SGDClassifier(random_state=1), SGDClassifier(random_state=2)
    for _ in range(3):
        first_model.partial_fit(X, y, classes=[0, 1, 2])
        second_model.partial_fit(X, y, classes=[0, 1, 2])
    LogisticRegression().fit(X, y)
    first_model.score(X, y)
    assert autotrack.current_run() is None
    first, second, fitted = all_runs()
    assert [first.params["random_state"], second.params["random_state"]] == [1, 2]
    assert first.metrics["samples_seen"].count == second.metrics["samples_seen"].count == 3
    assert fitted.status == "finished"
    assert "score" in first.metrics or "train_score" in first.metrics


@pytest.mark.usefixtures("autolog")
def test_the_run_ends_when_the_estimator_is_fitted_anew_or_gone(wine: Any) -> None:
    model = GaussianNB().partial_fit(*wine, classes=[0, 1, 2])
    model.fit(*wine)
    assert [run.status for run in all_runs()] == ["finished", "finished"]
    model = GaussianNB().partial_fit(*wine, classes=[0, 1, 2])
    del model
    gc.collect()
    GaussianNB().fit(*wine)
    assert [run.status for run in all_runs()] == ["finished"] * 4


@pytest.mark.usefixtures("autolog")
def test_a_call_that_fails_ends_the_run_as_failed(wine: Any, recorded: Recorded) -> None:
    with pytest.raises(ValueError, match="classes must be passed"):
        GaussianNB().partial_fit(*wine)
    assert recorded().status == "failed"


@pytest.mark.usefixtures("autolog")
def test_in_a_run_that_the_user_started_the_calls_are_its_points(wine: Any, recorded: Recorded) -> None:
    with autotrack.start_run(to="runs", experiment="tests"):
        model = GaussianNB()
        for _ in range(2):
            model.partial_fit(*wine, classes=[0, 1, 2])
    assert last(recorded(), "samples_seen") == 356
    assert recorded().status == "finished"


@pytest.mark.usefixtures("autolog")
def test_preprocessing_in_batches_is_no_run_of_its_own(wine: Any) -> None:
    StandardScaler().partial_fit(wine[0])
    assert not all_runs()


def test_at_the_end_of_the_script_the_run_is_finished_and_the_model_as_it_was_last(run_script: Any) -> None:
    run_script("""
        import autotrack, numpy as np
        from sklearn.naive_bayes import GaussianNB
        autotrack.autolog(to="runs", experiment="tests", frameworks="sklearn")
        model = GaussianNB()
        for number in range(5):
            model.partial_fit(np.arange(8.0).reshape(4, 2) + number, [0, 1, 0, 1], classes=[0, 1])
    """)
    import joblib

    run = all_runs()[0]
    assert run.status == "finished"
    assert joblib.load(run.folder / "model" / "model.joblib").class_count_.sum() == 20
    assert [data.rows for data in run.datasets] == [4]
