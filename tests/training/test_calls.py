"""A training that begins because the same function is called again is told from all others."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from autotrack.training.calls import Trainings, calls_under_way


class Model:
    def predict(self) -> None:
        """Make it look like a model."""


class Agent:
    def __init__(self) -> None:
        self.model = Model()


class Recorder:
    """Notes trainings as the run of a script does: what begins again begins another job."""

    def __init__(self) -> None:
        self.jobs: list[dict[str, Any]] = []
        self._trainings = Trainings()

    def train(self) -> None:
        now = calls_under_way()[:-1]  # the last one stands for a framework
        calls = self._trainings.repeated_by(now)
        if calls is not None:
            self._trainings = Trainings()
            self.jobs.append({**calls[0].arguments, "then": calls[1].arguments})
        self._trainings.note(now)


recorder = Recorder()
common = Model()


@pytest.fixture(autouse=True)
def _new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "recorder", Recorder())


def main(rate: float, **_: object) -> float:
    recorder.train()
    return rate


def with_model(rate: float, model: object) -> float:
    return main(rate, of=model)


def with_attribute(agent: Agent) -> None:
    recorder.train()


def with_global() -> Model:
    recorder.train()
    return common


def two_phases(rate: float) -> float:
    return main(rate) + with_model(rate, Model())


def in_a_callback() -> None:
    recorder.train()
    for rate in (1.0, 2.0):
        main(rate)


def nested(rate: float) -> float:
    def deeper() -> float:
        recorder.train()
        return rate

    return deeper()


def failing(rate: float) -> None:
    recorder.train()
    raise ValueError(rate)


def kept_errors() -> list[ValueError]:
    errors = []
    for rate in (1.0, 2.0):
        try:
            failing(rate)
        except ValueError as error:  # its traceback keeps the frame of the call
            errors.append(error)
    return errors


def several_lines() -> None:
    main(1.0)
    main(2.0)


def in_one_call() -> None:
    for _ in range(3):
        recorder.train()


def same_model() -> None:
    model = Model()
    for rate in (1.0, 2.0):
        with_model(rate, model)


def same_agent() -> None:
    agent = Agent()
    for _ in range(3):
        with_attribute(agent)


@pytest.mark.parametrize(
    ("script", "jobs"),
    [
        (lambda: [main(rate) for rate in (1.0, 2.0, 3.0)], 3),
        (lambda: min(main(rate) for rate in (1.0, 2.0)), 2),
        (lambda: list(map(main, (1.0, 2.0))), 2),
        (lambda: [with_model(rate, Model()) for rate in (1.0, 2.0)], 2),
        (lambda: [two_phases(rate) for rate in (1.0, 2.0)], 2),
        (lambda: [nested(rate) for rate in (1.0, 2.0)], 2),
        (kept_errors, 2),
        (several_lines, 1),
        (in_one_call, 1),
        (in_a_callback, 1),
        (same_model, 1),
        (same_agent, 1),
        (lambda: [with_global() for _ in range(3)], 1),
    ],
)
def test_a_job_is_a_call_of_the_function_that_trained_before(script: Callable[[], object], jobs: int) -> None:
    script()
    assert len(recorder.jobs) + 1 == jobs


def test_a_job_has_the_settings_among_the_arguments_of_its_call() -> None:
    for rate in (1.0, 2.0):
        main(rate, model=Model())
    assert recorder.jobs == [{"rate": 1.0, "then": {"rate": 2.0}}]


def test_a_tracer_is_left_alone() -> None:
    def trace(*_: object) -> None:
        """Trace nothing."""

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        for rate in (1.0, 2.0):
            main(rate)
    finally:
        sys.settrace(before)
    assert recorder.jobs == []
    with_global()
    sys.settrace(trace)  # it finds our marks, which do nothing
    sys.settrace(before)
