"""The callback for `set_callbacks`, without autolog."""
# ruff: noqa: N806  features are called X in scikit-learn

import pickle
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import autotrack
from autotrack_sklearn import AutotrackCallback
from tests.autotrack_sklearn.conftest import all_runs, last

pytestmark = pytest.mark.skipif(
    not hasattr(LogisticRegression, "set_callbacks"), reason="this scikit-learn has no callbacks"
)

Recorded = Callable[[], autotrack.RecordedRun]
EXAMPLES = Path(__file__).parents[2] / "examples"


def callback(**options: Any) -> AutotrackCallback:
    return AutotrackCallback(to="runs", experiment="tests", **options)


def test_it_follows_the_protocol() -> None:
    from sklearn.callback import AutoPropagatedCallback, FitCallback

    assert isinstance(callback(), FitCallback)
    assert isinstance(callback(), AutoPropagatedCallback)


def test_a_fit_is_recorded_with_iterations_as_they_happen(wine: Any, recorded: Recorded) -> None:
    ours = callback(name="by hand", tags={"why": "test"})
    model = LogisticRegression(C=3).set_callbacks(ours).fit(*wine)
    run = recorded()
    assert ours.run is not None
    assert run.id == ours.run.id
    assert (run.name, run.tags["why"], run.params["C"], run.status) == ("by hand", "test", 3, "finished")
    points = run.history("iteration_seconds")
    assert [point.step for point in points] == list(range(model.n_iter_[0]))
    assert [point.time for point in points] == sorted(point.time for point in points)
    assert [data.rows for data in run.datasets] == [178]
    assert "_skl_callbacks" not in vars(joblib.load(run.folder / "model" / "model.joblib"))


def test_it_reaches_the_steps_of_a_pipeline(wine: Any, recorded: Recorded) -> None:
    make_pipeline(StandardScaler(), LogisticRegression()).set_callbacks(callback()).fit(*wine)
    assert {"iteration_seconds", "step_seconds/standardscaler", "step_seconds/final-estimator"} <= set(
        recorded().metrics
    )


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_the_candidates_of_a_search_are_recorded_in_any_process(
    backend: str, jobs: int, wine: Any, recorded: Recorded
) -> None:
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0, 10.0]}, cv=2, n_jobs=jobs)
    with joblib.parallel_backend(backend):
        search.set_callbacks(callback()).fit(*wine)
    run = recorded()
    assert [trial.params for trial in run.trials] == search.cv_results_["params"]
    assert all(trial.started < trial.ended for trial in run.trials)
    if backend == "loky" and jobs == 2:
        assert list((run.folder / "journal").glob("main-*.jsonl")), "the workers wrote to journals of their own"


def test_every_fit_is_a_run_of_its_own_and_copies_record_too(wine: Any) -> None:
    ours = callback()
    model = LogisticRegression().set_callbacks(ours)
    model.fit(*wine)
    model.fit(*wine)
    clone(model).fit(*wine)
    pickle.loads(pickle.dumps(model)).fit(*wine)
    assert [run.status for run in all_runs()] == ["finished"] * 4
    assert len({run.id for run in all_runs()}) == 4


def test_a_failing_fit_fails_the_run_and_raises_the_same(wine: Any, recorded: Recorded) -> None:
    with pytest.raises(ValueError, match="inconsistent"):
        make_pipeline(LogisticRegression()).set_callbacks(callback()).fit(wine[0], wine[1][:5])
    assert recorded().status == "failed"


def test_with_autolog_it_is_one_run_and_the_evaluation_belongs_to_it(wine: Any, recorded: Recorded) -> None:
    X_test, y_test = wine
    autotrack.autolog(to="elsewhere", experiment="tests")
    ours = callback(training_metrics=True)
    model = LogisticRegression().set_callbacks(ours).fit(*wine)
    score = model.score(X_test, y_test)
    run = recorded()
    assert last(run, "train_score") == score  # it is the very data of the fit
    assert last(run, "train_accuracy_score") == score
    assert not autotrack.runs("elsewhere")


def test_afterwards_scikit_learn_is_as_it_was(wine: Any) -> None:
    from sklearn.utils.parallel import _FuncWrapper

    before = _FuncWrapper.__call__
    model = LogisticRegression().set_callbacks(callback())
    held = model._skl_callbacks
    model.fit(*wine)
    assert model._skl_callbacks is held
    assert _FuncWrapper.__call__ is before


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sklearn_search.py", "sklearn_callback.py"])
def test_the_examples_run_as_they_stand(name: str) -> None:
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    runs = all_runs()
    assert [run.status for run in runs] == ["finished"] * len(runs)
    assert {len(run.trials) for run in runs} == ({8} if name == "sklearn_search.py" else {0, 4})
    assert all(any(metric.startswith("test_") for metric in run.metrics) for run in runs)


def test_they_are_short() -> None:
    for path in EXAMPLES.glob("sklearn_*.py"):
        assert len(path.read_text().splitlines()) <= 60
