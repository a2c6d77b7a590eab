"""Numbers on a CUDA device are never waited for in training, and come out right and in order."""

import math
from collections.abc import Callable
from pathlib import Path
from time import time
from typing import Any

import pytest

import autotrack
from autotrack.errors import AutotrackWarning
from autotrack.journal.records import AnyRecord, Artifact, Metrics, Number, number
from autotrack.training import cuda
from autotrack.training.cuda import CudaNumber, PendingRecords, convert


class Copy(CudaNumber):
    """A copy that completes when the test says so."""

    def __init__(self, name: str = "loss", tensor: Any = None) -> None:
        self.name = name
        self.tensor = tensor
        self.complete = False
        self.number: Number = 0.5
        self.fault: RuntimeError | None = None
        self.waited_for = 0

    def ready(self) -> bool:
        return self.complete or self.fault is not None

    def value(self) -> Number:
        self.waited_for += not self.complete
        if self.fault:
            raise self.fault
        return self.number


class Tensor:
    """As much of a tensor on a CUDA device as is looked at before it is copied."""

    is_cuda = True
    dtype = "torch.complex64"

    def __init__(self, *shape: int, complex_numbers: bool = False) -> None:
        self.shape = shape
        self._complex = complex_numbers

    def numel(self) -> int:
        return math.prod(self.shape)

    def is_complex(self) -> bool:
        return self._complex


def metrics(step: int, **values: Number) -> Metrics:
    return Metrics(time=time(), values=values, step=step)


def test_records_wait_for_their_copies_and_keep_their_order() -> None:
    written: list[Metrics | Artifact] = []
    pending = PendingRecords(written.append)
    first, second = Copy(), Copy()
    pending.add(metrics(0, loss=0), {"loss": first})
    pending.add(metrics(1, loss=0.25), {})
    pending.add(metrics(2, loss=0), {"loss": second})
    assert (written, len(pending)) == ([], 3)

    second.complete = True
    pending.flush()
    assert (written, len(pending)) == ([], 3)  # its turn has not come

    first.complete = True
    pending.add(metrics(3, loss=0.125), {})
    assert [(record.step, record.values) for record in written if isinstance(record, Metrics)] == [
        (0, {"loss": 0.5}),
        (1, {"loss": 0.25}),
        (2, {"loss": 0.5}),
        (3, {"loss": 0.125}),
    ]
    assert len(pending) == 0
    assert first.waited_for == second.waited_for == 0


def test_nothing_is_waited_for_unless_asked() -> None:
    written: list[Metrics | Artifact] = []
    pending = PendingRecords(written.append)
    copies = [Copy() for _ in range(10)]
    for step, copy in enumerate(copies):
        pending.add(metrics(step, loss=0), {"loss": copy})
        pending.flush()
    assert (written, [copy.waited_for for copy in copies]) == ([], [0] * 10)
    pending.flush(wait=True)
    assert [record.step for record in written] == list(range(10))
    assert [copy.waited_for for copy in copies] == [1] * 10


def test_a_record_is_written_once_all_its_copies_have_completed() -> None:
    written: list[Metrics | Artifact] = []
    pending = PendingRecords(written.append)
    copies = {"loss": Copy(), "acc": Copy()}
    copies["loss"].complete, copies["acc"].number = True, "NaN"
    pending.add(metrics(0, loss=0, plain=3, acc=0), dict(copies))
    assert written == []
    copies["acc"].complete = True
    pending.flush()
    (record,) = written
    assert isinstance(record, Metrics)
    assert list(record.values.items()) == [("loss", 0.5), ("plain", 3), ("acc", "NaN")]


def test_the_metrics_of_an_artifact_may_wait_as_well() -> None:
    written: list[Metrics | Artifact] = []
    pending = PendingRecords(written.append)
    copy = Copy()
    artifact = Artifact(time=1.0, path="checkpoints/a.ckpt", kind="checkpoint", metrics={"loss": 0, "acc": 0.75})
    pending.add(artifact, {"loss": copy})
    assert written == []
    copy.complete = True
    pending.flush()
    (record,) = written
    assert isinstance(record, Artifact)
    assert record.metrics == {"loss": 0.5, "acc": 0.75}


def test_numbers_and_copies_keep_the_order_of_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "CudaNumber", Copy)
    numbers, copies = convert({"b": 1.5, "a": Tensor(1), "c": math.nan})
    assert list(numbers.items()) == [("b", 1.5), ("a", 0), ("c", "NaN")]
    assert list(copies) == ["a"]


@pytest.mark.parametrize("tensor", [Tensor(2, 3), Tensor(0), Tensor(1, complex_numbers=True)])
def test_a_tensor_that_is_no_single_number_is_refused_at_the_call(tensor: Tensor, store: Path) -> None:
    run = autotrack.start_run(to=store)
    with pytest.raises(TypeError, match=r"'loss' is a tensor of shape .* a single number was expected"):
        run.log({"loss": tensor})
    run.log({"loss": 0.5})
    run.finish()
    assert autotrack.load(run.folder).metrics["loss"].count == 1


def test_a_run_writes_what_waits_in_order_at_later_calls_and_at_its_end(
    store: Path, monkeypatch: pytest.MonkeyPatch, read_journal: Callable[..., list[AnyRecord]]
) -> None:
    made: list[Copy] = []

    def copying(name: str, tensor: Any) -> Copy:
        made.append(Copy(name, tensor))
        return made[-1]

    monkeypatch.setattr(cuda, "CudaNumber", copying)
    run = autotrack.start_run(to=store)

    def written() -> list[int | None]:
        return [record.step for record in read_journal(run.folder) if isinstance(record, Metrics)]

    for step in range(4):
        run.log({"loss": Tensor(1)}, step=step)
    run.log({"lr": 0.1}, step=4)
    run.log({"loss": math.nan}, step=5)
    assert written() == []
    made[0].complete = made[1].complete = True
    run.log({"lr": 0.1}, step=6)
    assert written() == [0, 1]
    run.finish()
    assert written() == list(range(7))
    assert [copy.waited_for for copy in made] == [0, 0, 1, 1]
    recorded = autotrack.load(run.folder)
    assert [point.value for point in recorded.history("loss")] == [0.5] * 4 + ["NaN"]


def test_values_that_change_after_the_call_are_logged_as_they_were(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda, "CudaNumber", Copy)
    run = autotrack.start_run(to=store)
    run.log({"loss": Tensor(1)}, step=0)
    values = {"lr": 0.5}
    run.log(values, step=1)
    values["lr"] = 99.0
    run.finish()
    assert [point.value for point in autotrack.load(run.folder).history("lr")] == [0.5]


def test_a_device_that_failed_loses_only_what_was_still_on_it(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failed kernel every call of CUDA raises: the run still ends, with the user's own exception."""

    class Broken(Copy):
        def value(self) -> Number:
            raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(cuda, "CudaNumber", Broken)
    error = RuntimeError("CUDA error: device-side assert triggered")

    def train() -> None:
        with autotrack.start_run(to=store) as run:
            run.log({"loss": Tensor(1), "lr": 0.1}, step=0)
            run.log({"lr": 0.2}, step=1)
            raise error

    warned = pytest.warns(AutotrackWarning, match="'loss' never came from its device: CUDA error")
    with warned, pytest.raises(RuntimeError) as caught:
        train()
    assert caught.value is error
    (recorded,) = autotrack.runs(store)
    assert recorded.status == "failed"
    assert recorded.error == "RuntimeError: CUDA error: device-side assert triggered"
    assert [point.value for point in recorded.history("lr")] == [0.1, 0.2]
    assert list(recorded.metrics) == ["lr"]
    assert [notice.about for notice in recorded.notices] == ["metrics"]


def test_asking_a_failed_device_whether_a_copy_is_complete_raises_nothing() -> None:
    class Event:
        def query(self) -> bool:
            raise RuntimeError("CUDA error: device-side assert triggered")

    copy = CudaNumber.__new__(CudaNumber)
    copy._copied = Event()
    assert copy.ready()


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype")
def test_logging_from_a_device_never_waits_for_it(store: Path, read_journal: Callable[..., list[AnyRecord]]) -> None:
    """Any call that synchronises raises under this mode of torch; kernels are queued all the while."""
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    large = torch.rand(4096, 4096, device="cuda")
    expected = torch.arange(200, device="cuda", dtype=torch.float64) / 8
    run = autotrack.start_run(to=store)
    run.log({"loss": expected[0], "half": expected[0].bfloat16()}, step=0)  # pinned memory is set up once
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for step in range(1, 200):
            large = torch.tanh(large @ large)
            run.log({"loss": expected[step], "half": expected[step].bfloat16(), "host": float(step)}, step=step)
            run.log({"between": float(step)}, step=step)
        run.log({"nan": expected[0] * math.nan, "inf": 1 / expected[0], "flag": expected[0] == 0}, step=200)
        with pytest.raises(TypeError, match="'vector'"):
            run.log({"vector": expected})
        waiting = 400 - sum(isinstance(record, Metrics) for record in read_journal(run.folder))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert waiting > 0, "the kernels were too quick for this test to show anything"
    run.finish()
    recorded = autotrack.load(run.folder)
    assert [point.value for point in recorded.history("loss")] == [step / 8 for step in range(200)]
    halves = [float(torch.tensor(step / 8).bfloat16()) for step in range(200)]
    assert [point.value for point in recorded.history("half")] == halves
    assert [point.step for point in recorded.history("between")] == list(range(1, 200))
    found = [record.step for record in read_journal(run.folder) if isinstance(record, Metrics)]
    assert found == sorted(step for step in found if step is not None)
    assert math.isnan(number(recorded.metrics["nan"].last.value))
    assert number(recorded.metrics["inf"].last.value) == math.inf
    assert recorded.metrics["flag"].last.value == 1
