"""What a model was compiled with, on what it runs, and who looks on."""

from typing import Any

import keras
import pytest

from autotrack.errors import AutotrackWarning
from tests.autotrack_keras.conftest import X, Y, make_model

pytestmark = pytest.mark.usefixtures("autolog")


def test_the_optimizer_is_recorded_with_all_its_settings(recorded: Any) -> None:
    optimizer = keras.optimizers.AdamW(0.01, weight_decay=0.02, clipnorm=1.0)
    make_model(optimizer).fit(X, Y, verbose=0)
    params = recorded().params_by_source["optimizer"]
    assert params["optimizer"] == "AdamW"
    assert (params["learning_rate"], params["weight_decay"], params["clipnorm"]) == (0.01, 0.02, 1.0)
    assert set(optimizer.get_config()) - {"name"} <= set(params)


def test_losses_and_metrics_are_recorded_by_name(recorded: Any) -> None:
    def mine(y_true: Any, y_pred: Any) -> Any:
        return keras.ops.mean((y_true - y_pred) ** 2)

    make_model(loss=keras.losses.Huber(), metrics=["mae", mine, keras.metrics.RootMeanSquaredError()]).fit(
        X, Y, verbose=0
    )
    params = recorded().params_by_source["compile"]
    assert (params["loss"], params["metrics"]) == ("huber_loss", ["mae", "mine", "root_mean_squared_error"])
    assert params["steps_per_execution"] == 1
    assert params["jit_compile"] is False


def test_the_scale_of_the_loss_and_the_dtype_policy_are_recorded(recorded: Any) -> None:
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = make_model("sgd")
    finally:
        keras.config.set_dtype_policy("float32")
    model.fit(X, Y, verbose=0)
    run = recorded()
    assert run.params["dtype_policy"] == "mixed_float16"
    assert run.params["scales_loss"] is True
    assert run.params["optimizer"] == "LossScaleOptimizer"
    assert run.params["inner_optimizer"] == "SGD"
    assert run.params["inner_optimizer.learning_rate"] == 0.01
    assert "lr-SGD" in run.metrics


def test_backend_and_parameters_are_recorded(recorded: Any) -> None:
    model = make_model()
    model.layers[0].trainable = False
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    run = recorded()
    assert (run.params["parameters"], run.params["trainable_parameters"]) == (11, 3)
    assert run.params["backend"] == keras.backend.backend()
    assert set(run.summary.frameworks) == {"keras", keras.backend.backend()}


def test_every_callback_is_recorded_with_its_settings(recorded: Any) -> None:
    class Mine(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
        pass

    given = [
        keras.callbacks.ReduceLROnPlateau(monitor="loss", factor=0.5, patience=7),
        keras.callbacks.EarlyStopping(monitor="mae", patience=8),
        keras.callbacks.EarlyStopping(monitor="loss", patience=9),
        Mine(),
    ]
    make_model().fit(X, Y, callbacks=given, verbose=1)
    params = recorded().params_by_source["callbacks"]
    assert (params["ReduceLROnPlateau.factor"], params["ReduceLROnPlateau.patience"]) == (0.5, 7)
    assert (params["EarlyStopping.patience"], params["EarlyStopping-1.patience"]) == (8, 9)
    assert params["Mine"] is True
    assert not [name for name in params if name.startswith(("History", "ProgbarLogger", "Autotrack"))]


def test_how_validation_is_done_is_recorded_as_keras_resolved_it(recorded: Any) -> None:
    make_model().fit(X, Y, batch_size=8, validation_data=(X[:20], Y[:20]), verbose=0)
    params = recorded().params_by_source["fit"]
    assert (params["validation_steps"], params["validation_batch_size"]) == (3, 8)


def test_a_value_that_cannot_be_read_costs_itself_only(recorded: Any, faulty: None) -> None:
    class NoConfig(keras.optimizers.SGD):  # type: ignore[misc]  # keras has no types
        def get_config(self) -> dict[str, Any]:
            raise LookupError("planted")

    model = make_model(NoConfig(0.5), metrics=[])
    with pytest.warns(AutotrackWarning):
        model.fit(X, Y, epochs=2, callbacks=[keras.callbacks.EarlyStopping(patience=5)], verbose=0)
    params = recorded().params
    assert (params["optimizer"], params["loss"], params["epochs"]) == ("NoConfig", "mse", 2)
    assert params["parameters"] == 11
    assert params["EarlyStopping.patience"] == 5
    assert "keras params: optimizer.config" in [notice.about for notice in recorded().notices]
