"""A small version of what `python -m tests.torture.short_runs` tries at length."""

import sys
from pathlib import Path

import pytest

from tests.torture import short_runs

pytest.importorskip("sklearn")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")]


@pytest.mark.parametrize("estimator", ["LinearDiscriminantAnalysis", "partial_fit"])
def test_of_hundreds_of_short_fits_nothing_is_lost_and_each_takes_little_room(tmp_path: Path, estimator: str) -> None:
    result = short_runs.run(tmp_path, 300, estimator, descriptors=128)
    assert not result.lost
    assert result.bytes_a_run < 15_000
    assert result.lines <= 20
