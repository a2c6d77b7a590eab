"""Metrics have the step, epoch and stage that they belong to; values are those that Keras has fetched."""

import time
from typing import Any

import keras
import pytest

import autotrack
from autotrack_keras import AutotrackCallback
from tests.autotrack_keras.conftest import X, Y, epochs_of, make_model


@pytest.mark.usefixtures("autolog")
def test_validation_values_are_in_the_epoch_they_belong_to(model: Any, recorded: Any) -> None:
    history = model.fit(X, Y, epochs=4, validation_data=(X, Y), validation_freq=2, verbose=0)
    run = recorded()
    found = [(point.epoch, point.step, point.stage, point.value) for point in run.history("val_loss")]
    first, second = history.history["val_loss"]
    assert found == [(1, 3, "validate", first), (3, 7, "validate", second)]
    assert [point.stage for point in run.history("loss")] == ["train"] * 4


def test_every_so_many_batches_a_step_is_recorded(model: Any, recorded: Any) -> None:
    autotrack.autolog(to="runs", experiment="tests", log_every_n_steps=2, checkpoints=False)
    seen: list[float] = []
    note = keras.callbacks.LambdaCallback(on_train_batch_end=lambda _, logs: seen.append(logs["loss"]))
    history = model.fit(X, Y, batch_size=8, epochs=2, callbacks=[note], verbose=0)
    run = recorded()
    assert [(point.step, point.epoch) for point in run.history("loss")] == [
        (1, 0), (3, 0), (4, 0), (5, 1), (7, 1), (9, 1), (9, 1),
    ]  # fmt: skip
    values = [point.value for point in run.history("loss")]
    assert [values[at] for at in (0, 1, 3, 4, 5)] == [seen[at] for at in (1, 3, 5, 7, 9)]
    assert epochs_of(run, "loss") == history.history["loss"]


@pytest.mark.usefixtures("autolog")
def test_an_epoch_says_how_long_it_took_and_how_many_samples_a_second(model: Any, recorded: Any) -> None:
    model.fit(X, Y, epochs=2, batch_size=16, verbose=0)
    run = recorded()
    for seconds, rate in zip(run.history("epoch_seconds"), run.history("samples_per_second"), strict=True):
        assert float(rate.value) == pytest.approx(40 / float(seconds.value))
    assert run.summary.epochs[1]["step"] == 5


class SlowData(keras.utils.PyDataset):  # type: ignore[misc]  # keras has no types
    """Four batches, of which each takes its time."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, batch: int) -> Any:
        time.sleep(0.02)
        return X[:8], Y[:8]


@pytest.mark.usefixtures("autolog")
@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="batches are fetched within its graph")
def test_an_epoch_says_how_long_it_waited_for_data(model: Any, recorded: Any) -> None:
    model.fit(SlowData(), epochs=2, validation_data=(X, Y), verbose=0)
    run = recorded()
    for seconds, share in zip(run.history("epoch_seconds"), run.history("data_wait_percent"), strict=True):
        assert 4 * 0.02 <= float(share.value) / 100 * float(seconds.value) <= float(seconds.value)


@pytest.mark.usefixtures("autolog")
def test_the_best_value_of_a_metric_and_its_epoch_are_known(model: Any, recorded: Any) -> None:
    history = model.fit(X, Y, epochs=3, validation_split=0.2, verbose=0)
    best = recorded().metrics["val_loss"].best
    measured = history.history["val_loss"]
    assert (best.value, best.epoch) == (min(measured), measured.index(min(measured)))


def test_learning_rates_are_those_in_force(recorded: Any) -> None:
    autotrack.autolog(to="runs", experiment="tests", log_every_n_steps=1, checkpoints=False)
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, _: 0.1 / 2**epoch)
    make_model(keras.optimizers.SGD(0.3)).fit(X, Y, epochs=3, callbacks=[halve], verbose=0)
    run = recorded()
    rates = [(point.epoch, point.value) for point in run.history("lr-SGD")]
    assert rates == [(epoch, 0.1 / 2**epoch) for epoch in range(3) for _ in range(3)]
    assert run.params_by_source["optimizer"]["learning_rate"] == pytest.approx(0.3)


def test_a_learning_rate_that_a_callback_sets_for_each_batch_is_recorded_so(recorded: Any) -> None:
    autotrack.autolog(to="runs", experiment="tests", log_every_n_steps=1, checkpoints=False)

    class Rising(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.model.optimizer.learning_rate = 0.125 * (batch + 1)

    make_model(keras.optimizers.SGD(0.5)).fit(X, Y, batch_size=10, epochs=2, callbacks=[Rising()], verbose=0)
    rates = [(point.step, point.value) for point in recorded().history("lr-SGD")]
    steps = [(step, 0.125 * (step % 4 + 1)) for step in range(8)]
    assert rates == [*steps[:4], steps[3], *steps[4:], steps[7]]  # that of an epoch is that of its last step


class Warming(keras.Model):  # type: ignore[misc]  # keras has no types
    """Sets its learning rate in its own training step."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = keras.layers.Dense(1)
        self.done = 0

    def call(self, x: Any) -> Any:
        return self.layer(x)

    def train_step(self, data: Any) -> Any:
        self.done += 1
        self.optimizer.learning_rate = 0.125 * self.done
        return super().train_step(data)


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="others compile the step")
@pytest.mark.parametrize("hook", ["", "on_train_batch_end"])
def test_so_is_one_that_the_training_step_sets_itself(recorded: Any, hook: str) -> None:
    autotrack.autolog(to="runs", experiment="tests", log_every_n_steps=1, checkpoints=False)
    model = Warming()
    model.compile(optimizer=keras.optimizers.SGD(0.5), loss="mse", run_eagerly=True)

    callbacks = [keras.callbacks.LambdaCallback(**{hook: lambda *_, **__: None})] if hook else []
    callbacks += [keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=0, min_delta=100.0)]
    model.fit(X, Y, batch_size=10, epochs=2, callbacks=callbacks, verbose=0)
    rates = [(point.step, point.value) for point in recorded().history("lr-SGD")]
    steps = [(step, 0.125 * (step + 1)) for step in range(8)]
    assert sorted(rates) == [*steps[:4], steps[3], *steps[4:], steps[7]]


@pytest.mark.usefixtures("autolog")
def test_so_is_that_of_the_last_step_where_only_epochs_are_recorded(recorded: Any) -> None:
    class Falling(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.optimizer.learning_rate = 0.5 / 2 ** (batch + 1)

    make_model(keras.optimizers.SGD(0.5)).fit(X, Y, batch_size=10, epochs=2, callbacks=[Falling()], verbose=0)
    assert [(point.step, point.value) for point in recorded().history("lr-SGD")] == [(3, 0.0625), (7, 0.0625)]


@pytest.mark.usefixtures("autolog")
def test_names_that_people_gave_come_first(runs: Any) -> None:
    class Own(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["samples_per_second"] = 7.0

    decay = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9, name="warm")
    named, named_schedule = keras.optimizers.SGD(0.1, name="slow"), keras.optimizers.SGD(decay, name="slow")
    for optimizer in (named, named_schedule, keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1, name="sgd")):
        make_model(optimizer).fit(X, Y, callbacks=[Own()], verbose=0)
    rates = [next(name for name in run.metrics if name.startswith("lr-")) for run in runs()]
    assert rates == ["lr-slow", "lr-warm", "lr-SGD", "lr-SGD"]
    assert [point.value for point in runs()[0].history("samples_per_second")] == [7.0]


def test_a_schedule_is_recorded_step_by_step_and_goes_on_in_the_next_fit(runs: Any) -> None:
    autotrack.autolog(to="runs", experiment="tests", log_every_n_steps=1, checkpoints=False)
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([1, 2], [0.3, 0.2, 0.1])
    model = make_model(keras.optimizers.SGD(schedule))
    for _ in range(2):
        model.fit(X, Y, verbose=0)
    first, second = runs()
    assert [point.value for point in first.history("lr-SGD")][:2] == [0.3, 0.3]
    assert [point.value for point in second.history("lr-SGD")][:2] == [0.2, 0.1]
    params = first.params_by_source["optimizer"]
    assert (params["learning_rate"], params["learning_rate.values"]) == ("PiecewiseConstantDecay", [0.3, 0.2, 0.1])


@pytest.mark.usefixtures("autolog")
def test_a_schedule_of_the_users_is_asked_for_the_last_step_of_an_epoch(recorded: Any) -> None:
    class Mine(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # keras has no types
        def __call__(self, step: Any) -> Any:
            return 0.5 / (keras.ops.cast(step, "float32") + 1)

        def get_config(self) -> dict[str, Any]:
            return {}

    make_model(keras.optimizers.SGD(Mine())).fit(X, Y, epochs=2, verbose=0)
    assert [point.value for point in recorded().history("lr-SGD")] == pytest.approx([0.5 / 2, 0.5 / 4])


@pytest.mark.usefixtures("autolog")
def test_early_stopping_says_when_it_stopped_and_what_it_put_back(recorded: Any) -> None:
    stopping = keras.callbacks.EarlyStopping(
        monitor="val_loss", patience=2, min_delta=100.0, restore_best_weights=True
    )
    history = make_model().fit(X, Y, epochs=9, validation_split=0.2, callbacks=[stopping], verbose=0)
    tags = recorded().summary.tags
    assert tags["restored_epoch"] == "0"
    assert float(tags["restored_val_loss"]) == history.history["val_loss"][0]
    assert recorded().stop_reason == "val_loss did not improve in 2 epochs (in epoch 2)"
    assert "early_stopping" not in tags
    params = recorded().params_by_source["callbacks"]
    assert (params["EarlyStopping.min_delta"], params["EarlyStopping.mode"]) == (100.0, "min")


def test_ours_does_not_take_away_the_threads_that_keras_calls_callbacks_from() -> None:
    callback = AutotrackCallback(to="runs")
    alone, beside = keras.callbacks.CallbackList([]), keras.callbacks.CallbackList([callback])
    assert (beside._async_train, beside._async_test) == (alone._async_train, alone._async_test)


@pytest.mark.usefixtures("autolog")
def test_nothing_is_read_from_the_model_while_batches_are_trained(
    model: Any, recorded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The property `model` of a callback makes JAX write its state back."""
    asked = []
    original = keras.callbacks.Callback.model.fget

    def note(callback: Any) -> Any:
        if isinstance(callback, AutotrackCallback):
            asked.append(callback)
        return original(callback)

    monkeypatch.setattr(keras.callbacks.Callback, "model", property(note))
    model.fit(X, Y, epochs=2, verbose=0)
    assert recorded().status == "finished"
    assert not asked
