"""The day after a training: each question is one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import autotrack

SCRIPT = Path(__file__).parents[2] / "examples" / "compare_runs.py"


@pytest.mark.slow
def test_the_day_after_each_question_is_one_line(tmp_path: Path, everything: None) -> None:
    ended = subprocess.run(
        [sys.executable, str(SCRIPT)], cwd=tmp_path, env={**os.environ, "AUTOTRACK_QUIET": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    printed = ended.stdout
    assert "best: fast" in printed
    assert "why it beats the usual one: learning_rate_init 0.001 → 0.01" in printed
    expected = "['hidden_layer_sizes 32 → 128', 'learning_rate_init 0.0001 → 0.001']"
    assert f"from the first to the third: {{'params': {expected}}}" in printed
    assert "quick and good: ['fast', 'wide']" in printed
    runs = autotrack.runs(tmp_path / "runs")
    assert sorted(run.name for run in runs) == ["chosen", "wide"]
    assert runs["chosen"].texts["note"].startswith("The one to go on with")
    assert len(list((tmp_path / "runs" / "day-after" / ".trash").iterdir())) == 2
