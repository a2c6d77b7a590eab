"""A training behaves the same with autotrack as without it."""

import os
import random
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

import autotrack
from autotrack.errors import AutotrackWarning
from autotrack.testing import check_integration
from autotrack_keras import AutotrackCallback
from autotrack_keras.integration import KerasIntegration
from autotrack_keras.training import Training
from tests.autotrack_keras.conftest import X, Y, make_model


def outcome(*more: Any) -> tuple[Any, ...]:
    """Everything that a training leaves behind which could have been touched."""
    keras.utils.set_random_seed(3)
    environment, filters = dict(os.environ), list(warnings.filters)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dropout(0.5),
                              keras.layers.Dense(1)])  # fmt: skip
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.1, 9)), "mse", metrics=["mae"])
    attributes = set(vars(model))
    given = [keras.callbacks.EarlyStopping(patience=9, restore_best_weights=True), *more]
    members = list(given)
    history = model.fit(X, Y, batch_size=8, epochs=3, validation_split=0.2, callbacks=given, verbose=0)
    assert given == members
    measured = model.evaluate(X, Y, verbose=0)
    predicted = model.predict(X, verbose=0)
    return (
        [weight.tolist() for weight in model.get_weights()],
        [np.asarray(keras.ops.convert_to_numpy(one)).tolist() for one in model.optimizer.variables],
        history.history,
        history.params,
        measured,
        predicted.tolist(),
        (random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()),
        sorted(set(vars(model)) - attributes),
        (dict(os.environ) == environment, list(warnings.filters) == filters, torch.get_default_device()),
        model.optimizer.name,  # Keras counts the names that it makes up
        keras.layers.Dense(1).name,
    )


@pytest.mark.parametrize("how", ["autolog", "callback"])
def test_results_and_random_states_are_equal_bit_by_bit(how: str, recorded: Any) -> None:
    without = outcome()
    keras.backend.clear_session()
    without = outcome()
    keras.backend.clear_session()
    if how == "autolog":
        autotrack.autolog(to="runs", experiment="tests", log_every_n_steps=1)
        assert outcome() == without
    else:
        assert outcome(AutotrackCallback(to="runs", experiment="tests", log_every_n_steps=1)) == without
    assert len(recorded().history("epoch_seconds")) == 3


@pytest.mark.slow
def test_so_it_is_with_jax(run_script: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jax")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    found = run_script("""
        import random, sys, keras, numpy as np, autotrack, autotrack_keras

        def outcome(callbacks):
            keras.backend.clear_session()
            keras.utils.set_random_seed(3)
            model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dropout(0.5),
                                      keras.layers.Dense(1)])
            model.compile("adam", "mse", metrics=["mae"])
            x = np.linspace(-1, 1, 120, dtype="float32").reshape(40, 3)
            history = model.fit(x, x.sum(axis=1), batch_size=8, epochs=3, validation_split=0.2, verbose=0,
                                callbacks=callbacks)
            return ([weight.tolist() for weight in model.get_weights()], history.history, model.evaluate(x, x[:, 0],
                    verbose=0), random.getstate(), str(np.random.get_state()))

        without = outcome(None)
        assert outcome([autotrack_keras.AutotrackCallback(experiment="tests", log_every_n_steps=1)]) == without
        autotrack.autolog(experiment="tests", log_every_n_steps=1)
        assert outcome(None) == without
        for run in autotrack.runs("runs"):
            assert [point.value for point in run.history("val_loss")] == without[1]["val_loss"]
            assert not run.notices, run.notices
            print(run.params["backend"], len(run.history("loss")), len(run.artifacts) > 3)
        """)
    assert found.splitlines() == ["jax 15 True", "jax 15 True"]


def test_the_integration_patches_as_it_should() -> None:
    class OnlyKeras(KerasIntegration):
        modules = {"keras": KerasIntegration.modules["keras"]}  # noqa: RUF012  that of KerasTuner is not installed

    check_integration(OnlyKeras(), with_imports=False)  # they are checked in tests/test_testing.py


def test_after_disabling_nothing_is_recorded(model: Any) -> None:
    trainer = next(cls for cls in keras.Model.__mro__ if "fit" in vars(cls))
    before = vars(trainer)["fit"], vars(keras.callbacks.CallbackList)["__init__"], vars(keras.Model)["save"]
    autotrack.autolog(to="runs", experiment="tests")
    autotrack.autolog(disable=True)
    after = vars(trainer)["fit"], vars(keras.callbacks.CallbackList)["__init__"], vars(keras.Model)["save"]
    assert all(one is two for one, two in zip(before, after, strict=True))
    model.fit(X, Y, verbose=0)
    assert not Path("runs").exists()


def test_a_failure_of_ours_is_invisible_to_the_training(
    recorded: Any, monkeypatch: pytest.MonkeyPatch, faulty: None
) -> None:
    without = make_and_fit()
    autotrack.autolog(to="runs", experiment="tests")

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("ours")

    for name in ("starts", "batch_ends", "epoch_ends", "ends"):
        monkeypatch.setattr(Training, name, broken)
    with pytest.warns(AutotrackWarning, match="ours"):
        assert make_and_fit() == without
    assert recorded().status == "finished"
    assert any("ours" in notice.message for notice in recorded().notices)


def make_and_fit() -> Any:
    keras.utils.set_random_seed(1)
    return make_model().fit(X, Y, epochs=2, verbose=0).history


def test_a_store_that_cannot_be_written_is_invisible_to_the_training(faulty: None) -> None:
    without = make_and_fit()
    Path("occupied").write_text("a file")
    autotrack.autolog(to="occupied", experiment="tests")
    with pytest.warns(AutotrackWarning, match="Choose another folder"):
        assert make_and_fit() == without


def test_a_model_that_cannot_be_written_is_trained_all_the_same(recorded: Any, faulty: None) -> None:
    class Stubborn(keras.Sequential):  # type: ignore[misc]  # keras has no types
        def get_config(self) -> Any:
            raise LookupError("not me")

    autotrack.autolog(to="runs", experiment="tests")
    with pytest.warns(AutotrackWarning, match="not me"):
        make_model(cls=Stubborn).fit(X, Y, verbose=0)
    assert recorded().status == "finished"


def test_a_copy_of_the_callback_records_for_itself(model: Any, runs: Any) -> None:
    import copy
    import pickle

    callback = AutotrackCallback(to="runs", experiment="tests", checkpoints=False)
    model.fit(X, Y, callbacks=[callback], verbose=0)
    for copied in (copy.deepcopy(callback), pickle.loads(pickle.dumps(callback))):
        assert copied.run is None
        model.fit(X, Y, callbacks=[copied], verbose=0)
    assert len(runs()) == 3


@pytest.mark.slow
def test_output_warnings_and_exit_code_are_those_of_the_script(tmp_path: Path) -> None:
    """Also warnings that Python shows once for each place, and those about a model that the script saves itself."""
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
            import sys, warnings
            if sys.argv[1] == "with":
                import autotrack
                autotrack.autolog(to="runs", experiment="tests")
            import keras, numpy as np

            def data():
                warnings.warn("my data is old")
                warnings.warn("there is a new way", DeprecationWarning)
                return np.zeros((8, 2)), np.zeros(8)

            class Mine(keras.layers.Dense):
                def get_config(self):
                    warnings.warn("not all of it is saved")
                    return super().get_config()

            class Failing(keras.callbacks.Callback):
                def on_epoch_end(self, epoch, logs=None):
                    raise LookupError("planted")

            print("before", "tensorflow" in sys.modules)
            for _ in range(3):
                model = keras.Sequential([Mine(1)])
                model.compile("sgd", "mse")
                model.fit(*data(), verbose=0)
            model.save("mine.keras")
            model.fit(*data(), verbose=0, callbacks=[Failing()])
        """)
    )

    def ended(how: str) -> tuple[int, str, list[str], str]:
        done = subprocess.run([sys.executable, script, how], capture_output=True, text=True, check=False)
        said, _, traceback = done.stderr.partition("Traceback")
        lines = [line for line in said.splitlines() if not line.startswith(("autotrack", "  autotrack"))]
        assert "During handling" not in traceback
        return done.returncode, done.stdout, lines, traceback.splitlines()[-1]

    without = ended("without")
    assert sum("Warning: " in line for line in without[2]) == 3
    assert (without[1], without[3]) == ("before False\n", "LookupError: planted")
    assert ended("with") == without
    ends = [(run.status, "loss" in run.metrics) for run in autotrack.runs("runs")]
    assert sorted(ends) == [("failed", False), *[("finished", True)] * 3]
