"""The model as text, as JSON, and by the shapes and dtypes of what goes in and out."""

import json
from typing import Any

import keras
import pytest

import autotrack
from autotrack_keras.architecture import signature
from tests.autotrack_keras.conftest import X, Y

pytestmark = pytest.mark.usefixtures("autolog")


def test_summary_and_architecture_of_a_fit(model: Any, recorded: Any, capsys: pytest.CaptureFixture[str]) -> None:
    model.fit(X, Y, verbose=0)
    run = recorded()
    lines = run.summary.texts["model_summary"].splitlines()
    assert lines[1].split()[1:] == ["Dense", "(None,", "2)", "8"]
    assert [line.split() for line in lines[-2:]] == [["total", "11"], ["trainable", "11"]]
    held = keras.models.model_from_json((run.folder / "model" / "architecture.json").read_text())
    assert [type(layer).__name__ for layer in held.layers] == ["Dense", "Dense"]
    assert json.loads((run.folder / "model" / "signature.json").read_text())["inputs"]["shape"] == [None, 3]
    assert capsys.readouterr().out == ""


def test_a_signature_has_the_structure_of_inputs_and_outputs() -> None:
    left, right = keras.Input((2,), name="left"), keras.Input((3,), name="right", dtype="int32")
    joined = keras.layers.Concatenate()([left, keras.ops.cast(right, "float32")])
    outputs = {"sum": keras.layers.Dense(1, name="s")(joined), "rest": (keras.layers.Dense(4, name="r")(joined), left)}
    model = keras.Model({"left": left, "right": right}, outputs)
    found = signature(model)
    assert found["inputs"] == {
        "left": {"name": "left", "shape": [None, 2], "dtype": "float32"},
        "right": {"name": "right", "shape": [None, 3], "dtype": "int32"},
    }
    assert found["outputs"]["sum"] == {"name": "s", "shape": [None, 1], "dtype": "float32"}
    assert found["outputs"]["rest"][0]["name"] == "r"
    assert [one["shape"] for one in found["outputs"]["rest"]] == [[None, 4], [None, 2]]


def described(run: Any) -> Any:
    return json.loads((run.folder / "model" / "signature.json").read_text())


class Mine(keras.Model):  # type: ignore[misc]  # keras has no types
    """Made by subclassing, with a structure of outputs; counts how often it is called."""

    calls = 0

    def __init__(self) -> None:
        super().__init__()
        self.layer = keras.layers.Dense(2)

    def call(self, inputs: Any) -> Any:
        type(self).calls += 1
        y = self.layer(inputs["a"])
        return {"sum": y[:, :1], "rest": (y, keras.ops.cast(y, "float16"))}


class OnlySum(Mine):
    """Its loss is its own affair."""

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any, **__: Any) -> Any:
        return keras.ops.mean((y_pred["sum"][:, 0] - y) ** 2)


class OwnStep(OnlySum):
    """Trains in a step of the user's, on torch."""

    def train_step(self, data: Any) -> Any:
        x, y = data
        self.zero_grad()
        loss = self.compute_loss(y=y, y_pred=self(x))
        loss.backward()
        self.optimizer.apply([one.value.grad for one in self.trainable_weights], self.trainable_weights)
        return {"loss": loss}


OUTPUTS = {
    "sum": {"name": "sum", "shape": [None, 1], "dtype": "float32"},
    "rest": [
        {"name": None, "shape": [None, 2], "dtype": "float32"},
        {"name": None, "shape": [None, 2], "dtype": "float16"},
    ],
}


@pytest.mark.parametrize("cls", [OnlySum, OwnStep])
def test_a_model_made_by_subclassing_is_described_by_what_keras_sees_of_it(cls: Any, runs: Any) -> None:
    def calls_in_fits() -> int:
        cls.calls = 0
        model = cls()
        model.compile("sgd")
        for _ in range(2):
            model.fit({"a": X}, Y, batch_size=20, verbose=0)
        return int(cls.calls)

    calls = calls_in_fits()
    inputs = {"a": {"name": "a", "shape": [None, 3], "dtype": "float32"}}
    assert [described(run) for run in runs()] == [{"inputs": inputs, "outputs": OUTPUTS}] * 2
    autotrack.autolog(disable=True)
    assert calls_in_fits() == calls


def test_a_model_that_keras_had_no_reason_to_look_at_is_described_by_its_first_prediction(recorded: Any) -> None:
    model = OwnStep()
    model({"a": X})  # it is built, and has no loss and no metrics that Keras would have to make
    model.compile("sgd")
    model.fit({"a": X}, Y, verbose=0)
    assert described(recorded())["outputs"] is None
    model.predict({"a": X}, verbose=0)
    assert described(recorded())["outputs"] == OUTPUTS
    assert described(recorded())["inputs"]


@pytest.mark.parametrize("compiled", [{"loss": "mse"}, {"metrics": ["mae"]}])
def test_the_outputs_of_a_model_that_was_called_before_are_known_by_its_loss_or_metrics(
    compiled: Any, recorded: Any
) -> None:
    class Plain(OnlySum):
        def call(self, inputs: Any) -> Any:
            return super().call(inputs)["sum"]

        def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any, **__: Any) -> Any:
            return keras.ops.mean((y_pred - y) ** 2)

    model = Plain()
    model({"a": X})
    model.compile("sgd", **compiled)
    model.fit({"a": X}, Y, verbose=0)
    assert described(recorded())["outputs"] == {"name": None, "shape": [None, 1], "dtype": "float32"}


@pytest.mark.slow
def test_so_it_is_with_jax(run_script: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jax")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    found = run_script("""
        import json, keras, numpy as np, autotrack

        class Mine(keras.Model):
            def __init__(self):
                super().__init__()
                self.layer = keras.layers.Dense(2)

            def call(self, inputs):
                y = self.layer(inputs)
                return {"sum": y[:, :1], "rest": (y, keras.ops.cast(y, "float16"))}

            def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
                return keras.ops.mean((y_pred["sum"][:, 0] - y) ** 2)

        autotrack.autolog(to="runs", experiment="tests", checkpoints=False)
        model = Mine()
        model.compile("sgd")
        x = np.linspace(-1, 1, 120, dtype="float32").reshape(40, 3)
        model.fit(x, x[:, 0], verbose=0)
        (run,) = autotrack.runs("runs")
        assert not run.notices, run.notices
        print(json.dumps(json.loads((run.folder / "model" / "signature.json").read_text())["outputs"]))
        """)
    assert json.loads(found) == OUTPUTS
