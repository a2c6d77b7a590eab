"""Which run a fit goes into: one for each, whoever calls it and however often."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import keras
import numpy as np
import pytest

import autotrack
from autotrack_keras import AutotrackCallback
from tests.autotrack_keras.conftest import X, Y, make_model


@pytest.mark.usefixtures("autolog")
def test_a_list_of_callbacks_may_be_used_again_and_is_never_changed(model: Any, runs: Any) -> None:
    given = [keras.callbacks.LambdaCallback()]
    for epochs in (1, 2):
        model.fit(X, Y, epochs=epochs, callbacks=given, verbose=0)
        assert len(given) == 1
    assert [len(run.history("loss")) for run in runs()] == [1, 2]
    assert autotrack.current_run() is None


@pytest.mark.usefixtures("autolog")
@pytest.mark.parametrize("callbacks", [None, [], (), keras.callbacks.LambdaCallback()])
def test_callbacks_may_be_given_in_every_way(callbacks: Any, model: Any, recorded: Any) -> None:
    model.fit(X, Y, verbose=0, callbacks=callbacks)
    assert recorded().status == "finished"


@pytest.mark.usefixtures("autolog")
def test_a_callback_list_is_afterwards_what_it_was(model: Any, runs: Any) -> None:
    given = keras.callbacks.CallbackList(None, add_history=True, model=model, epochs=2, steps=2)
    held, members = given.callbacks, list(given.callbacks)
    for _ in range(2):
        model.fit(X, Y, epochs=2, callbacks=given, verbose=0)
        assert given.callbacks is held
        assert held == members
    assert [len(run.history("loss")) for run in runs()] == [2, 2]


@pytest.mark.usefixtures("autolog")
def test_a_second_fit_is_a_new_run_that_names_the_first(model: Any, runs: Any) -> None:
    model.fit(X, Y, epochs=2, verbose=0)
    model.fit(X, Y, epochs=5, initial_epoch=2, verbose=0)
    first, second = runs()
    assert second.summary.resumed_from == first.id
    assert [(point.epoch, point.step) for point in second.history("loss")] == [(2, 5), (3, 7), (4, 9)]
    assert second.params["initial_epoch"] == 2


@pytest.mark.usefixtures("autolog")
def test_subclasses_that_override_fit_or_train_step_are_recorded_once(recorded: Any) -> None:
    class Custom(keras.Sequential):  # type: ignore[misc]  # keras has no types
        def fit(self, *args: Any, **kwargs: Any) -> Any:
            return super().fit(*args, epochs=2, **kwargs)

        def train_step(self, data: Any) -> Any:
            return {**super().train_step(data), "mine": 0.5}

    history = make_model(cls=Custom).fit(X, Y, verbose=0)
    run = recorded()
    assert run.params["epochs"] == 2
    assert [point.value for point in run.history("mine")] == history.history["mine"] == [0.5, 0.5]


@pytest.mark.usefixtures("autolog")
def test_a_fit_inside_a_fit_opens_no_run(model: Any, recorded: Any) -> None:
    class Nested(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            make_model().fit(X, Y, epochs=3, verbose=0)
            assert autotrack.current_run() is not None

    model.fit(X, Y, epochs=2, callbacks=[Nested()], verbose=0)
    assert len(recorded().history("loss")) == 2


@pytest.mark.usefixtures("autolog")
def test_in_the_run_of_a_person_the_fits_of_a_loop_follow_one_another(model: Any, recorded: Any) -> None:
    with autotrack.start_run("mine", to="runs", experiment="tests"):
        for _ in range(3):
            model.fit(X, Y, verbose=0)
            model.evaluate(X[:7], Y[:7], verbose=0)
    run = recorded()
    assert [point.step for point in run.history("loss")] == [1, 3, 5]
    assert [point.step for point in run.history("test_loss")] == [1, 3, 5]
    assert run.summary.resumed_from is None


@pytest.mark.usefixtures("autolog")
def test_a_custom_loop_opens_no_run(model: Any) -> None:
    for _ in range(3):
        model.train_on_batch(X, Y)
        model.test_on_batch(X, Y)
    model.predict(X, verbose=0)
    assert not Path("runs").exists()


@pytest.mark.usefixtures("autolog")
def test_the_evaluations_in_a_custom_loop_are_one_run(model: Any, recorded: Any) -> None:
    for _ in range(3):
        model.train_on_batch(X, Y)
        model.evaluate(X, Y, verbose=0)
    assert [point.step for point in recorded().history("test_loss")] == [0, 1, 2]


def test_a_custom_loop_with_the_callback_in_a_list_is_recorded(model: Any, recorded: Any) -> None:
    callback = AutotrackCallback(to="runs", experiment="tests", log_every_n_steps=1, checkpoints=False)
    loop = keras.callbacks.CallbackList([callback], model=model, epochs=2, steps=1)
    loop.on_train_begin()
    for epoch in range(2):
        loop.on_epoch_begin(epoch)
        loop.on_train_batch_begin(0)
        logs = model.train_on_batch(X, Y, return_dict=True)
        loop.on_train_batch_end(0, logs)
        loop.on_epoch_end(epoch, logs)
    loop.on_train_end(logs)
    assert recorded().status == "finished"
    assert [point.epoch for point in recorded().history("epoch_seconds")] == [0, 1]


@pytest.mark.usefixtures("autolog")
@pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt])
def test_a_fit_that_fails_says_so_and_the_error_is_the_users(error: Any, model: Any, recorded: Any) -> None:
    planted = error("planted")

    class Failing(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                raise planted

    with pytest.raises(error, match="planted") as caught:
        model.fit(X, Y, epochs=3, callbacks=[Failing()], verbose=0)
    assert caught.value is planted
    assert caught.value.__context__ is None
    run = recorded()
    assert run.status == ("interrupted" if error is KeyboardInterrupt else "failed")
    assert len(run.history("loss")) == 1
    assert autotrack.current_run() is None


@pytest.mark.usefixtures("autolog")
def test_a_fit_that_fails_before_it_begins_is_recorded_with_what_is_known(model: Any, recorded: Any) -> None:
    with pytest.raises(ValueError, match="cardinality"):
        model.fit(X, Y[:5], epochs=4, verbose=0)
    run = recorded()
    assert (run.status, run.params["epochs"], run.params["optimizer"]) == ("failed", 4, "SGD")
    assert "cardinality" in (run.summary.error or "")
    model.fit(X, Y, verbose=0)
    assert autotrack.runs("runs").where("status == 'finished'")[0].summary.resumed_from is None


@pytest.mark.usefixtures("autolog")
def test_a_call_that_is_no_training_leaves_nothing(model: Any) -> None:
    with pytest.raises(TypeError):
        model.fit(X, Y, nonsense=1)
    with pytest.raises(ValueError, match="compile"):
        keras.Sequential([keras.layers.Dense(1)]).fit(X, Y)
    assert not Path("runs").exists()


def test_the_same_callback_may_be_used_again_also_after_a_failure(model: Any, runs: Any) -> None:
    callback = AutotrackCallback(to="runs", experiment="tests", name="again", checkpoints=False)
    model.fit(X, Y, callbacks=[callback], verbose=0)
    with pytest.raises(ValueError, match=r"cardinality|incompatible|shape"):
        model.fit(X[:, :2], Y, callbacks=[callback], verbose=0)
    model.fit(X, Y, epochs=2, callbacks=[callback], verbose=0)
    assert [(run.name, run.status, len(run.history("loss"))) for run in runs() if run.metrics] == [
        ("again", "finished", 1),
        ("again", "finished", 2),
    ]
    assert autotrack.current_run() is None


def test_the_callback_works_anywhere_in_the_list_and_alone(model: Any, runs: Any) -> None:
    callback = AutotrackCallback(to="runs", experiment="tests", checkpoints=False)
    reduce = keras.callbacks.ReduceLROnPlateau(monitor="loss")
    given = [callback, reduce]
    history = model.fit(X, Y, epochs=2, callbacks=given, verbose=0)
    assert given == [callback, reduce]
    assert callback.run is not None
    model.fit(X, Y, callbacks=callback, verbose=0)
    values = [point.value for point in runs()[0].history("learning_rate")]
    assert values == history.history["learning_rate"]
    assert len(runs()) == 2


@pytest.mark.usefixtures("autolog")
def test_callback_and_autolog_together_are_one_run(model: Any, recorded: Any) -> None:
    model.fit(X, Y, callbacks=[AutotrackCallback(name="explicit", checkpoints=False)], verbose=0)
    assert recorded().name == "explicit"
    assert len(recorded().history("loss")) == 1


@pytest.mark.usefixtures("autolog")
def test_another_rank_opens_no_run(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    model.fit(X, Y, verbose=0)
    model.evaluate(X, Y, verbose=0)
    assert not Path("runs").exists()


@pytest.mark.usefixtures("autolog")
def test_callbacks_of_the_user_find_the_run(model: Any, recorded: Any) -> None:
    seen = []
    note = keras.callbacks.LambdaCallback(on_train_begin=lambda _: seen.append(autotrack.current_run()))
    model.fit(X, Y, callbacks=[note], verbose=0)
    assert [run.id for run in seen if run] == [recorded().id]


@pytest.mark.usefixtures("autolog")
def test_numbers_that_are_nan_are_an_event(model: Any, recorded: Any) -> None:
    model.fit(X, Y * np.nan, epochs=3, callbacks=[keras.callbacks.TerminateOnNaN()], verbose=0)
    run = recorded()
    assert run.summary.tags["diverged"] == "loss is nan in epoch 0, step 0"
    assert run.stop_reason == "the loss was NaN or infinite (TerminateOnNaN)"
    assert run.history("loss")[-1].value == "NaN"


class TrialPruned(Exception):  # noqa: N818  Optuna's name for it; Optuna itself is not needed for the tests
    """The search gives up a trial that is not promising."""


class _Trial:
    number = 3
    params: ClassVar = {"rate": 0.5}
    study = SimpleNamespace(study_name="mine")


_Trial.__module__ = "optuna.trial._trial"


class _PruningCallback(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
    def __init__(self) -> None:
        super().__init__()
        self._trial = _Trial()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        raise TrialPruned


@pytest.mark.usefixtures("autolog")
def test_a_trial_of_optuna_that_is_given_up_is_pruned_and_names_its_study(model: Any, recorded: Any) -> None:
    with pytest.raises(TrialPruned):
        model.fit(X, Y, callbacks=[_PruningCallback()], verbose=0)
    run = recorded()
    assert (run.status, run.tags["study"], run.tags["trial"]) == ("pruned", "mine", "3")
    assert run.params_by_source["trial"] == {"rate": 0.5}
