"""Keras's own tests pass with autolog on as they do without: a sample of them, `make own-tests` runs many more."""

from pathlib import Path

import pytest

import autotrack
from tests.autotrack_keras.own_tests import SAMPLE, outcomes


@pytest.mark.slow
def test_the_same_of_them_pass_with_autolog_on_from_the_start(tmp_path: Path) -> None:
    without = outcomes(SAMPLE, tmp_path, autolog=False)
    if not any("PASSED" in line for line in without):
        pytest.skip("Keras came without its tests, or none of them can run here")
    assert outcomes(SAMPLE, tmp_path, autolog=True) == without
    recorded = autotrack.runs(tmp_path / "runs")
    assert len(recorded) > 5
    assert not {notice.message for run in recorded for notice in run.notices if notice.about != "keras model"}
