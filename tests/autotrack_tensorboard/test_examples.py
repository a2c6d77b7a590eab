"""The example runs as it stands, and records what it says."""

import runpy
from pathlib import Path

import pytest

import autotrack
from tests.autotrack_tensorboard.conftest import plots_of

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.slow
def test_autolog() -> None:
    runpy.run_path(str(EXAMPLES / "tensorboard_autolog.py"), run_name="__main__")
    (run,) = autotrack.runs("runs")
    assert (run.experiment, run.status) == ("digits", "finished")
    last = run.metrics["final_accuracy"].last.value
    assert isinstance(last, float)
    assert last > 0.85
    assert {"lr": 3e-3, "width": 32, "batch_size": 32}.items() <= run.params.items()
    assert len(run.history("train/loss")) == len(plots_of(run)) == 10
    logged = [artifact.path for artifact in run.artifacts if artifact.kind != "model"]
    assert logged == ["artifacts/images/digits-0.png"]
    assert not run.notices
