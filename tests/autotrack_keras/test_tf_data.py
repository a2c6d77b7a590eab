"""A `tf.data.Dataset` is recorded by its element spec, and by what lies in memory, and never iterated."""

import importlib.util
import json
from typing import Any

import pytest

SCRIPT = """
    import json, os
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras, numpy as np, tensorflow as tf, autotrack
    from pathlib import Path

    x = np.linspace(-1, 1, 120, dtype="float32").reshape(40, 3)
    taken = 0

    def rows():
        global taken
        for row in x:
            taken += 1
            yield row, row.sum()

    def data(first, batch):
        spec = (tf.TensorSpec((3,), "float32"), tf.TensorSpec((), "float32"))
        return tf.data.Dataset.from_generator(rows, output_signature=spec).take(first).batch(batch)

    class Mine(keras.Model):
        def __init__(self):
            super().__init__()
            self.layer = keras.layers.Dense(2)

        def call(self, inputs):
            y = self.layer(inputs)
            return {"sum": y[:, :1], "rest": y}

    def outcome(on):
        global taken
        taken = 0
        if on:
            autotrack.autolog(to="runs", experiment="tests", log_every_n_steps=1, checkpoints=False)
        keras.backend.clear_session()
        keras.utils.set_random_seed(3)
        model = Mine()
        model.compile("adam", loss={"sum": "mse", "rest": None}, metrics={"sum": ["mae"], "rest": []})
        history = model.fit(data(40, 16), epochs=2, validation_data=data(8, 4), verbose=0)
        signature = [json.loads(path.read_text()) for path in Path("runs").rglob("signature.json")]
        measured = model.evaluate(data(12, 4), verbose=0)
        predicted = model.predict(data(12, 4), verbose=0)["rest"].tolist()
        weights = [weight.tolist() for weight in model.get_weights()]
        return signature, taken, history.history, measured, predicted, weights

    _, taken_without, *without = outcome(False)
    (signature,), taken_with, *with_ = outcome(True)
    assert with_ == without, (with_, without)
    # How far ahead TensorFlow's own threads read depends on the moment, by less than a batch.
    assert abs(taken_with - taken_without) < 16, (taken_with, taken_without)
    (run,) = autotrack.runs("runs")
    assert not run.notices, run.notices
    assert [point.value for point in run.history("val_loss")] == with_[0]["val_loss"]
    print(json.dumps({
        "data": [[one.role, one.kind.split(".")[-1], one.rows, one.covered] for one in run.summary.datasets],
        "element": run.summary.datasets[0].schema["element"],
        "batch_size": run.params.get("batch_size"),
        "points": run.metrics["loss"].count,
        "signature": signature,
    }))
"""


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"])
def test_tf_data_is_recorded_by_its_spec_and_asked_for_nothing_more(
    backend: str, run_script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("tensorflow", backend):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    monkeypatch.setenv("KERAS_BACKEND", backend)
    found = json.loads(run_script(SCRIPT).splitlines()[-1])
    assert found["data"] == [[role, "_BatchDataset", None, 0.0] for role in ("train", "validate", "test", "predict")]
    assert "shape=(None, 3), dtype=tf.float32" in found["element"]
    assert found["batch_size"] == (
        None if backend == "tensorflow" else 16
    )  # of the first batch, where Keras looks at it
    assert found["points"] == 2 * 3 + 2
    assert found["signature"] == {
        "inputs": {"name": None, "shape": [None, 3], "dtype": "float32"},
        "outputs": {
            "sum": {"name": "sum", "shape": [None, 1], "dtype": "float32"},
            "rest": {"name": "rest", "shape": [None, 2], "dtype": "float32"},
        },
    }


IN_MEMORY = """
    import json, os, sys
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras, numpy as np, tensorflow as tf, autotrack

    x = np.linspace(-1, 1, 120, dtype="float32").reshape(40, 3)
    slices = tf.data.Dataset.from_tensor_slices(({"a": x, "b": 2 * x}, x[:, 0]))
    data = {
        "shuffled": lambda: slices.shuffle(40, seed=1).batch(8).prefetch(2),
        "mapped": lambda: slices.map(lambda row, y: ({"a": row["a"], "b": row["b"] + 1}, y)).batch(8),
        "tensors": lambda: ({"a": tf.constant(x), "b": tf.constant(2 * x)}, tf.constant(x[:, 0])),
    }[sys.argv[1]]()
    a, b = (keras.Input((3,), name=name) for name in "ab")
    model = keras.Model({"a": a, "b": b}, keras.layers.Dense(1)(keras.layers.Concatenate()([a, b])))
    model.compile("sgd", "mse")
    autotrack.autolog(to="runs", experiment="tests")
    model.fit(*data, verbose=0) if isinstance(data, tuple) else model.fit(data, verbose=0)
    (run,) = autotrack.runs("runs")
    assert not run.notices, run.notices
    example = run.folder / "model" / "input_example.json"
    print(example.read_text() if example.exists() else "{}")
"""


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize("data", ["shuffled", "mapped", "tensors"])
def test_what_lies_in_memory_is_an_example_of_the_input_and_no_function_of_the_user_is_called_for_one(
    data: str, run_script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("tensorflow is not installed")
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    example = json.loads(run_script(IN_MEMORY, data).splitlines()[-1])
    if data == "mapped":
        assert example == {}
    else:
        assert {name: len(rows) for name, rows in example.items()} == {"a": 3, "b": 3}
        assert example["a"][0] == pytest.approx([-1, -1 + 2 / 119, -1 + 4 / 119])
        assert example["b"][0][0] == -2
