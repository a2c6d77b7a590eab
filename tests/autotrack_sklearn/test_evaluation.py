"""What is computed from predictions of a recorded model belongs to its run, and nothing is computed for it."""
# ruff: noqa: N803, N806  features are called X in scikit-learn

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.calibration import calibration_curve
from sklearn.cluster import KMeans
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import f1_score as score_imported_before
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeClassifier

import autotrack
from autotrack_sklearn import registry
from autotrack_sklearn.calls import Calls, plain_name, role_of
from tests.autotrack_sklearn.conftest import all_runs, last

Recorded = Callable[[], autotrack.RecordedRun]


def halves(wine: Any) -> Any:
    return train_test_split(*wine, random_state=0, test_size=0.5)


@pytest.mark.usefixtures("autolog")
def test_scores_are_named_by_the_data_that_they_are_of(wine: Any, recorded: Recorded) -> None:
    X_train, X_test, y_train, y_test = halves(wine)
    model = LogisticRegression().fit(X_train, y_train)
    expected = {
        "train_score": model.score(X_train, y_train),
        "test_score": model.score(X_test, y_test),
        "holdout_score": _score_of_holdout(model, X_test, y_test),
    }
    run = recorded()
    assert {name: last(run, name) for name in expected} == expected
    stages = {name: run.metrics[name].last.stage for name in expected}
    assert stages == {"train_score": "train", "test_score": "test", "holdout_score": "test"}
    assert [(data.role, data.name, data.rows) for data in run.datasets[1:]] == [
        ("test", None, 89),
        ("test", "holdout", 89),
    ]


def _score_of_holdout(model: Any, X_holdout: Any, y_holdout: Any) -> float:
    return float(model.score(X_holdout, y_holdout))


@pytest.mark.usefixtures("autolog")
def test_metrics_are_recorded_whichever_way_their_function_was_imported(wine: Any, recorded: Recorded) -> None:
    from sklearn.metrics import f1_score as score_imported_after
    from sklearn.metrics._classification import f1_score as score_from_within

    X_train, X_test, y_train, y_test = halves(wine)
    model = DecisionTreeClassifier(max_depth=2, random_state=0).fit(X_train, y_train)
    predicted = model.predict(X_test)
    ways = [score_imported_before, score_imported_after, score_from_within, metrics.f1_score]
    scores = [way(y_test, predicted, average="macro") for way in ways]
    scores.append(metrics.get_scorer("f1_macro")(model, X_test, y_test))
    points = recorded().history("test_f1_score_macro")
    assert [point.value for point in points] == scores
    assert [point.step for point in points] == [0, 1, 2, 3, 4]
    assert score_imported_before is metrics.f1_score


@pytest.mark.usefixtures("autolog")
def test_what_was_derived_from_a_prediction_is_known(wine: Any, recorded: Recorded) -> None:
    X_train, X_val, y_train, y_val = halves((wine[0], (wine[1] == 1).astype(int)))
    model = LogisticRegression().fit(X_train, y_train)
    chances, labels = model.predict_proba(X_val), model.predict(X_val)
    expected = [
        metrics.roc_auc_score(y_val, chances[:, 1]),
        metrics.roc_auc_score(y_val, model.decision_function(X_val)),
    ]
    derived = [labels.tolist(), labels.astype(float), labels.copy(), chances.argmax(axis=1), chances[:, 1] > 0.25,
               labels[::-1][::-1]]  # fmt: skip
    accuracies = [metrics.accuracy_score(y_val, labels) for labels in derived]
    run = recorded()
    assert [point.value for point in run.history("val_roc_auc_score")] == expected
    assert [point.value for point in run.history("val_accuracy_score")] == accuracies
    assert run.metrics["val_accuracy_score"].last.stage == "validate"


@pytest.mark.usefixtures("autolog")
def test_metrics_go_to_the_run_of_the_model_that_predicted(wine: Any) -> None:
    X_train, X_test, y_train, y_test = halves(wine)
    shallow = DecisionTreeClassifier(max_depth=1).fit(X_train, y_train)
    deep = DecisionTreeClassifier(max_depth=5).fit(X_train, y_train)
    of_shallow, of_deep = shallow.predict(X_test), deep.predict(X_test)
    expected = [metrics.accuracy_score(y_test, of_shallow), metrics.accuracy_score(y_test, of_deep)]
    metrics.accuracy_score(y_test, np.roll(of_deep, 1))  # no model predicted this
    assert [last(run, "test_accuracy_score") for run in all_runs()] == expected
    assert all(run.metrics["test_accuracy_score"].count == 1 for run in all_runs())


@pytest.mark.usefixtures("autolog")
def test_values_that_two_models_predicted_are_put_down_to_neither(wine: Any) -> None:
    X, y = wine
    first, second = (DecisionTreeClassifier(random_state=0).fit(X, y).predict(X) for _ in range(2))
    metrics.accuracy_score(y, first.tolist())
    assert not any("accuracy_score" in name for run in all_runs() for name in run.metrics)
    assert (first == second).all()


@pytest.mark.usefixtures("autolog")
def test_nothing_is_predicted_or_scored_that_the_user_does_not_ask_for(wine: Any) -> None:
    asked: list[str] = []

    class Counting(DecisionTreeClassifier):  # type: ignore[misc]
        def predict(self, X: Any, check_input: bool = True) -> Any:
            asked.append("predict")
            return super().predict(X)

        def predict_proba(self, X: Any, check_input: bool = True) -> Any:
            asked.append("predict_proba")
            return super().predict_proba(X)

        def score(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
            asked.append("score")
            return super().score(X, y)

    model = Counting().fit(*wine)
    assert asked == []
    model.predict(wine[0])
    model.score(*wine)
    assert asked == ["predict", "score", "predict"]


@pytest.mark.usefixtures("autolog")
def test_plots_hold_what_the_user_had_computed(wine: Any, recorded: Recorded) -> None:
    X_train, X_test, y_train, y_test = halves((wine[0], (wine[1] == 1).astype(int)))
    model = LogisticRegression().fit(X_train, y_train)
    chances = model.predict_proba(X_test)[:, 1]
    matrix = metrics.confusion_matrix(y_test, model.predict(X_test))
    false_rate, true_rate, _ = metrics.roc_curve(y_test, chances)
    area = metrics.auc(false_rate, true_rate)
    metrics.precision_recall_curve(y_test, chances)
    calibration_curve(y_test, chances, n_bins=4)
    report = metrics.classification_report(y_test, model.predict(X_test))
    run = recorded()
    plots = {plot.kind: plot for plot in run.plots}
    assert plots["confusion_matrix"].data == {"labels": [0, 1], "matrix": matrix.tolist()}
    assert plots["roc"].data["false_positive_rate"] == false_rate.tolist()
    assert plots["roc"].data["auc"] == pytest.approx(metrics.roc_auc_score(y_test, chances))
    assert last(run, "test_auc") == area
    assert len(plots["precision_recall"].data["recall"]) == len(plots["precision_recall"].data["precision"])
    assert len(plots["calibration"].data["predicted"]) == len(plots["calibration"].data["observed"])
    assert plots["coefficients"].data == {"names": [f"x{n}" for n in range(13)], "values": model.coef_.tolist()}
    assert report in run.texts["test_classification_report"]


@pytest.mark.usefixtures("autolog")
def test_residuals_come_from_the_errors_that_were_computed(numbers: Any, recorded: Recorded) -> None:
    X, y = numbers
    model = LinearRegression().fit(X, y)
    predicted = model.predict(X)
    error = metrics.mean_squared_error(y, predicted)
    run = recorded()
    residuals = next(plot for plot in run.plots if plot.kind == "residuals")
    assert residuals.data == {"predicted": predicted.tolist(), "residual": (y - predicted).tolist()}
    assert last(run, "train_mean_squared_error") == error


@pytest.mark.usefixtures("autolog")
def test_importances_have_the_names_of_the_columns(wine: Any, recorded: Recorded) -> None:
    import pandas as pd

    X, y = pd.DataFrame(wine[0], columns=[f"column {n}" for n in range(13)]), wine[1]
    model = DecisionTreeClassifier(random_state=0).fit(X, y)
    importances = permutation_importance(model, X, y, n_repeats=2, random_state=0)
    plots = {plot.name: plot.data for plot in recorded().plots}
    assert plots["permutation_importance"]["names"] == list(X.columns)
    assert plots["permutation_importance"]["values"] == importances.importances_mean.tolist()


@pytest.mark.usefixtures("autolog")
def test_reports_and_scores_by_class_are_kept_number_by_number(wine: Any, recorded: Recorded) -> None:
    X_train, X_test, y_train, y_test = halves(wine)
    model = DecisionTreeClassifier(max_depth=1, random_state=0).fit(X_train, y_train)
    predicted = model.predict(X_test)
    recalls = metrics.recall_score(y_test, predicted, average=None)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(y_test, predicted, average="macro")
    report = metrics.classification_report(y_test, predicted, output_dict=True)
    run = recorded()
    assert [last(run, f"test_recall_score/{label}") for label in range(3)] == recalls.tolist()
    assert (last(run, "test_precision_macro"), last(run, "test_recall_macro")) == (precision, recall)
    assert last(run, "test_macro avg/f1-score") == report["macro avg"]["f1-score"] == f1


@pytest.mark.usefixtures("autolog")
def test_the_labels_of_a_clustering_are_its_result(wine: Any, recorded: Recorded) -> None:
    X, y = wine
    model = KMeans(3, n_init=1, random_state=0).fit(X)
    scores = metrics.adjusted_rand_score(y, model.labels_), metrics.silhouette_score(X, model.labels_)
    run = recorded()
    assert (last(run, "train_adjusted_rand_score"), last(run, "train_silhouette_score")) == scores


@pytest.mark.usefixtures("autolog")
def test_an_evaluation_that_fails_leaves_nothing_and_raises_what_it_raised(wine: Any, recorded: Recorded) -> None:
    model = LogisticRegression().fit(*wine)
    with pytest.raises(ValueError, match="inconsistent") as caught:
        metrics.accuracy_score(wine[1][:3], model.predict(wine[0]))
    assert caught.value.__context__ is None
    with pytest.raises(ValueError):
        model.score(wine[0][:, :3], wine[1])
    assert not [name for name in recorded().metrics if "score" in name]


def test_roles_are_told_by_names() -> None:
    names = ["X_test", "Xtest", "testX", "test", "y_val", "validation_set", "x_dev", "contest", "Xs", "trainX", None]
    roles = ["test", None, "test", "test", "validate", "validate", "validate", None, None, "train", None]
    assert [role_of(name) for name in names] == roles
    assert [plain_name(name) for name in ("X", "X_2024", "frame['a']", "Xholdout")] == [
        None, "2024", "frame_a", "Xholdout"]  # fmt: skip


@settings(max_examples=40)
@given(
    positional=st.lists(st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True), max_size=3),
    keyword=st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True),
    lines=st.integers(0, 3),
)
def test_arguments_are_read_off_the_source_of_any_call(positional: list[str], keyword: str, lines: int) -> None:
    import keyword as words
    import linecache

    if any(words.iskeyword(name) for name in [*positional, keyword]):
        return
    text = ", ".join([*positional, f"data={keyword}"])
    source = "\n" * lines + f"result = call(\n    {text}\n)\n"
    linecache.cache["<call>"] = (len(source), None, source.splitlines(keepends=True), "<call>")
    scope: dict[str, Any] = dict.fromkeys([*positional, keyword], 0) | {"__name__": "user"}
    inside = {"__name__": "sklearn.some.module", "calls": Calls()}
    exec("def call(*args, **kwargs): return calls.innermost()", inside)
    exec(compile(source, "<call>", "exec"), scope | {"call": inside["call"]}, scope)
    assert [scope["result"].source(number) for number in range(len(positional))] == positional
    assert scope["result"].source(9, "data") == keyword


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**16), view=st.sampled_from(["itself", "half", "reversed", "column", "reshaped"]))
def test_any_view_of_a_prediction_leads_to_its_model(seed: int, view: str, wine: Any) -> None:
    autotrack.autolog(to="runs", experiment="tests", checkpoints=False)
    model = DecisionTreeClassifier(max_depth=3, random_state=seed).fit(*wine)
    chances = model.predict_proba(wine[0])
    views = {
        "itself": chances,
        "half": chances[: seed % 100 + 1],
        "reversed": chances[::-1],
        "column": chances[:, seed % 3],
        "reshaped": chances.reshape(-1),
    }
    models = registry.current.models
    result = models.result_of(views[view])
    assert result is not None
    assert result.model is models.model_of(model)
    assert models.result_of(chances.copy()) is None
