"""Evaluations and predictions after a fit belong to its run, under names that tell the data apart."""

from typing import Any

import keras
import pytest

import autotrack
from autotrack_keras import AutotrackCallback
from tests.autotrack_keras.conftest import X, Y, make_model

pytestmark = pytest.mark.usefixtures("autolog")


def test_evaluate_after_fit_belongs_to_its_run(model: Any, recorded: Any) -> None:
    model.fit(X, Y, epochs=2, verbose=0)
    loss, mae = model.evaluate(X[:9], Y[:9], verbose=0)
    run = recorded()
    (point,) = run.history("test_loss")
    assert (point.value, point.step, point.epoch, point.stage) == (loss, 3, 1, "test")
    assert run.history("test_mae")[0].value == mae
    assert run.status == "finished"
    assert [data.role for data in run.summary.datasets] == ["train", "test"]
    assert autotrack.current_run() is None


def test_data_that_keras_has_split_in_two_is_neither_training_nor_validation_data(model: Any, recorded: Any) -> None:
    model.fit(X, Y, validation_split=0.25, verbose=0)
    model.evaluate(X, Y, verbose=0)
    assert {name for name in recorded().metrics if "loss" in name} == {"loss", "val_loss", "train_validate_loss"}


def test_other_data_have_other_names_and_the_same_data_the_same(model: Any, recorded: Any) -> None:
    validation = (X[:10], Y[:10])
    model.fit(X, Y, validation_data=validation, verbose=0)
    model.evaluate(X, Y, verbose=0)
    model.evaluate(*validation, verbose=0)
    for _ in range(2):
        model.evaluate(X[:7].copy(), Y[:7], verbose=0)
        model.evaluate(X[:8].copy(), Y[:8], verbose=0)
    metrics = recorded().metrics
    counts = {name: metrics[f"{name}_loss"].count for name in ("train", "validate", "test", "test2")}
    assert counts == {"train": 1, "validate": 1, "test": 2, "test2": 2}
    assert metrics["val_loss"].count == 1  # the epoch's own value is not mixed with later ones


def test_evaluate_in_a_callback_is_at_the_place_the_training_has_come_to(model: Any, recorded: Any) -> None:
    class Testing(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.evaluate(X[:5], Y[:5], verbose=0)

    model.fit(X, Y, epochs=2, callbacks=[Testing()], verbose=0)
    assert [(point.step, point.epoch) for point in recorded().history("test_loss")] == [(1, 0), (3, 1)]


def test_a_prediction_is_timed_and_its_data_described(model: Any, recorded: Any) -> None:
    model.fit(X, Y, verbose=0)
    for _ in range(30):
        model.predict(X[:9].copy(), verbose=0)
    run = recorded()
    assert run.metrics["predict_seconds"].count == 20  # some programs predict in a loop
    assert [data.role for data in run.summary.datasets] == ["train", "predict"]


def test_an_evaluation_alone_is_a_run_of_its_own(model: Any, recorded: Any) -> None:
    loss, _ = model.evaluate(X, Y, verbose=0)
    run = recorded()
    (point,) = run.history("test_loss")
    assert (point.value, point.stage, run.status) == (loss, "test", "finished")
    assert (run.params["optimizer"], run.params["parameters"]) == ("SGD", 11)
    (data,) = run.summary.datasets
    assert (data.role, data.rows, data.covered) == ("test", 40, 1.0)
    assert (run.summary.frameworks["keras"], run.summary.resumed_from) == (keras.__version__, None)
    assert autotrack.current_run() is None


def test_evaluations_of_one_model_follow_one_another_in_one_run(model: Any, recorded: Any) -> None:
    for _ in range(3):  # in a loop of the user's own, between batches
        model.evaluate(X, Y, verbose=0)
        model.evaluate(X[:7], Y[:7], verbose=0)
    model.predict(X, verbose=0)
    run = recorded()
    assert (run.metrics["test_loss"].count, run.metrics["test2_loss"].count) == (3, 3)
    assert "predict_seconds" in run.metrics


def test_a_fit_after_an_evaluation_goes_on_from_nothing(model: Any, runs: Any) -> None:
    model.evaluate(X, Y, verbose=0)
    model.fit(X, Y, verbose=0)
    model.evaluate(X, Y, verbose=0)
    alone, fit = runs()
    assert (fit.summary.resumed_from, "train_loss" in fit.metrics) == (None, True)
    assert alone.metrics["test_loss"].count == 1


def test_an_evaluation_that_fails_says_so_and_one_of_a_model_that_is_not_compiled_leaves_nothing(runs: Any) -> None:
    class Failing(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
        def on_test_begin(self, logs: Any = None) -> None:
            raise LookupError("planted")

    with pytest.raises(LookupError, match="planted"):
        make_model().evaluate(X, Y, verbose=0, callbacks=[Failing()])
    with pytest.raises((ValueError, AttributeError)):
        keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]).evaluate(X, Y, verbose=0)
    assert [(run.status, run.summary.error) for run in runs()] == [("failed", "LookupError: planted")]


def test_an_evaluation_alone_goes_into_the_run_of_a_person(model: Any, runs: Any) -> None:
    for name in ("one", "two"):
        with autotrack.start_run(name, to="runs", experiment="tests"):
            for _ in range(2):
                model.evaluate(X, Y, verbose=0)
    model.evaluate(X, Y, verbose=0)
    assert [run.metrics["test_loss"].count for run in runs()] == [2, 2, 1]
    assert [run.params["optimizer"] for run in runs()] == ["SGD"] * 3


def test_an_evaluation_of_another_model_in_a_fit_opens_no_run(model: Any, recorded: Any) -> None:
    other = make_model()

    class Testing(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            other.evaluate(X, Y, verbose=0)

    model.fit(X, Y, callbacks=[Testing()], verbose=0)
    assert "test_loss" not in recorded().metrics


@pytest.mark.parametrize("how", ["load_model", "load_weights"])
def test_a_model_from_the_folder_of_a_run_names_that_run(how: str, model: Any, runs: Any) -> None:
    autotrack.autolog(to="runs", experiment="tests")
    model.fit(X, Y, verbose=0)
    (first,) = runs()
    if how == "load_model":
        loaded = keras.models.load_model(first.folder / "model" / "model.keras")
    else:
        weights = first.folder / "model" / "own.weights.h5"
        model.save_weights(weights)
        loaded = make_model()
        loaded.load_weights(str(weights))
    loaded.evaluate(X, Y, verbose=0)
    loaded.fit(X, Y, verbose=0)
    model.save("elsewhere.keras")
    keras.saving.load_model("elsewhere.keras").evaluate(X, Y, verbose=0)
    assert [run.summary.resumed_from for run in runs()] == [None, first.id, first.id, None]


def test_an_evaluation_alone_is_recorded_by_the_callback(model: Any, recorded: Any) -> None:
    autotrack.autolog(disable=True)
    callback = AutotrackCallback(to="runs", experiment="tests", name="alone", checkpoints=False)
    model.evaluate(X, Y, verbose=0, callbacks=[callback])
    run = recorded()
    assert (run.name, run.status, "test_loss" in run.metrics) == ("alone", "finished", True)


def test_each_model_has_its_own_run(runs: Any) -> None:
    models = [make_model(), make_model()]
    for model in models:
        model.fit(X, Y, verbose=0)
    models[0].evaluate(X[:5], Y[:5], verbose=0)
    assert ["test_loss" in run.metrics for run in runs()] == [True, False]


def test_a_model_that_is_gone_is_not_kept_alive(runs: Any) -> None:
    import gc
    import weakref

    model = make_model()
    model.fit(X, Y, verbose=0)
    held = weakref.ref(model)
    del model
    gc.collect()
    assert held() is None
