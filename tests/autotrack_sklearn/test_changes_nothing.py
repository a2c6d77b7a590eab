"""A script behaves the same with autotrack as without: results, random states, and everything that estimators tell."""
# ruff: noqa: N803  features are called X in scikit-learn

import copy
import inspect
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.metrics
import sklearn.model_selection
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import autotrack
from autotrack.testing import check_integration
from autotrack.training.values import as_plain
from autotrack_sklearn.integration import SklearnIntegration
from tests.autotrack_sklearn import own_tests
from tests.autotrack_sklearn.comparing import classes, differences, fit, fitting_data, instance
from tests.autotrack_sklearn.conftest import all_runs

METHODS = "fit fit_transform fit_predict partial_fit predict predict_proba decision_function transform score".split()
SAMPLE = ("LogisticRegression", "RandomForestClassifier", "MLPRegressor", "GridSearchCV", "StackingClassifier",
          "KMeans", "TSNE", "CountVectorizer", "Pipeline", "SGDClassifier", "IsotonicRegression", "ColumnTransformer",
          "HistGradientBoostingRegressor", "OneVsRestClassifier", "SelectKBest", "LabelEncoder")  # fmt: skip
ROOT = Path(__file__).parents[2]


def facts_of(kind: type) -> dict[str, Any]:
    """What can be asked of a class and of an instance that is not fitted."""
    made = instance(kind)
    return {
        name: (
            hasattr(kind, name),
            hasattr(made, name),
            str(inspect.signature(getattr(kind, name))) if callable(getattr(kind, name, None)) else None,
            getattr(getattr(kind, name, None), "__doc__", None),
            getattr(getattr(kind, name, None), "__qualname__", None),
        )
        for name in METHODS
    }


def assert_untouched(name: str, kind: type) -> None:
    """Fit with autolog and without it, and compare everything that a user can see."""
    data = fitting_data(kind)
    if data is None:
        pytest.skip(f"{name} cannot be fitted on small data")
    before, plain = facts_of(kind), instance(kind)
    chance = fit(plain, data)
    again = instance(kind)
    repeatable = fit(again, data) == chance and not list(differences(vars(plain), vars(again)))
    autotrack.autolog(to="runs", experiment="tests", checkpoints=False)
    tracked, runs = instance(kind), len(all_runs())
    assert fit(tracked, data) == chance
    assert list(vars(tracked)) == list(vars(plain))
    if repeatable:
        assert not list(differences(vars(plain), vars(tracked)))
    assert facts_of(kind) == before
    assert repr(clone(tracked).get_params()) == repr(clone(plain).get_params())
    for copied in (copy.deepcopy(tracked), pickle.loads(pickle.dumps(tracked))):
        assert not list(differences(vars(copied), vars(tracked)))
    for run in all_runs()[runs:]:
        plainly = {key: value for key, value in tracked.get_params().items() if isinstance(value, (str, int, float))}
        recorded = run.params_by_source[type(tracked).__name__]
        assert {key: recorded[key] for key in plainly} == {key: as_plain(value) for key, value in plainly.items()}
        assert not run.notices
    autotrack.autolog(disable=True)


@pytest.mark.parametrize("name", SAMPLE)
def test_fitted_estimators_are_equal_bit_by_bit(name: str) -> None:
    assert_untouched(name, classes()[name])


@pytest.mark.slow
@pytest.mark.parametrize("letters", ["AB", "CDE", "FGHIJK", "L", "M", "NOPQ", "R", "S", "TUVWXYZ"])
def test_every_estimator_of_scikit_learn_is_equal_bit_by_bit(letters: str) -> None:
    refused = []
    for name, kind in classes().items():
        if name[0] in letters:
            try:
                assert_untouched(name, kind)
            except pytest.skip.Exception:
                refused.append(name)
    assert len(refused) <= 3, refused


def test_the_conformance_check_passes() -> None:
    check_integration(SklearnIntegration())


def test_switching_off_restores_every_function_and_method() -> None:
    def state() -> dict[str, Any]:
        attributes: dict[str, Any] = {}
        for name, kind in classes().items():
            for owner in kind.__mro__:
                for key, value in vars(owner).items():
                    if key in METHODS or key == "__init_subclass__":
                        attributes[f"{name} {owner.__qualname__}.{key}"] = value
                    if hasattr(value, "fn"):
                        attributes[f"{name} {owner.__qualname__}.{key} inside"] = value.fn
        for module in (sklearn.metrics, sklearn.model_selection):
            for key, value in vars(module).items():
                cells = getattr(value, "__closure__", None) or ()
                attributes[f"{module.__name__}.{key}"] = [value, *(cell.cell_contents for cell in cells)]
        return attributes

    before = state()
    autotrack.autolog(to="runs", experiment="tests")
    during = state()
    autotrack.autolog(disable=True)
    assert state() == before
    assert sum(during[key] is not value and during[key] != value for key, value in before.items()) > 500


@pytest.mark.usefixtures("autolog")
def test_methods_that_are_there_only_sometimes_stay_so() -> None:
    assert hasattr(SVC(probability=True), "predict_proba") or not hasattr(SVC(), "predict_proba")
    search = GridSearchCV(make_pipeline(StandardScaler(), SVC()), {})
    assert hasattr(search, "decision_function")
    assert not hasattr(search, "transform")
    with pytest.raises(AttributeError, match="has no attribute 'transform'"):
        search.transform([[0.0]])


@pytest.mark.usefixtures("autolog")
def test_classes_with_an_init_subclass_of_their_own_work_as_before() -> None:
    registered = {}

    class Base(TransformerMixin, BaseEstimator):  # type: ignore[misc]
        def __init_subclass__(cls, *, key: str, **options: Any) -> None:
            super().__init_subclass__(**options)
            registered[key] = cls

    class Child(Base, key="child", auto_wrap_output_keys=("transform",)):
        def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "Child":
            return self

        def transform(self, X: Any) -> Any:
            return X

        def get_feature_names_out(self, names: Any = None) -> list[str]:
            return ["one", "two"]

    assert registered == {"child": Child}
    child = Child().set_output(transform="pandas")
    assert list(child.fit_transform(np.zeros((2, 2))).columns) == ["one", "two"]
    assert "set_fit_request" in dir(Child)


@pytest.mark.usefixtures("autolog")
def test_callbacks_of_the_user_stay_where_and_what_they_were(wine: Any) -> None:
    if not hasattr(LogisticRegression, "set_callbacks"):
        pytest.skip("this scikit-learn has no callbacks")

    class Theirs:
        called = 0

        def setup(self, estimator: Any, context: Any) -> None: ...
        def teardown(self, estimator: Any, context: Any) -> None: ...
        def on_fit_task_begin(self, estimator: Any, context: Any) -> None: ...
        def on_fit_task_end(self, estimator: Any, context: Any) -> None:
            self.called += 1

    theirs = Theirs()
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).set_callbacks(theirs)
    held = pipeline._skl_callbacks
    pipeline.fit(*wine)
    assert pipeline._skl_callbacks is held
    assert held == [theirs]
    assert theirs.called == 3
    without = make_pipeline(StandardScaler(), LogisticRegression()).fit(*wine)
    assert "_skl_callbacks" not in vars(without)


def test_a_failure_of_ours_is_not_felt(wine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from autotrack.errors import AutotrackWarning
    from autotrack_sklearn import params, search

    def fails(*_: Any) -> None:
        raise ZeroDivisionError("planted")

    expected = GridSearchCV(LogisticRegression(), {"C": [1, 2]}, cv=2).fit(*wine).predict(wine[0])
    autotrack.autolog(to="runs", experiment="tests")
    monkeypatch.setattr(params, "changed_params", fails)
    monkeypatch.setattr(search, "record", fails)
    with pytest.warns(AutotrackWarning, match="planted"):
        model = GridSearchCV(LogisticRegression(), {"C": [1, 2]}, cv=2).fit(*wine)
    assert (model.predict(wine[0]) == expected).all()
    LogisticRegression().fit(*wine)
    assert [run.status for run in all_runs()] == ["finished", "finished"]
    assert {notice.about for notice in all_runs()[0].notices} == {"sklearn params", "sklearn search"}


_MEMORY = """
    import resource, sys
    import numpy as np
    from scipy import sparse
    from sklearn.linear_model import SGDClassifier

    if sys.argv[1] == "with":
        import autotrack
        autotrack.autolog(to="runs", experiment="memory", frameworks="sklearn")
    rows, columns, in_a_row = 5_000, 25_000, 20  # dense, this would be 1 GB
    dice = np.random.default_rng(0)
    indices = dice.integers(0, columns, rows * in_a_row).astype(np.int32)
    starts = np.arange(0, rows * in_a_row + 1, in_a_row, dtype=np.int32)
    X = sparse.csr_array((dice.random(rows * in_a_row), indices, starts), shape=(rows, columns))
    y = np.arange(rows) % 2
    model = SGDClassifier(max_iter=3, tol=None, random_state=0).fit(X, y)
    model.score(X, y)
    model.predict(X)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_a_sparse_matrix_stays_sparse_and_takes_no_memory_to_speak_of(run_script: Any) -> None:
    without, tracked = (int(run_script(_MEMORY, how)) for how in ("without", "with"))
    assert tracked - without < 50
    run = autotrack.runs("runs")[0]
    assert run.datasets[0].schema["x"].startswith("csr of float64")
    assert "train_score" in run.metrics


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "chosen"),
    [
        ("sklearn.tests.test_base", ""),
        ("sklearn.model_selection.tests.test_search", "callback or random_search"),
    ],
)
def test_a_sample_of_scikit_learns_own_tests_passes(module: str, chosen: str, tmp_path: Path) -> None:
    tracked = own_tests.outcomes(module, tmp_path, autolog=True, arguments=["-k", chosen] if chosen else [])
    assert sum(state == "passed" for state in tracked.values()) > 20
    assert not own_tests.broken(module, tmp_path, tracked)  # some may fail without autolog as well


def test_autolog_is_on_from_the_start_in_scikit_learns_own_tests(tmp_path: Path) -> None:
    test = tmp_path / "test_one.py"
    test.write_text("def test_one():\n    import sklearn.dummy as d\n    d.DummyClassifier().fit([[1]], [1])\n")
    environment = {**own_tests.environment(tmp_path), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.autotrack_sklearn.autolog_plugin", str(test)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert re.search(r"1 passed", done.stdout)
    assert len(autotrack.runs(tmp_path / "runs")) == 1
