"""Folds become trials with the numbers, scores and times of their candidates, in this process and in workers."""

from typing import Any
from uuid import uuid4

import autotrack
from autotrack.integrations import Outcome, RunFiles
from autotrack_sklearn.folds import Fold, Folds, ParentFolds
from tests.autotrack_sklearn.conftest import all_runs


def task(candidate: int, split: int = 0, *, candidates: int = 2, splits: int = 1) -> dict[str, Any]:
    """The arguments of a task, as scikit-learn passes them."""
    return {
        "parameters": {"depth": candidate},
        "candidate_progress": (candidate, candidates),
        "split_progress": (split, splits),
    }


def scored(score: float, **more: Any) -> Outcome:
    return Outcome(result={"test_scores": score, "fit_time": 0.5, "score_time": 0.25, **more})


def a_run() -> autotrack.Run:
    return autotrack.start_run(to="runs", experiment="tests")


def test_a_candidate_is_a_trial_once_all_its_splits_are_scored() -> None:
    with a_run() as run:
        folds = Folds(run, first=4)
        folds.add(task(1, 0, splits=2), scored(0.5), started=1.0)
        assert not all_runs()[0].trials
        folds.add(task(1, 1, splits=2), scored(0.75), started=2.0)
        (trial,) = all_runs()[0].trials
    assert (trial.number, trial.params, trial.started) == (5, {"depth": 1}, 1.0)
    assert (trial.values["split0_test_score"], trial.values["split1_test_score"]) == (0.5, 0.75)


def test_a_split_that_fails_makes_the_trial_fail_with_its_last_line() -> None:
    with a_run() as run:
        Folds(run).add(task(0), scored(float("nan"), fit_error="Traceback\nValueError: too deep\n"), started=1.0)
    (trial,) = all_runs()[0].trials
    assert (trial.status, trial.error) == ("failed", "ValueError: too deep")


def test_candidates_that_come_again_are_those_of_the_next_batch() -> None:
    with a_run() as run:
        folds = Folds(run)
        for candidate in (0, 1, 0):
            folds.add(task(candidate), scored(0.5), started=1.0)
    assert [(fold.batch, fold.candidate) for fold in folds.done] == [(0, 0), (0, 1), (1, 0)]
    assert [trial.number for trial in all_runs()[0].trials] == [0, 1, 2]
    assert set(folds.times([2, 1])) == {0, 1, 2}
    assert folds.times([2]) == {}, "there were more batches than that"


def test_tasks_of_a_search_inside_are_left_out() -> None:
    with a_run() as run:
        folds = Folds(run, caller="outer")
        folds.add({**task(0), "caller": "inner"}, scored(0.5), started=1.0)
    assert folds.done == []


def test_points_have_times_only_if_they_were_done_one_after_the_other() -> None:
    with a_run() as run:
        in_turn, side_by_side = Folds(run), Folds(run)
    in_turn.done = [Fold(0, number, 0.5, started=number, ended=number + 0.5) for number in range(4)]
    side_by_side.done = [Fold(0, number, 0.5, started=number, ended=number + 1.5) for number in range(4)]
    assert in_turn.spans(2) == [(0, 2.5), (1, 3.5)]
    assert in_turn.spans(3) == side_by_side.spans(2) == []


def test_a_worker_numbers_the_trials_of_two_searches_in_a_run_one_after_the_other() -> None:
    first, second, worker = uuid4(), uuid4(), ParentFolds()
    with a_run() as run:
        worker.announce({first: (run.folder, 0), second: (run.folder, 2)})
        for search, candidate in [(first, 0), (second, 1), (second, 0)]:
            folds = worker.of(search)
            assert folds is not None
            folds.add(task(candidate), scored(0.5), started=1.0)
        assert worker.of(uuid4()) is None
        assert worker.of(None) is None
        assert [trial.number for trial in RunFiles(run).trials_of_workers()] == [0, 3, 2]
