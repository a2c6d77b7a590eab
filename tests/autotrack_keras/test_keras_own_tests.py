"""Keras's own tests pass with autolog on as they do without; they come with the package."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

import autotrack

TESTS = ("callbacks/early_stopping_test.py", "callbacks/callback_test.py", "callbacks/terminate_on_nan_test.py",
         "callbacks/csv_logger_test.py")  # fmt: skip

PLUGIN = """
import autotrack

autotrack.autolog(to="runs", log_every_n_steps=1)
"""


def outcomes(folder: Path, *options: str) -> list[str]:
    source = Path(keras.__file__).parent / "src"
    found = [str(source / name) for name in TESTS if (source / name).exists()]
    command = [sys.executable, "-m", "pytest", "-vv", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTEST_ADDOPTS": ""}
    done = subprocess.run(
        [*command, f"--rootdir={folder}", "-c", os.devnull, *options, *found],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = [line.split("[")[0] for line in done.stdout.splitlines()]
    return sorted(line.strip() for line in lines if "::" in line and " " in line and not line.startswith("FAILED "))


@pytest.mark.slow
def test_the_same_of_them_pass_with_autolog_on_from_the_start(tmp_path: Path) -> None:
    (tmp_path / "with_autolog.py").write_text(PLUGIN)
    without = outcomes(tmp_path)
    if not any("PASSED" in line for line in without):
        pytest.skip("Keras came without its tests, or none of them can run here")
    assert outcomes(tmp_path, "-p", "with_autolog") == without
    recorded = autotrack.runs(tmp_path / "runs")
    assert len(recorded) > 5
    assert not {notice.message for run in recorded for notice in run.notices if notice.about != "keras model"}
