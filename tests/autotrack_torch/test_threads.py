"""Trainings in several threads: each step is counted once, in the training that it belongs to."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import torch

import autotrack
from autotrack.journal.records import RunStarted
from autotrack_torch.watch import watch
from tests.autotrack_torch.conftest import Record, loader, loss_of, net


def in_threads(*functions: Callable[[], Any]) -> None:
    """Run functions in threads of their own, all at once."""
    with ThreadPoolExecutor(len(functions)) as pool:
        for future in [pool.submit(function) for function in functions]:
            future.result()


class Training:
    def __init__(self, model: Any = None) -> None:
        self.model = net() if model is None else model
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)
        self.losses: list[float] = []

    def epoch(self, wait: Callable[[], Any] = lambda: None) -> None:
        for batch in loader():
            wait()
            self.optimizer.zero_grad()
            loss = loss_of(self.model, batch)
            loss.backward()
            self.optimizer.step()
            self.losses.append(loss.item())


def test_a_training_each_epoch_of_which_runs_in_another_thread(record: Record) -> None:
    training = Training()

    def script() -> None:
        for _epoch in range(3):
            thread = threading.Thread(target=training.epoch)
            thread.start()
            thread.join()

    (run,) = record(script)
    assert [step for step, _, _ in run.series("loss")] == list(range(9))
    assert run.values("loss") == training.losses


@pytest.mark.parametrize("in_script", [False, True])
def test_two_trainings_at_the_same_time_are_two_runs(record: Record, in_script: bool) -> None:
    trainings: list[Training] = []

    def script() -> None:
        both = threading.Barrier(2, timeout=60)
        trainings.extend(Training() for _ in range(2))

        def train(training: Training) -> None:
            for _epoch in range(2):
                training.epoch(both.wait)

        in_threads(*(partial(around, partial(train, one)) for one in trainings))

    def around(function: Callable[[], Any]) -> None:
        if in_script:
            watch_run(function)
        else:
            function()

    outer: list[Any] = []

    def watch_run(function: Callable[[], Any]) -> None:
        from autotrack.training.hooks.current_run import enter

        enter(outer[0])  # as in a thread of a script that `autotrack run` has started
        function()

    def whole() -> None:
        if in_script:
            with autotrack.start_run("script") as run:
                outer.append(run)
                script()
        else:
            script()

    runs = record(whole)
    assert len(runs) == 2
    assert sorted(run.values("loss") for run in runs) == sorted(one.losses for one in trainings)
    assert [[step for step, _, _ in run.series("loss")] for run in runs] == [list(range(6))] * 2
    parents = [run.of(RunStarted)[0].parent for run in runs]
    assert (parents.count(None), len(parents)) == ((1, 2) if in_script else (2, 2))


def test_threads_that_share_a_model_are_one_run_with_all_of_their_steps(record: Record) -> None:
    def script() -> None:
        model = net()
        both = threading.Barrier(2, timeout=60)
        trainings = [Training(model) for _ in range(2)]
        in_threads(*(partial(one.epoch, both.wait) for one in trainings))

    (run,) = record(script)
    steps = [step for name in run.names if name.startswith("loss") for step, _, _ in run.series(name)]
    assert set(steps) == set(range(6))
    assert len(steps) == 6


def test_trainings_one_after_the_other_in_threads_of_a_script_count_on(record: Record) -> None:
    def script() -> None:
        with autotrack.start_run("script") as run:
            for _fold in range(2):
                training = Training()

                def train(training: Training = training) -> None:
                    from autotrack.training.hooks.current_run import enter

                    enter(run)
                    for _epoch in range(2):
                        training.epoch()

                in_threads(train)

    (run,) = record(script)
    assert [(step, epoch) for step, epoch, _ in run.series("loss")] == [(step, step // 3) for step in range(12)]
    assert watch.loop is None
