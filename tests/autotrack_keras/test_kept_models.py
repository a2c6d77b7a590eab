"""A kept Keras model predicts as the trained one; the best weights are put into it on demand."""

import json
from collections.abc import Callable
from typing import Any

import keras
import pytest

import autotrack
from autotrack.errors import ArtifactNotFoundError, UntrustedModelError
from autotrack.models.measures import measured
from autotrack.models.registry import Registry
from tests.autotrack_keras.conftest import X, Y, make_model
from tests.support.foreign_runs import made_foreign

Recorded = Callable[[], autotrack.RecordedRun]


@pytest.fixture(autouse=True)
def _kept() -> None:
    autotrack.autolog(to="runs", experiment="tests")


def test_the_model_and_its_best_weights_are_loaded(recorded: Recorded, tmp_path: Any) -> None:
    best = keras.callbacks.ModelCheckpoint(
        tmp_path / "best.weights.h5", monitor="loss", save_best_only=True, save_weights_only=True
    )
    model = make_model("adam")
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[best])
    assert (recorded().load_model().predict(X, verbose=0) == model.predict(X, verbose=0)).all()
    model.load_weights(tmp_path / "best.weights.h5")
    assert (recorded().load_model(weights="best").predict(X, verbose=0) == model.predict(X, verbose=0)).all()


def test_a_few_rows_of_what_it_was_trained_on_are_kept_as_an_example(recorded: Recorded) -> None:
    make_model("adam").fit(X, Y, epochs=1, verbose=0)
    assert json.loads((recorded().folder / "model" / "input_example.json").read_text()) == X[:3].tolist()


def test_several_inputs_have_their_names_in_the_example(recorded: Recorded) -> None:
    left, right = keras.Input((2,), name="left"), keras.Input((1,), name="right")
    model = keras.Model([left, right], keras.layers.Dense(1)(keras.layers.concatenate([left, right])))
    model.compile("sgd", "mse")
    model.fit([X[:, :2], X[:, 2:]], Y, epochs=1, verbose=0)
    example = json.loads((recorded().folder / "model" / "serving_input_example.json").read_text())["inputs"]
    assert example == {"left": X[:3, :2].tolist(), "right": X[:3, 2:].tolist()}


class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # keras has no types
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        return X[10 * index : 10 * index + 10], Y[10 * index : 10 * index + 10]


def batches() -> Any:
    while True:
        yield X[:10], Y[:10]


def loader() -> Any:
    torch = pytest.importorskip("torch")
    data = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    return torch.utils.data.DataLoader(data, batch_size=10)


@pytest.mark.parametrize("make", [Batches, batches, loader], ids=["PyDataset", "generator", "DataLoader"])
def test_the_first_batch_is_the_example_where_data_come_in_batches(recorded: Recorded, make: Any) -> None:
    make_model("adam").fit(make(), epochs=1, steps_per_epoch=4, verbose=0)
    example = json.loads((recorded().folder / "model" / "input_example.json").read_text())
    assert example in [X[begin : begin + 3].tolist() for begin in range(0, 40, 10)]  # Keras shuffles batches


def test_batches_of_several_inputs_have_names_in_the_example(recorded: Recorded) -> None:
    left, right = keras.Input((2,), name="left"), keras.Input((1,), name="right")
    model = keras.Model([left, right], keras.layers.Dense(1)(keras.layers.concatenate([left, right])))
    model.compile("sgd", "mse")
    model.fit((((x[:, :2], x[:, 2:]), y) for x, y in batches()), steps_per_epoch=2, verbose=0)
    example = json.loads((recorded().folder / "model" / "serving_input_example.json").read_text())["inputs"]
    assert example == {"left": X[:3, :2].tolist(), "right": X[:3, 2:].tolist()}


def test_restored_weights_are_judged_by_the_epoch_that_they_are_of(recorded: Recorded) -> None:
    stopping = keras.callbacks.EarlyStopping("loss", mode="max", patience=1, restore_best_weights=True)
    losses = make_model("adam").fit(X, Y, epochs=5, verbose=0, callbacks=[stopping]).history["loss"]
    assert len(losses) > 1
    (model,) = recorded().summary.models
    assert (model.weights, model.epoch, model.metrics) == ("best", 0, {"loss": losses[0]})
    measures = measured(Registry(recorded().folder.parent.parent), recorded().register("net"))
    assert (measures.value("loss"), measures.value("mae")) == (losses[0], None)


def test_code_in_a_lambda_layer_is_only_run_where_it_is_trusted(recorded: Recorded) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: x * 2), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    with pytest.raises(UntrustedModelError, match="Lambda"):
        made_foreign(recorded()).load_model()
    loaded = recorded().load_model(trusted=True)
    assert (loaded.predict(X, verbose=0) == model.predict(X, verbose=0)).all()
    with pytest.raises(ArtifactNotFoundError, match="checkpoints/best"):
        recorded().load_model(weights="best")
