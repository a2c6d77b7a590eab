"""A small version of what `python -m tests.torture.short_runs` tries at length."""

import sys
from pathlib import Path

import pytest

from tests.torture import short_runs

pytest.importorskip("sklearn")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")]


# The runs of `partial_fit` last as long as the process, and have samples of its load: more of them on a busy machine.
@pytest.mark.parametrize(
    ("estimator", "most_bytes"), [("LinearDiscriminantAnalysis", 15 * 1024), ("partial_fit", 22_000)]
)
def test_of_hundreds_of_short_fits_nothing_is_lost_and_each_takes_little_room(
    tmp_path: Path, estimator: str, most_bytes: int
) -> None:
    result = short_runs.run(tmp_path, 300, estimator, descriptors=128)
    assert not result.lost
    assert result.bytes_a_run < most_bytes
    assert result.lines <= 20
