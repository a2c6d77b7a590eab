"""Where the time of a run went: what was measured, and the rest."""

from pathlib import Path

import pytest

import autotrack
from autotrack.report.time_spent import time_spent


def test_epochs_are_divided_into_training_validation_waiting_and_saving(store: Path) -> None:
    with autotrack.start_run(to=store) as run:
        for epoch in range(2):
            values = {"epoch_seconds": 10.0, "validation_seconds": 2.0, "data_wait_percent": 30.0}
            run.log({**values, "checkpoint_seconds": 1.0}, step=epoch, epoch=epoch)
    summary = autotrack.load(run.folder).summary
    summary.duration_seconds = 25.0
    found = time_spent(summary)
    assert found is not None
    assert found["parts"] == [
        ["training", pytest.approx(10.0)],
        ["validation", 4.0],
        ["waiting for data", pytest.approx(6.0)],
        ["saving checkpoints", 2.0],
        ["everything else", pytest.approx(3.0)],
    ]
    assert found["total"] == 25.0


def test_a_search_tells_the_time_of_its_candidates_and_of_workers_side_by_side(store: Path) -> None:
    with autotrack.start_run(to=store) as run:
        for number in range(3):
            values = {"mean_fit_time": 2.0, "mean_score_time": 0.5, "split0_test_score": 1.0, "split1_test_score": 0.9}
            run.log_trial(number, {"C": number}, values)
        run.log({"refit_seconds": 1.0})
    summary = autotrack.load(run.folder).summary
    summary.duration_seconds = 5.0
    found = time_spent(summary)
    assert found is not None
    assert found["parts"] == [["fitting", 12.0], ["scoring", 3.0], ["fitting the best once more", 1.0]]
    assert "side by side" in found["note"]


def test_a_fit_tells_its_time(store: Path) -> None:
    with autotrack.start_run(to=store) as run:
        run.log({"fit_seconds": 2.0, "Ridge-2/fit_seconds": 1.0})
    found = time_spent(autotrack.load(run.folder).summary)
    assert found is not None
    assert found["parts"] == [["fit", 2.0], ["fit Ridge-2", 1.0]]


def test_where_nothing_was_measured_nothing_is_said(store: Path) -> None:
    with autotrack.start_run(to=store) as run:
        run.log({"loss": 1.0}, step=0)
    assert time_spent(autotrack.load(run.folder).summary) is None
