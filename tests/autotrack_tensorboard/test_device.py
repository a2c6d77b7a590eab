"""Writers wait for a device to copy what they write; recording it makes nobody wait once more."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch

import autotrack
from autotrack_tensorboard.sessions import Sessions
from autotrack_tensorboard.writers import step_of
from tests.autotrack_tensorboard.conftest import MakeWriter, OneRun, values_of


class OnDevice:
    """What can only be read by waiting for a device."""

    is_cuda = True

    def item(self) -> float:
        raise AssertionError("somebody waited")

    __int__ = __float__ = __index__ = item


def test_a_step_on_a_device_is_not_asked_for(writer: Any) -> None:
    assert [step_of(writer, "loss", OnDevice()) for _ in range(2)] == [0, 1]
    writer.close()


def test_metrics_of_a_trial_on_a_device_are_not_asked_for() -> None:
    sessions = Sessions()
    with autotrack.start_run(to="store", experiment="tests") as run:
        for lr in (0.1, 0.2):
            sessions.add(run, {"lr": lr}, {"loss": OnDevice(), "accuracy": 0.9})
    assert [trial.values for trial in autotrack.load(run.folder).summary.trials] == [{"accuracy": 0.9}] * 2


@pytest.mark.gpu
def test_a_device_is_waited_for_no_more_often_than_without(make_writer: MakeWriter, recorded: OneRun) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    numbers = torch.arange(64, device="cuda", dtype=torch.float32).reshape(1, 8, 8) / 64

    def waits(writer: Any) -> int:
        writer.add_scalar("loss", numbers[0, 0, 1], 0)  # pinned memory is set up once
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                writer.add_scalar("loss", numbers[0, 0, 2], 1)
                writer.add_scalars("group", {"a": numbers[0, 0, 3]}, 1)
                writer.add_image("image", numbers, 1)
                writer.add_histogram("histogram", numbers, 1)
            finally:
                torch.cuda.set_sync_debug_mode("default")
        return sum("synchronizing" in str(one.message) for one in caught)

    without = waits(make_writer("without"))
    autotrack.autolog(to="store", experiment="tests", frameworks=["tensorboard"])
    writer = make_writer("with")
    assert waits(writer) == without > 0
    writer.close()
    run = recorded()
    assert values_of(run, "loss") == [(0, np.float32(1 / 64)), (1, np.float32(2 / 64))]
    assert values_of(run, "group/a") == [(1, np.float32(3 / 64))]
    assert (len(run.artifacts), len(run.summary.plots)) == (1, 1)
