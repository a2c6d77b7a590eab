"""A search with KerasTuner is one run, with a trial for each candidate and no stray runs."""

import importlib.util
from pathlib import Path
from typing import Any

import keras
import pytest

import autotrack
from autotrack.testing import check_integration
from autotrack_keras.integration import KerasIntegration
from tests.autotrack_keras.conftest import X, Y, make_model

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.skipif(not importlib.util.find_spec("keras_tuner"), reason="KerasTuner is not installed"),
    pytest.mark.usefixtures("autolog"),
]


def build(hp: Any) -> Any:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(hp.Int("units", 1, 4)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(hp.Choice("learning_rate", [0.1, 0.01])), "mse")
    return model


def make_tuner(trials: int = 3, hypermodel: Any = build) -> Any:
    import keras_tuner

    return keras_tuner.RandomSearch(
        hypermodel, objective="val_loss", max_trials=trials, seed=1, directory="search", overwrite=True,
        max_consecutive_failed_trials=9,
    )  # fmt: skip


def search(tuner: Any, **more: Any) -> Any:
    tuner.search(X, Y, epochs=2, validation_data=(X[:9], Y[:9]), verbose=0, **more)
    return tuner


def test_a_search_is_one_run_with_a_trial_for_each_candidate(recorded: Any) -> None:
    tuner = search(make_tuner())
    run = recorded()
    assert (run.status, run.params["max_trials"], run.params["epochs"]) == ("finished", 3, 2)
    known = tuner.oracle.trials.values()
    assert [trial.params for trial in run.summary.trials] == [one.hyperparameters.values for one in known]
    assert [trial.values["score"] for trial in run.summary.trials] == [one.score for one in known]
    assert {"loss", "val_loss", "best_step"} <= set(run.summary.trials[0].values)
    best = tuner.oracle.get_best_trials(1)[0]
    assert run.history("best_score")[0].value == best.score
    assert run.params["best.units"] == best.hyperparameters.values["units"]
    assert run.params["space.units.max_value"] == 4
    assert [(data.role, data.rows) for data in run.summary.datasets] == [("train", 40), ("validate", 9)]
    assert autotrack.current_run() is None


def test_a_candidate_that_fails_is_a_trial_that_failed(recorded: Any) -> None:
    def picky(hp: Any) -> Any:
        if hp.Int("units", 1, 9) > 4:
            raise LookupError("too many")
        return make_model()

    tuner = search(make_tuner(6, picky))
    run = recorded()
    failed = [trial for trial in run.summary.trials if trial.params["units"] > 4]
    assert {trial.status for trial in failed} == {"failed"}
    assert failed
    assert "LookupError: too many" in str(failed[0].error)
    assert len(run.summary.trials) == len(tuner.oracle.trials)


def test_what_the_search_comes_to_is_the_same_with_and_without(runs: Any) -> None:
    def outcome() -> Any:
        keras.utils.set_random_seed(3)
        found = search(make_tuner()).oracle.get_best_trials(3)
        return [(one.hyperparameters.values, one.score) for one in found]

    with_ = outcome()
    autotrack.autolog(disable=True)
    assert outcome() == with_
    assert len(runs()) == 1


def test_a_search_in_the_run_of_a_person_adds_to_it_and_the_fits_in_it_do_not(recorded: Any) -> None:
    with autotrack.start_run("mine", to="runs", experiment="tests"):
        for _ in range(2):
            search(make_tuner(2))
    run = recorded()
    assert [trial.number for trial in run.summary.trials] == [0, 1, 2, 3]
    assert "loss" not in run.metrics


def test_a_fit_after_a_search_is_a_run_again(runs: Any) -> None:
    tuner = search(make_tuner(1))
    tuner.hypermodel.build(tuner.get_best_hyperparameters()[0]).fit(X, Y, verbose=0)
    assert [("best_score" in run.metrics, "loss" in run.metrics) for run in runs()] == [(True, False), (False, True)]


def test_a_search_that_fails_says_so_and_the_error_is_the_users(recorded: Any) -> None:
    class Failing(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(make_tuner(), callbacks=[Failing()])
    assert recorded().status == "interrupted"
    assert Path("search").exists()


def test_the_integration_patches_as_it_should() -> None:
    check_integration(KerasIntegration())
