"""Metrics of different meaning have different names, and names come from what people call their data."""
# ruff: noqa: N806  features are called X in scikit-learn

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeClassifier

import autotrack
from autotrack_sklearn.metric_names import metric_name
from tests.autotrack_sklearn.conftest import last

Recorded = Callable[[], autotrack.RecordedRun]
Numbers = tuple[Any, Any]

DEFAULTS: dict[str, Any] = {"average": "binary", "beta": None, "k": 2, "normalize": True, "zero_division": "warn"}

ARGUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "average": st.sampled_from(["binary", "macro", "micro", "weighted", None]),
        "beta": st.sampled_from([0.5, 1.0, 2.0, np.float64(3)]),
        "k": st.integers(1, 9),
        "normalize": st.booleans(),
    },
)


@given(ARGUMENTS, ARGUMENTS)
def test_names_are_the_same_if_and_only_if_the_arguments_mean_the_same(first: Any, second: Any) -> None:
    def meant(given: Any) -> dict[str, Any]:
        whole = {**DEFAULTS, **given}
        return {name: None if value == DEFAULTS[name] else value for name, value in whole.items()}

    are_alike = meant(first) == meant(second)
    assert (metric_name("f", first, DEFAULTS) == metric_name("f", second, DEFAULTS)) == are_alike


def test_what_does_not_change_the_number_is_not_in_the_name() -> None:
    assert metric_name("f1_score", {"zero_division": 0, "average": "binary"}, DEFAULTS) == "f1_score"
    assert metric_name("accuracy_score", {"normalize": False}, DEFAULTS) == "accuracy_score_not_normalize"


@pytest.mark.usefixtures("autolog")
def test_averages_betas_and_strategies_are_series_of_their_own(wine: Numbers, recorded: Recorded) -> None:
    X_test, y_test = wine
    model = LogisticRegression(C=1e-4).fit(X_test[::2], y_test[::2])
    predicted, scores = model.predict(X_test), model.predict_proba(X_test)
    expected = {
        "test_f1_score_macro": metrics.f1_score(y_test, predicted, average="macro"),
        "test_f1_score_weighted": metrics.f1_score(y_test, predicted, average="weighted"),
        "test_fbeta_score_beta_0.5_macro": metrics.fbeta_score(y_test, predicted, beta=0.5, average="macro"),
        "test_fbeta_score_beta_2_macro": metrics.fbeta_score(y_test, predicted, beta=2, average="macro"),
        "test_roc_auc_score_ovr": metrics.roc_auc_score(y_test, scores, multi_class="ovr"),
        "test_roc_auc_score_weighted_ovo": metrics.roc_auc_score(
            y_test, scores, multi_class="ovo", average="weighted"
        ),
        "test_top_k_accuracy_score": metrics.top_k_accuracy_score(y_test, scores),
        "test_top_k_accuracy_score_k_1": metrics.top_k_accuracy_score(y_test, scores, k=1),
        "test_cohen_kappa_score_quadratic": metrics.cohen_kappa_score(y_test, predicted, weights="quadratic"),
    }
    run = recorded()
    assert {name: last(run, name) for name in expected} == pytest.approx(expected)
    assert all(len(run.history(name)) == 1 for name in expected)


@pytest.mark.usefixtures("autolog")
def test_chosen_labels_and_weighted_rows_are_series_of_their_own(wine: Numbers, recorded: Recorded) -> None:
    X_test, y_test = wine
    model = DecisionTreeClassifier(max_depth=1).fit(X_test[::2], y_test[::2])
    predicted, weight = model.predict(X_test), np.arange(len(y_test))
    report = {"output_dict": True, "zero_division": 0}
    expected = {
        "test_f1_score_macro": metrics.f1_score(y_test, predicted, average="macro"),
        "test_f1_score_labels_0_macro": metrics.f1_score(y_test, predicted, average="macro", labels=[0]),
        "test_f1_score_labels_0_2_macro": metrics.f1_score(y_test, predicted, average="macro", labels=np.r_[0, 2]),
        "test_accuracy_score": metrics.accuracy_score(y_test, predicted),
        "test_accuracy_score_sample_weight": metrics.accuracy_score(y_test, predicted, sample_weight=weight),
        "test_score": model.score(X_test, y_test),
        "test_score_sample_weight": model.score(X_test, y_test, weight),
        "test_log_loss": metrics.log_loss(y_test, model.predict_proba(X_test), labels=[0, 1, 2]),
        "test_macro avg/recall": metrics.classification_report(y_test, predicted, **report)["macro avg"]["recall"],
        "test_macro avg/recall_labels_0_1": metrics.classification_report(y_test, predicted, labels=[0, 1], **report)[
            "macro avg"
        ]["recall"],
    }
    run = recorded()
    assert {name: last(run, name) for name in expected} == pytest.approx(expected)
    assert all(len(run.history(name)) == 1 for name in expected)


@pytest.mark.usefixtures("autolog")
def test_different_weights_for_the_same_rows_are_different_series(wine: Numbers, recorded: Recorded) -> None:
    X_test, y_test = wine
    model = DecisionTreeClassifier(max_depth=1).fit(X_test[::2], y_test[::2])
    predicted = model.predict(X_test)
    rising, falling = np.arange(len(y_test)), np.arange(len(y_test))[::-1]
    for _ in range(2):
        ours = [metrics.accuracy_score(y_test, predicted, sample_weight=weight) for weight in (rising, falling)]
        scores = [model.score(X_test, y_test, sample_weight=list(weight)) for weight in (rising, falling)]
    half = metrics.accuracy_score(y_test[::2], model.predict(X_test[::2]), sample_weight=falling[::2])
    run = recorded()
    assert last(run, "test_accuracy_score_sample_weight_2") == ours[1] != ours[0]
    assert last(run, "test_score_sample_weight_2") == scores[1]
    assert [point.value for point in run.history("test_score_sample_weight")] == [scores[0]] * 2
    assert half in [point.value for name in run.metrics if not name.endswith("_2") for point in run.history(name)]


def test_long_lists_are_counted_in_names_and_labels_that_change_no_number_are_left_out() -> None:
    defaults = {"labels": None, "average": "binary"}
    assert metric_name("f1_score", {"labels": list(range(10))}, defaults) == "f1_score_labels_of_10"
    assert metric_name("f1_score", {"labels": [0], "average": None}, defaults) == "f1_score"
    assert metric_name("roc_auc_score", {"labels": [0, 1]}, defaults) == "roc_auc_score"


@pytest.mark.usefixtures("autolog")
def test_slices_are_no_names_and_rows_after_those_of_the_fit_are_for_testing(
    wine: Numbers, recorded: Recorded
) -> None:
    X, y = wine
    order = np.random.default_rng(0).permutation(len(y))
    X, y = X[order], y[order]
    model = DecisionTreeClassifier(max_depth=2).fit(X[:150, :2], y[:150])
    on_test, on_train = model.score(X[150:, :2], y[150:]), model.score(X[:150, :2], y[:150])
    accuracy = metrics.accuracy_score(y[150:], model.predict(X[150:, :2]))
    run = recorded()
    assert (last(run, "test_score"), last(run, "train_score")) == (on_test, on_train)
    assert last(run, "test_accuracy_score") == accuracy
    assert not [name for name in run.metrics if name[0].isdigit()]


@pytest.mark.usefixtures("autolog")
def test_curves_and_ratios_are_recorded_without_a_fault(wine: Numbers, recorded: Recorded) -> None:
    X, y = wine[0][:, :1], wine[1] == 0
    model = LogisticRegression().fit(X, y)
    metrics.precision_recall_curve(y, model.predict_proba(X)[:, 1])  # a fault would be a warning, an error here
    positive, negative = metrics.class_likelihood_ratios(y, model.predict(X))
    run = recorded()
    assert not run.notices
    assert last(run, "train_positive_likelihood_ratio") == pytest.approx(positive)
    assert last(run, "train_negative_likelihood_ratio") == pytest.approx(negative)


@pytest.mark.usefixtures("autolog")
def test_probabilities_for_several_outputs_do_not_stand_in_the_way_of_others(wine: Numbers) -> None:
    X, y = wine
    forest = RandomForestClassifier(5, random_state=0).fit(X, np.c_[y, y == 1])
    alive = forest.predict_proba(X)
    single = DecisionTreeClassifier(max_depth=1).fit(X, y)
    predicted = single.predict(X)
    score = metrics.accuracy_score(y, predicted.tolist())
    run = next(run for run in autotrack.runs("runs") if run.tags["estimator"].endswith("DecisionTreeClassifier"))
    assert [value.last.value for name, value in run.metrics.items() if name.endswith("accuracy_score")] == [score]
    assert len(alive) == 2


@pytest.mark.usefixtures("autolog")
def test_errors_of_several_outputs_are_kept_one_by_one(numbers: Numbers, recorded: Recorded) -> None:
    X, y = numbers
    targets = np.c_[y, y**2]
    model = LinearRegression().fit(X, targets)
    errors = metrics.mean_absolute_error(targets, model.predict(X), multioutput="raw_values")
    run = recorded()
    kept = {name: value.last.value for name, value in run.metrics.items() if "mean_absolute_error" in name}
    assert list(kept.values()) == pytest.approx(errors.tolist())


@pytest.mark.usefixtures("autolog")
def test_predictions_in_a_series_of_polars_are_recognised(wine: Numbers, recorded: Recorded) -> None:
    polars = pytest.importorskip("polars")
    X, y = wine
    model = LogisticRegression().fit(X, y)
    score = metrics.accuracy_score(y, polars.Series("predicted", model.predict(X)))
    run = recorded()
    assert [value.last.value for name, value in run.metrics.items() if name.endswith("accuracy_score")] == [score]


@pytest.mark.usefixtures("autolog")
def test_a_report_that_is_printed_has_its_numbers_in_the_run(wine: Numbers, recorded: Recorded) -> None:
    X_test, y_test = wine
    model = DecisionTreeClassifier(max_depth=1).fit(X_test[::2], y_test[::2])
    predicted = model.predict(X_test)
    labels = ["the first", "second 2", "0.5"]
    metrics.classification_report(y_test, predicted, target_names=labels, digits=6, zero_division=0)
    expected = metrics.classification_report(y_test, predicted, target_names=labels, output_dict=True, zero_division=0)
    run = recorded()
    for label, values in expected.items():
        for key, value in values.items() if isinstance(values, dict) else [("", values)]:
            points = [point.value for point in run.history("test_" + "/".join(filter(None, (label, key))))]
            assert points == pytest.approx([value, value], abs=1e-6)  # that of the text, and that of the dict
