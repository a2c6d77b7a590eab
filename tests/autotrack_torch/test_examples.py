"""The example is recorded as it stands, by `autotrack run`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import autotrack

SCRIPT = Path(__file__).parents[2] / "examples" / "torch_script.py"


@pytest.mark.slow
def test_a_script_without_a_line_about_tracking_is_recorded_completely(tmp_path: Path) -> None:
    arguments = ["--epochs", "4", "--batch_size=128"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACK_")}
    command = [sys.executable, "-m", "autotrack", "run", str(SCRIPT), *arguments]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    (run,) = autotrack.runs(tmp_path / "runs")
    assert run.status == "finished"
    assert {
        "batch_size": 128,
        "epochs": 4,
        "lr_init": 1e-3,
        "optimizer": "Adam",
        "lr": 1e-3,
    }.items() <= run.params.items()
    assert {"scheduler": "StepLR", "scheduler.step_size": 1, "scheduler.gamma": 0.5}.items() <= run.params.items()
    assert {"torchscript": True, "parameters": 4810, "loss_function": "NllLoss"}.items() <= run.params.items()
    losses, rates = run.history("loss"), run.history("lr-Adam")
    assert [(point.step, point.epoch) for point in losses] == [(step, step // 11) for step in range(44)]
    assert [rates[epoch * 11].value for epoch in range(4)] == [1e-3, 5e-4, 2.5e-4, 1.25e-4]
    assert {data.role for data in run.datasets} == {"train", "validate"}
    assert run.params["data.validate.batch_size"] == 256
    assert any(artifact.path.endswith("digits.pt") for artifact in run.artifacts)
    assert not [notice for notice in run.notices if notice.about != "git"]
