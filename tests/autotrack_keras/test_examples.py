"""The examples run as they stand, and record what they say."""

import runpy
from pathlib import Path

import pytest

import autotrack

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.slow
def test_autolog() -> None:
    runpy.run_path(str(EXAMPLES / "keras_autolog.py"), run_name="__main__")
    (run,) = autotrack.runs("runs")
    assert run.experiment == "digits"
    last = run.metrics["test_accuracy"].last.value
    assert isinstance(last, float)
    assert last > 0.9
    assert run.params["batch_size"] == 32
    assert {data.role: data.rows for data in run.summary.datasets} == {"train": 1297, "validate": 230, "test": 270}
    assert (run.folder / "model" / "model.keras").exists()
    assert not run.notices


@pytest.mark.slow
def test_callback(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / "keras_callback.py"), run_name="__main__")
    (run,) = autotrack.runs("runs")
    assert str(run.folder) in capsys.readouterr().out
    assert run.summary.tags["why"] == "two questions at once"
    assert {"digit_accuracy", "is_even_loss", "val_loss", "lr-SGD"} <= set(run.metrics)
    assert len(run.history("lr-SGD")) == 46 + 10  # every fifth of 230 steps, and every epoch
    assert not run.notices
