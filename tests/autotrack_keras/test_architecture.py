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


def test_a_model_made_by_subclassing_is_described_by_what_it_is_trained_on(recorded: Any) -> None:
    class Mine(keras.Model):  # type: ignore[misc]  # keras has no types
        calls = 0

        def __init__(self) -> None:
            super().__init__()
            self.layer = keras.layers.Dense(1)

        def call(self, inputs: Any) -> Any:
            type(self).calls += 1
            return self.layer(inputs["a"])

    def calls_in_a_fit() -> int:
        Mine.calls = 0
        model = Mine()
        model.compile("sgd", "mse")
        model.fit({"a": X}, Y, batch_size=20, verbose=0)
        return Mine.calls

    calls = calls_in_a_fit()
    described = json.loads((recorded().folder / "model" / "signature.json").read_text())
    assert described == {"inputs": {"a": {"name": "a", "shape": [None, 3], "dtype": "float32"}}, "outputs": None}
    autotrack.autolog(disable=True)
    assert calls_in_a_fit() == calls
