"""The outermost fit is a run: of which estimators, with which params, and what of what is inside."""
# ruff: noqa: N803, N806  features are called X in scikit-learn

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import autotrack
from tests.autotrack_sklearn.conftest import all_runs, last

Recorded = Callable[[], autotrack.RecordedRun]


class Before(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """An estimator of the user's, defined before autolog is on."""

    def __init__(self, width: int = 3) -> None:
        self.width = width

    def fit(self, X: Any, y: Any) -> "Before":
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        return np.full(len(X), self.classes_[0])


@pytest.mark.usefixtures("autolog")
def test_a_fit_is_a_run_with_params_times_data_and_model(wine: Any, recorded: Recorded) -> None:
    X_train, y_train = wine
    LogisticRegression(C=10, max_iter=50).fit(X_train, y_train)
    run = recorded()
    assert run.status == "finished"
    assert run.tags["estimator"] == "sklearn.linear_model.LogisticRegression"
    assert (run.params["C"], run.params["max_iter"], run.params["class_weight"]) == (10, 50, None)
    assert run.params_by_source["LogisticRegression.changed"] == {"C": 10, "max_iter": 50}
    assert last(run, "n_iter") > 1
    assert run.metrics["fit_seconds"].last.stage == "train"
    assert [(data.role, data.name, data.rows, data.covered) for data in run.datasets] == [("train", "X_train", 178, 1)]
    assert {artifact.path for artifact in run.artifacts} >= {
        "model/model.joblib",
        "model/schema.json",
        "model/MLmodel",
    }
    assert run.frameworks["scikit-learn"]


def test_estimators_of_the_user_are_recorded_whenever_they_were_defined(wine: Any) -> None:
    autotrack.autolog(to="runs", experiment="tests")

    class After(Before):
        def fit(self, X: Any, y: Any, *, rate: float = 0.5) -> "After":
            super().fit(X, y)
            return self

    Before(width=4).fit(*wine)
    After().fit(*wine, rate=0.25)
    before, after = all_runs()
    assert before.params["width"] == 4
    assert after.params["fit.rate"] == 0.25
    assert after.tags["estimator"].endswith("After")


def test_no_module_of_scikit_learn_is_imported_that_the_user_did_not_import(run_script: Any) -> None:
    modules = "print(sorted(name for name in sys.modules if name.startswith('sklearn')))"
    script = """
        import sys
        {autolog}
        from sklearn.linear_model import LinearRegression
        LinearRegression().fit([[0.0], [1.0]], [0, 1])
        {modules}
    """
    with_autolog = "import autotrack; autotrack.autolog(frameworks='sklearn')"
    printed = [run_script(script.format(autolog=line, modules=modules)) for line in ("", with_autolog)]
    assert printed[0] == printed[1]
    assert autotrack.runs("runs")[0].params["fit_intercept"] is True


COMPOSED: dict[str, tuple[Callable[[], Any], bool]] = {
    "pipeline": (lambda: make_pipeline(StandardScaler(), LogisticRegression()), True),
    "columns": (
        lambda: make_pipeline(ColumnTransformer([("all", MinMaxScaler(), [0, 1])]), DecisionTreeClassifier()),
        True,
    ),
    "union": (lambda: make_pipeline(FeatureUnion([("a", StandardScaler())]), DecisionTreeClassifier()), True),
    "voting": (
        lambda: VotingClassifier([("a", DecisionTreeClassifier()), ("b", LogisticRegression())], n_jobs=2),
        True,
    ),
    "stacking": (lambda: StackingClassifier([("a", DecisionTreeClassifier())], LogisticRegression(), cv=2), True),
    "calibration": (lambda: CalibratedClassifierCV(DecisionTreeClassifier(), cv=2), True),
    "one against the rest": (lambda: OneVsRestClassifier(LogisticRegression()), True),
    "bagging": (lambda: BaggingClassifier(DecisionTreeClassifier(), n_estimators=3, n_jobs=2), True),
    "forest": (lambda: RandomForestClassifier(n_estimators=5, n_jobs=2), False),
    "target": (lambda: TransformedTargetRegressor(Ridge(), transformer=StandardScaler()), True),
    "several outputs": (lambda: MultiOutputRegressor(Ridge()), True),
}


@pytest.mark.usefixtures("autolog")
@pytest.mark.parametrize(
    ("name", "backend"), [(name, "threading") for name in COMPOSED] + [("voting", "loky"), ("bagging", "loky")]
)
def test_estimators_made_of_others_are_one_run(name: str, backend: str, wine: Any, recorded: Recorded) -> None:
    make, is_made_of_others = COMPOSED[name]
    estimator = make()
    X, y = wine
    with joblib.parallel_backend(backend):
        estimator.fit(X, np.column_stack([y, y]) if name == "several outputs" else y)
    run = recorded()
    assert run.status == "finished"
    assert ("artifacts/estimator.html" in {artifact.path for artifact in run.artifacts}) == is_made_of_others
    assert ("steps" in run.tables) == is_made_of_others


@pytest.mark.usefixtures("autolog")
def test_a_pipeline_names_its_steps_and_what_each_took(wine: Any, recorded: Recorded) -> None:
    Pipeline([("scale", StandardScaler()), ("classify", LogisticRegression(C=2.0))]).fit(*wine)
    run = recorded()
    assert run.params["steps"] == [
        ["scale", "sklearn.preprocessing._data.StandardScaler"],
        ["classify", "sklearn.linear_model._logistic.LogisticRegression"],
    ]
    assert run.params["classify__C"] == 2.0
    if hasattr(Pipeline, "set_callbacks"):
        assert {"step_seconds/scale", "step_seconds/final-estimator"} <= set(run.metrics)


@pytest.mark.usefixtures("autolog")
def test_a_failing_fit_is_a_failed_run_and_the_exception_is_the_users(recorded: Recorded) -> None:
    with pytest.raises(ValueError, match="inconsistent numbers of samples") as caught:
        LinearRegression().fit([[0.0], [1.0]], [0])
    assert caught.value.__context__ is None
    run = recorded()
    assert run.status == "failed"
    assert "inconsistent" in run.error


@pytest.mark.usefixtures("autolog")
def test_preprocessing_is_a_step_of_the_run_that_uses_what_it_made(wine: Any, recorded: Recorded) -> None:
    X, y = wine
    scaled = MinMaxScaler(clip=True).fit_transform(X)
    assert not all_runs()
    LogisticRegression().fit(StandardScaler(with_std=False).fit(scaled).transform(scaled), y)
    run = recorded()
    assert run.params_by_source["preprocessing"]["MinMaxScaler.clip"] is True
    assert run.params_by_source["preprocessing"]["StandardScaler.with_std"] is False


@pytest.mark.usefixtures("autolog")
def test_preprocessing_alone_is_recorded_when_it_is_asked_for(wine: Any, recorded: Recorded) -> None:
    from autotrack_sklearn import configure

    configure(preprocessing=True)
    StandardScaler().fit(wine[0])
    configure()
    StandardScaler().fit(wine[0])
    assert recorded().tags["estimator"] == "sklearn.preprocessing.StandardScaler"


@pytest.mark.usefixtures("autolog")
def test_fit_predict_and_fit_transform_are_fits(wine: Any) -> None:
    from sklearn.decomposition import PCA

    KMeans(3, n_init=1, random_state=0).fit_predict(wine[0])
    PCA(2).fit_transform(wine[0])
    first, second = all_runs()
    assert last(first, "inertia") > 0
    assert len(second.history("explained_variance_ratio")) == 2


@pytest.mark.usefixtures("autolog")
def test_the_loss_of_every_epoch_is_read_off_the_fitted_net(wine: Any, recorded: Recorded) -> None:
    model = MLPClassifier([4], max_iter=12, random_state=0).fit(*wine)
    points = recorded().history("loss")
    assert [(point.step, point.value) for point in points] == list(enumerate(model.loss_curve_))


@pytest.mark.usefixtures("autolog")
def test_a_run_that_the_user_started_takes_several_fits_and_keeps_all_of_each(wine: Any, recorded: Recorded) -> None:
    X, y = wine
    with autotrack.start_run("three", to="runs", experiment="tests"):
        for strength in (1.0, 5.0):
            model = LogisticRegression(C=strength).fit(X, y)
            model.score(X, y)
        DecisionTreeClassifier(max_depth=2).fit(X, y)
    run = recorded()
    assert run.params_by_source["LogisticRegression"]["C"] == 1.0
    assert run.params_by_source["LogisticRegression-2"]["C"] == 5.0
    assert run.params_by_source["DecisionTreeClassifier"]["max_depth"] == 2
    assert {"fit_seconds", "LogisticRegression-2/fit_seconds", "DecisionTreeClassifier/fit_seconds"} <= set(
        run.metrics
    )
    assert {"train_score", "LogisticRegression-2/train_score"} <= set(run.metrics)
    models = {artifact.path for artifact in run.artifacts if artifact.path.endswith(".joblib")}
    assert models == {"model/model.joblib", "model/LogisticRegression-2/model.joblib",
                      "model/DecisionTreeClassifier/model.joblib"}  # fmt: skip
    assert len([plot for plot in run.plots if plot.kind == "coefficients"]) == 2


@pytest.mark.usefixtures("autolog")
def test_training_metrics_are_computed_for_those_who_ask(wine: Any, numbers: Any) -> None:
    from autotrack_sklearn import configure

    configure(training_metrics=True)
    DecisionTreeClassifier().fit(*wine)
    LinearRegression().fit(*numbers)
    configure()
    DecisionTreeClassifier().fit(*wine)
    classified, regressed, without = all_runs()
    assert last(classified, "train_accuracy_score") == 1.0
    assert last(regressed, "train_r2_score") > 0.9
    assert not [name for name in without.metrics if name.startswith("train_")]


@pytest.mark.usefixtures("autolog")
def test_lists_sparse_matrices_frames_and_weights_are_described_as_they_are(wine: Any) -> None:
    import pandas as pd
    from scipy import sparse

    X, y = wine
    LogisticRegression().fit(X.tolist(), y.tolist())
    LogisticRegression().fit(sparse.csr_array(X), y, sample_weight=np.ones(len(y)))
    LogisticRegression().fit(pd.DataFrame(X, columns=[f"column {n}" for n in range(13)]), pd.Series(y))
    listed, sparsely, framed = (run.datasets for run in all_runs())
    assert listed[0].schema["x"].startswith("list")
    assert sparsely[0].schema["x"].startswith("csr of float64")
    assert [data.name for data in sparsely[1:]] == ["sample_weight"]
    assert framed[0].schema["x.column 3"] == "float64"


PARAMS = st.fixed_dictionaries(
    {
        "C": st.floats(1e-3, 1e3),
        "tol": st.floats(1e-6, 1e-1),
        "fit_intercept": st.booleans(),
        "max_iter": st.integers(1, 20),
        "class_weight": st.none() | st.just("balanced") | st.dictionaries(st.integers(0, 2), st.floats(0.5, 2)),
        "random_state": st.none() | st.integers(0, 2**32 - 1),
    }
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(params=PARAMS)
def test_recorded_params_are_those_of_get_params(params: dict[str, Any], wine: Any) -> None:
    autotrack.autolog(to="runs", experiment="tests", checkpoints=False)
    estimator = LogisticRegression(**params).fit(*wine)
    expected = estimator.get_params()
    weights = expected.pop("class_weight")
    run = all_runs()[-1]
    assert {name: run.params_by_source["LogisticRegression"][name] for name in expected} == expected
    if isinstance(weights, dict) and weights:
        recorded = run.params_by_source["LogisticRegression"]
        assert {int(name.removeprefix("class_weight.")): value for name, value in recorded.items()
                if name.startswith("class_weight.")} == weights  # fmt: skip


@pytest.mark.usefixtures("autolog")
def test_fits_in_threads_of_the_user_are_runs_of_their_own(wine: Any) -> None:
    with ThreadPoolExecutor(3) as threads:
        forests = [RandomForestClassifier(5, n_jobs=2, random_state=number) for number in range(6)]
        scores = list(threads.map(lambda forest: forest.fit(*wine).score(*wine), forests))
    runs = all_runs()
    assert {run.params["random_state"]: last(run, "train_score") for run in runs} == dict(enumerate(scores))
    assert all(run.status == "finished" for run in runs)


def test_without_autolog_nothing_is_recorded(wine: Any) -> None:
    autotrack.autolog(to="runs", experiment="tests")
    autotrack.autolog(disable=True)
    LogisticRegression().fit(*wine)
    assert not all_runs()


class Regressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A fit that says what autotrack's current run is, as code inside of a fit may ask."""

    def fit(self, X: Any, y: Any) -> "Regressor":
        current = autotrack.current_run()
        self.run_ = current.id if current is not None else None
        return self


@pytest.mark.usefixtures("autolog")
def test_code_inside_of_a_fit_may_add_to_its_run(numbers: Any, recorded: Recorded) -> None:
    assert Regressor().fit(*numbers).run_ == recorded().id
    assert autotrack.current_run() is None
