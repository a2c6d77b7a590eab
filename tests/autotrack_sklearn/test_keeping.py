"""The fitted model is kept, within a budget, with what goes in and what comes out."""
# ruff: noqa: N803, N806  features are called X in scikit-learn

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import autotrack
from autotrack_sklearn import conclusion, keeping
from tests.autotrack_sklearn.conftest import all_runs

Recorded = Callable[[], autotrack.RecordedRun]


@pytest.mark.usefixtures("autolog")
def test_a_kept_model_predicts_the_same(wine: Any, recorded: Recorded) -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(*wine)
    kept = joblib.load(recorded().folder / "model" / "model.joblib")
    assert (kept.predict_proba(wine[0]) == model.predict_proba(wine[0])).all()
    assert "_skl_callbacks" not in vars(kept)


@pytest.mark.usefixtures("autolog")
def test_of_a_search_the_refitted_model_is_kept(wine: Any) -> None:
    search = GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 3]}, cv=2).fit(*wine)
    GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 3]}, cv=2, refit=False).fit(*wine)
    refitted, not_refitted = all_runs()
    assert joblib.load(refitted.folder / "model" / "model.joblib").max_depth == search.best_params_["max_depth"]
    assert "model" not in {artifact.kind for artifact in not_refitted.artifacts}


@pytest.mark.usefixtures("autolog")
def test_the_schema_has_columns_with_types_and_the_classes(wine: Any) -> None:
    import pandas as pd

    X = pd.DataFrame({"weight": wine[0][:, 0], "count": np.arange(178)})
    LogisticRegression().fit(X, np.where(wine[1] == 1, "yes", "no"))
    LogisticRegression().fit(*wine)
    framed, plain = (json.loads((run.folder / "model" / "schema.json").read_text()) for run in all_runs())
    assert framed["input"] == {"kind": "pandas.DataFrame", "columns": {"weight": "float64", "count": "int64"}}
    assert framed["output"]["dtype"] in ("<U3", "<U2")
    assert framed["classes"] == ["no", "yes"]
    assert plain["input"] == {"kind": "numpy.ndarray", "shape": [None, 13], "dtype": "float64"}


@pytest.mark.parametrize(
    ("name", "value", "reason"), [("MOST_BYTES", 1000, "larger than"), ("LEAST_SECONDS", -1.0, "takes longer")]
)
@pytest.mark.usefixtures("autolog")
def test_a_model_over_the_budget_leaves_a_notice_and_no_file(
    name: str, value: Any, reason: str, wine: Any, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, name, value)
    if name == "LEAST_SECONDS":
        monkeypatch.setattr(keeping, "perf_counter", iter(range(10_000)).__next__)
    KNeighborsClassifier().fit(*wine)
    run = recorded()
    assert any(reason in notice.message for notice in run.notices)
    assert not (run.folder / "model" / "model.joblib").exists()
    assert (run.folder / "model" / "schema.json").exists()


@pytest.mark.usefixtures("autolog")
def test_a_model_that_cannot_be_pickled_leaves_a_notice(wine: Any, recorded: Recorded) -> None:
    lock = threading.Lock()
    make_pipeline(FunctionTransformer(lambda X: X if lock else None), DecisionTreeClassifier()).fit(*wine)
    run = recorded()
    assert run.status == "finished"
    assert [notice.about for notice in run.notices] == ["model"]


def test_functions_of_the_script_are_kept_with_the_model(wine: Any, recorded: Recorded) -> None:
    autotrack.autolog(to="runs", experiment="tests")
    model = make_pipeline(FunctionTransformer(lambda X: X[:, :2]), DecisionTreeClassifier(random_state=0)).fit(*wine)
    assert (recorded().load_model(trusted=True).predict(wine[0]) == model.predict(wine[0])).all()


def test_no_model_is_kept_when_checkpoints_are_off(wine: Any, recorded: Recorded) -> None:
    autotrack.autolog(to="runs", experiment="tests", checkpoints=False)
    DecisionTreeClassifier().fit(*wine)
    assert not recorded().artifacts
    assert not (recorded().folder / "model").exists()


@pytest.mark.slow
def test_where_the_user_has_imported_skops_a_file_of_it_lies_beside_the_one_that_every_mlflow_reads(
    tmp_path: Path,
) -> None:
    pytest.importorskip("skops")
    script = """
import autotrack, joblib, numpy as np, skops.io
from pathlib import Path
from sklearn.linear_model import LogisticRegression
autotrack.autolog(to="runs", experiment="tests", frameworks="sklearn")
model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
folder = next(Path("runs").glob("*/*/model"))
assert (skops.io.load(folder / "model.skops").coef_ == model.coef_).all()
assert (joblib.load(folder / "model.joblib").coef_ == model.coef_).all()
(run,) = autotrack.runs("runs")
assert run.summary.models[0].flavors["sklearn"]["pickled_model"] == "model.joblib"
"""
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, timeout=300)


@pytest.mark.slow
def test_what_skops_does_not_know_is_pickled_only(tmp_path: Path) -> None:
    pytest.importorskip("skops")
    script = """
import autotrack, numpy as np, skops.io
from pathlib import Path
from sklearn.linear_model import LogisticRegression
class Mine(LogisticRegression):
    pass
autotrack.autolog(to="runs", experiment="tests", frameworks="sklearn")
Mine().fit([[0.0], [1.0]], [0, 1])
assert [path.name for path in Path("runs").glob("*/*/model/model.*")] == ["model.joblib"]
"""
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, timeout=300)


@pytest.mark.usefixtures("autolog")
def test_the_diagram_of_a_composition_is_kept_and_the_users_own_are_numbered_as_before(
    wine: Any, recorded: Recorded
) -> None:
    from sklearn.utils import estimator_html_repr

    model = make_pipeline(StandardScaler(), LogisticRegression())
    before = estimator_html_repr(model)
    model.fit(*wine)
    numbers = [text.split("sk-container-id-")[1].split('"')[0] for text in (before, estimator_html_repr(model))]
    assert int(numbers[1].split(" ")[0]) == int(numbers[0].split(" ")[0]) + 1
    assert "LogisticRegression" in (recorded().folder / "artifacts" / "estimator.html").read_text()


@pytest.mark.usefixtures("autolog")
def test_many_quick_fits_of_a_class_have_no_diagram_after_the_first_ones(
    wine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conclusion, "_SLOW_SECONDS", 60.0)  # on a busy machine, no fit is quick
    for _ in range(5):
        make_pipeline(StandardScaler(), DecisionTreeClassifier()).fit(*wine)
    diagrams = [(run.folder / "artifacts" / "estimator.html").exists() for run in all_runs()]
    assert diagrams == [True] * 3 + [False] * 2
