"""What a run notes by itself about the numbers that are logged to it."""

import math
from pathlib import Path

import autotrack


def test_the_first_number_that_is_nan_or_infinite_is_an_event(store: Path) -> None:
    with autotrack.start_run(to=store) as run:
        run.log({"loss": 0.5, "acc": 0.1}, step=3, epoch=0)
        run.log({"loss": 0.4, "acc": -math.inf}, step=4, epoch=1, stage="train")
        run.log({"loss": math.nan}, step=5, epoch=1)
    recorded = autotrack.load(run.folder)
    assert recorded.summary.tags["diverged"] == "acc is -inf in epoch 1, step 4"
    assert recorded.history("loss")[-1].value == "NaN"


def test_where_there_is_no_epoch_the_step_says_where(store: Path) -> None:
    with autotrack.start_run(to=store) as run:
        run.log({"loss": 0.5})
        run.log({"loss": math.nan})
    assert autotrack.load(run.folder).summary.tags["diverged"] == "loss is nan in step 1"


def test_numbers_that_are_finite_are_no_event(store: Path) -> None:
    with autotrack.start_run(to=store) as run:
        run.log({"loss": 1e300, "count": 3})
    assert "diverged" not in autotrack.load(run.folder).summary.tags
