"""What `tf.summary` writes is recorded, by scripts and by the TensorBoard callback of Keras."""

import importlib.util
import json
from typing import Any

import pytest

from tests.autotrack_tensorboard.conftest import OneRun, plots_of, values_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.tensorflow,
    pytest.mark.skipif(not importlib.util.find_spec("tensorflow"), reason="tensorflow is not installed"),
]

WRITING = """
    import os
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import autotrack
    {before}
    import numpy as np, tensorflow as tf
    {after}
    writer = tf.summary.create_file_writer("events")
    with writer.as_default():
        for step in range(3):
            tf.summary.scalar("mine/loss", 1 / (step + 1), step=step)
        tf.summary.histogram("weights", np.arange(100.0), step=2)
        tf.summary.text("note", "a **word**", step=1)
        tf.summary.image("two", np.zeros((2, 4, 4, 3)), step=0)

        @tf.function
        def graph(x):
            tf.summary.scalar("in_a_graph", x, step=0)

        graph(tf.constant(1.0))
        from tensorboard.plugins.hparams import api as hp
        hp.hparams({{"lr": 0.1, "units": 16, "kind": "adam"}})
    writer.close()
    print(autotrack.current_run())
"""


@pytest.mark.parametrize("is_on_before", [True, False])
def test_a_script_that_writes_summaries(run_script: Any, recorded: OneRun, *, is_on_before: bool) -> None:
    autolog = 'autotrack.autolog(to="store", experiment="tests", frameworks=["tensorboard"])'
    before, after = (autolog, "") if is_on_before else ("", autolog)
    assert run_script(WRITING.format(before=before, after=after)).endswith("None")
    run = recorded()
    assert run.status == "finished"
    assert "tensorflow" in run.summary.frameworks
    assert values_of(run, "mine/loss") == [(0, 1.0), (1, 0.5), (2, pytest.approx(1 / 3))]
    assert run.params == {"lr": pytest.approx(0.1), "units": 16, "kind": "adam"}
    (histogram,) = plots_of(run)
    assert (histogram.name, histogram.step, sum(histogram.data["counts"])) == ("weights", 2, 100)
    assert {one.path for one in run.artifacts if one.kind == "image"} == {
        "artifacts/images/two/0-0.png",
        "artifacts/images/two/1-0.png",
    }
    assert "in_a_graph" not in run.metrics


TRAINING = """
    import json, os
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import autotrack, keras, numpy as np

    x = np.linspace(-1, 1, 120, dtype="float32").reshape(40, 3)

    def weights(folder):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="dense")])
        model.compile("sgd", "mse")
        callback = keras.callbacks.TensorBoard(folder, histogram_freq=1, update_freq=1, write_images=True)
        model.fit(x, x[:, :2], epochs=2, validation_split=0.2, verbose=0, callbacks=[callback])
        return [one.tolist() for one in model.get_weights()]

    without = weights("without")
    autotrack.autolog(to="store", experiment="tests", checkpoints=False)
    print(json.dumps(weights("with") == without))
"""


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_the_callback_of_keras(
    run_script: Any, recorded: OneRun, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", backend)
    assert json.loads(run_script(TRAINING).splitlines()[-1])
    run = recorded()
    histograms = {(plot.name, plot.step) for plot in plots_of(run)}
    assert {("sequential_1/dense/kernel/histogram", 0), ("sequential_1/dense/kernel/histogram", 1)} <= histograms
    assert not {"epoch_loss", "evaluation_loss_vs_iterations"} & set(run.metrics)  # they are recorded as `loss`
    assert len(run.history("batch_loss")) == 2
    assert any(one.kind == "image" for one in run.artifacts)
    assert len(run.history("val_loss")) == 2
