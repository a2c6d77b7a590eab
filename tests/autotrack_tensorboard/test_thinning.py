"""However much a script writes, a run keeps a bounded part of it, spread over the whole training."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrack_tensorboard import thinning
from autotrack_tensorboard.summaries import MOST_BINS, rebin
from autotrack_tensorboard.thinning import Thinning
from tests.autotrack_tensorboard.conftest import OneRun, plots_of


def kept_of(count: int, *, seconds: float) -> list[int]:
    """Which ones of so many of one name are kept, if one is written every so many seconds."""
    now = 0.0
    keeper, kept = Thinning(lambda: now), []
    for index in range(count):
        if keeper.keeps("histogram", "weights"):
            kept.append(index)
        now += seconds
    return kept


def test_a_short_training_keeps_all() -> None:
    assert kept_of(thinning.FIRST, seconds=0.0) == list(range(thinning.FIRST))


def test_a_long_training_keeps_ever_fewer_up_to_its_end() -> None:
    kept = kept_of(100_000, seconds=10.0)
    assert kept[:18] == [*range(16), 17, 19]
    assert len(kept) < 220
    assert kept[-1] > 90_000
    assert (np.diff(kept) >= 1).all()
    assert np.diff(kept).max() <= 2 ** (len(kept) // thinning.FIRST)


def test_one_name_costs_at_most_one_a_second() -> None:
    assert len(kept_of(5000, seconds=0.001)) <= thinning.FIRST + 5


@pytest.mark.parametrize("kind", ["histogram", "image"])
def test_names_without_end_do_not_fill_the_disk(kind: str) -> None:
    keeper = Thinning()
    kept = sum(keeper.keeps(kind, f"name {index}") for index in range(3 * thinning.MOST))
    assert kept == thinning.MOST
    assert keeper.keeps("figure", "another kind")


def test_that_some_are_left_out_is_said_once(writer: Any, recorded: OneRun, faulty: None) -> None:
    for step in range(40):
        writer.add_histogram("weights", np.arange(9.0), step)
        writer.add_text("note", f"step {step}", step)
    writer.close()
    (notice,) = recorded().notices
    assert notice.message.startswith("of the histograms that were written not all are recorded")
    steps = [plot.step for plot in plots_of(recorded())]
    assert steps[:16] == list(range(16))
    assert len(steps) < 20
    assert recorded().summary.texts == {"note": "step 39"}


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200), st.integers(1, 100))
def test_bins_of_a_histogram_have_all_values_between_the_lowest_and_the_highest(values: Any, bins: int) -> None:
    array = np.asarray(values)
    counts, limits = np.histogram(array, bins=bins)
    edges, shared = rebin(array.min(), array.max(), limits, np.concatenate([[0], counts]))
    assert len(edges) == len(shared) + 1 <= MOST_BINS + 1
    assert shared.sum() == pytest.approx(len(array))
    assert (shared >= -1e-9).all()
    assert (np.diff(edges) > 0).all()
    assert edges[0] <= array.min() <= array.max() <= edges[-1]
