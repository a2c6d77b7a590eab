"""What TensorBoard's own reader finds in the event files of a run is what the journal says."""

import math
import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotrack.journal.records import AnyRecord, Metrics, Number, Params, RunFinished, SystemStats, number
from autotrack.readers import catalog, recorded_run
from tests.support.event_files import BEGAN, event_files, loaded, metrics, open_shipment, scalars, ship, started, write


def as_float32(value: Number) -> float:
    exact: float = struct.unpack("<f", struct.pack("<f", number(value)))[0]
    return exact


def appended_files(folder: Path) -> list[Path]:
    """The event files without that of the session: a run that nobody records and that did not end was killed."""
    return [path for path in event_files(folder) if path.suffix == ".autotrack"]


def history(folder: Path, metric: str) -> list[tuple[int | None, float]]:
    """What autotrack itself reads of a metric."""
    return [(point.step, as_float32(point.value)) for point in catalog.load(folder).history(metric)]


def test_a_metric_reads_back_as_autotrack_says(tmp_path: Path) -> None:
    values: list[Number] = [0.5, -1e-30, 1 / 3, "NaN", "Infinity", "-Infinity", 2**24 + 1, 0]
    ship(write(tmp_path, started(), *[metrics(step, loss=value) for step, value in enumerate(values)]))
    found, expected = scalars(tmp_path)["metrics/loss"], history(tmp_path, "loss")
    assert str(found) == str(expected)  # NaN is not equal to itself


def test_a_number_too_large_for_tensorboard_is_infinite_there(tmp_path: Path) -> None:
    ship(write(tmp_path, started(), metrics(0, big=1e300, small=-(10**400 // 10**80))))
    assert scalars(tmp_path)["metrics/big"] == [(0, math.inf)]
    assert scalars(tmp_path)["metrics/small"] == [(0, -math.inf)]


def test_wall_times_are_kept(tmp_path: Path) -> None:
    ship(write(tmp_path, started(), metrics(3, at=BEGAN + 12.345, loss=0.5)))
    assert [point.wall_time for point in loaded(tmp_path).Scalars("metrics/loss")] == [BEGAN + 12.345]


def test_all_values_of_a_record_are_one_event(tmp_path: Path) -> None:
    values: dict[str, Any] = {f"m{index}": float(index) for index in range(10)}
    ship(write(tmp_path, started(), metrics(0, **values)))
    size = event_files(tmp_path)[0].stat().st_size
    ship(write(tmp_path, metrics(1, **values)))
    assert event_files(tmp_path)[0].stat().st_size - size < 10 * 20 + 250  # the second number is for the checkpoint


def test_what_has_no_step_lies_on_its_epoch_and_the_axis_stays_the_same(tmp_path: Path) -> None:
    by_epoch = [
        Metrics(time=BEGAN + epoch, values={"val_loss": 1.0}, epoch=epoch, step=100 * epoch if epoch == 2 else None)
        for epoch in range(4)
    ]
    by_step = [metrics(10, acc=0.1), Metrics(time=BEGAN + 20, values={"acc": 0.2}), metrics(20, acc=0.3)]
    ship(write(tmp_path, started(), *by_epoch, *by_step))
    assert [step for step, _ in scalars(tmp_path)["validate/loss"]] == [0, 1, 2, 3]
    assert [step for step, _ in scalars(tmp_path)["metrics/acc"]] == [10, 11, 20]


def test_the_load_lies_on_the_seconds_of_the_run(tmp_path: Path) -> None:
    write(tmp_path, started())
    for at in (0.2, 5.4, 5.9, 11.0):
        write(tmp_path, SystemStats(time=BEGAN + at, values={"host_cpu_percent": at}), journal="sidecar")
    ship(tmp_path)
    found = scalars(tmp_path)["system/host_cpu_percent"]
    assert [step for step, _ in found] == [0, 5, 6, 11]
    assert [value for _, value in found] == [value for _, value in history(tmp_path, "system/host_cpu_percent")]


def test_the_best_value_is_written_whenever_there_is_a_better_one(tmp_path: Path) -> None:
    losses: list[Number] = [3.0, 4.0, "NaN", 2.0, "-Infinity", 2.5, 1.0]
    ship(write(tmp_path, started(), *[metrics(step, val_loss=value) for step, value in enumerate(losses)]))
    assert scalars(tmp_path)["best/val_loss"] == [(0, 3.0), (3, 2.0), (6, 1.0)]


def test_a_callback_that_watches_a_metric_says_what_is_best(tmp_path: Path) -> None:
    mode = {"EarlyStopping.monitor": "val_thing", "EarlyStopping.mode": "max"}
    write(tmp_path, started(), Params(time=BEGAN, values=mode, source="callbacks"))
    ship(write(tmp_path, *[metrics(step, val_thing=value, other=value) for step, value in enumerate([1, 3, 2])]))
    assert scalars(tmp_path)["best/val_thing"] == [(0, 1.0), (1, 3.0)]
    assert "best/other" not in scalars(tmp_path)


def test_what_is_measured_on_training_data_has_a_best_value_where_a_callback_watches_it(tmp_path: Path) -> None:
    mode = {"EarlyStopping.monitor": "train_acc", "EarlyStopping.mode": "max"}
    write(tmp_path, started(), Params(time=BEGAN, values=mode, source="callbacks"))
    losses = [metrics(step, stage="train", loss=1.0 - step, train_acc=step) for step in range(2)]
    ship(write(tmp_path, *losses))
    assert [tag for tag in scalars(tmp_path) if tag.startswith("best/")] == ["best/train_acc"]


def test_neither_durations_nor_single_values_have_a_best_one(tmp_path: Path) -> None:
    ship(write(tmp_path, started(), *[metrics(step, epoch_seconds=1 / (1 + step)) for step in range(3)]))
    ship(write(tmp_path, metrics(3, test_loss=1.0)))
    assert not [tag for tag in scalars(tmp_path) if tag.startswith("best/")]


def test_when_a_run_has_ended_a_single_value_is_its_best(tmp_path: Path) -> None:
    write(tmp_path, started(metric="min cost"), metrics(0, test_acc=0.5, cost=3.0, epoch_seconds=1.0, momentum=0.9))
    shipment = open_shipment(tmp_path)
    shipment.carry(flush=True)
    assert not [tag for tag in scalars(tmp_path) if tag.startswith("best/")]
    write(tmp_path, RunFinished(time=BEGAN + 9, status="finished"))
    shipment.carry(flush=True)
    shipment.close()
    ship(write(tmp_path, metrics(0, b_score=0.75)))
    found = scalars(ship(tmp_path))
    bests = {tag: values for tag, values in found.items() if tag.startswith("best/")}
    assert bests == {"best/test_acc": [(0, 0.5)], "best/cost": [(0, 3.0)], "best/b_score": [(0, 0.75)]}


def test_other_ranks_are_groups_of_their_own(tmp_path: Path) -> None:
    write(tmp_path, started(), metrics(0, train_loss=1.0))
    write(tmp_path, started(rank=1), metrics(0, train_loss=2.0), journal="rank1")
    write(tmp_path, SystemStats(time=BEGAN, values={"host_load": 3.0}), journal="rank1-sidecar")
    ship(tmp_path)
    found = scalars(tmp_path)
    assert (found["train/loss"], found["rank1/train/loss"]) == ([(0, 1.0)], [(0, 2.0)])
    assert found["rank1/system/host_load"] == [(0, 3.0)]


def test_shipping_again_changes_nothing(tmp_path: Path) -> None:
    ship(write(tmp_path, started(), *[metrics(step, loss=1.0) for step in range(5)]))
    before = {path: path.read_bytes() for path in event_files(tmp_path)}
    ship(ship(tmp_path))
    assert {path: path.read_bytes() for path in event_files(tmp_path)} == before


def test_event_files_that_were_deleted_are_made_again(tmp_path: Path) -> None:
    ship(write(tmp_path, started(), *[metrics(step, loss=1 / (1 + step)) for step in range(5)]))
    before = scalars(tmp_path)
    for path in event_files(tmp_path):
        path.unlink()
    assert scalars(ship(tmp_path)) == before


def test_what_is_recorded_again_after_going_back_is_there_once(tmp_path: Path) -> None:
    shipment = open_shipment(write(tmp_path, started(), *[metrics(step, loss=10.0 - step) for step in range(6)]))
    shipment.carry(flush=True)
    write(tmp_path, started(time=BEGAN + 50, resumed_at_step=3))
    shipment.carry(flush=True)
    assert scalars(tmp_path)["metrics/loss"] == [(0, 10.0), (1, 9.0), (2, 8.0)]
    write(tmp_path, *[metrics(step, at=BEGAN + 60 + step, loss=20.0 - step) for step in (3, 4)])
    shipment.carry(flush=True)
    shipment.close()
    found = scalars(tmp_path)
    assert found["metrics/loss"] == history(tmp_path, "loss") == [(0, 10.0), (1, 9.0), (2, 8.0), (3, 17.0), (4, 16.0)]
    assert found["best/loss"] == [(0, 10.0), (1, 9.0), (2, 8.0)]
    assert len(appended_files(tmp_path)) == 1


def test_going_back_is_noticed_by_another_process_and_gets_a_later_file(tmp_path: Path) -> None:
    ship(write(tmp_path, started(), *[metrics(step, loss=1.0) for step in range(6)]))
    (before,) = appended_files(tmp_path)
    write(tmp_path, started(time=BEGAN + 50, resumed_at_step=3), metrics(3, at=BEGAN + 60, loss=2.0))
    ship(tmp_path)
    (after,) = appended_files(tmp_path)
    assert after.name > before.name
    assert scalars(tmp_path)["metrics/loss"] == history(tmp_path, "loss")


def test_going_on_where_it_stopped_goes_on_in_the_same_file(tmp_path: Path) -> None:
    ship(write(tmp_path, started(), *[metrics(step, loss=1.0) for step in range(3)]))
    before = appended_files(tmp_path)
    again: list[AnyRecord] = [started(time=BEGAN + 50, resumed_at_step=3), metrics(3, at=BEGAN + 60, loss=0.5)]
    ship(write(tmp_path, *again, started(time=BEGAN + 70), metrics(4, at=BEGAN + 80, loss=0.4)))
    assert appended_files(tmp_path) == before
    assert [step for step, _ in scalars(tmp_path)["metrics/loss"]] == [0, 1, 2, 3, 4]


def test_a_long_run_is_written_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autotrack.sinks.tensorboard.sink._MOST_BYTES_WAITING", 1000)
    first: list[AnyRecord] = [started(), *[metrics(step, loss=1.0) for step in range(100)]]
    ship(write(tmp_path, *first, started(time=BEGAN + 200, resumed_at_step=50)))
    write(tmp_path, *[metrics(step, at=BEGAN + 250 + step, loss=2.0) for step in range(50, 100)])
    ship(tmp_path)
    assert scalars(tmp_path)["metrics/loss"] == history(tmp_path, "loss")


STEPS = st.integers(0, 6)
LOGGED = st.builds(
    lambda name, step, stage, value: ("log", name, step, stage, value),
    st.sampled_from(["loss", "val_loss", "train_loss", "acc", "a/b", "lr-Adam"]),
    st.none() | STEPS,
    st.sampled_from([None, "train", "validate"]),
    st.sampled_from([0.0, 0.5, -1.0, 2.0]),
)
EVENTS = LOGGED | st.tuples(st.just("resume"), STEPS) | st.sampled_from([("flush",), ("reopen",), ("load",)])


def as_records(event: Sequence[Any], at: float) -> tuple[str, list[AnyRecord]]:
    """The journal that an event goes to, and its records."""
    if event[0] == "log":
        _, name, step, stage, value = event
        return "main", [Metrics(time=at, values={name: value}, step=step, stage=stage)]
    if event[0] == "resume":
        return "main", [started(time=at, resumed_at_step=event[1])]
    return "sidecar", [SystemStats(time=at, values={"load": at})] if event[0] == "load" else []


@settings(max_examples=30)
@given(st.lists(EVENTS, max_size=25))
def test_live_in_many_flushes_by_many_processes_or_at_once_it_reads_the_same(events: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        live, later = Path(place) / "live", Path(place) / "later"
        for folder in (live, later):
            write(folder, started())
        shipment = open_shipment(live)
        for number_, event in enumerate(events):
            journal, found = as_records(event, BEGAN + 1 + number_)
            for folder in (live, later):
                write(folder, *found, journal=journal)
            if event[0] in ("flush", "reopen"):
                shipment.carry(flush=True)
            if event[0] == "reopen":
                shipment.close()
                shipment = open_shipment(live)
        shipment.carry(flush=True)
        shipment.close()
        assert scalars(live) == scalars(ship(later))
        points = recorded_run.fold(live).points
        for name, tag in (("a/b", "a/b"), ("lr-Adam", "lr/Adam")):
            expected = [point.value for point in points.get(name, [])]
            assert [value for _, value in scalars(live).get(tag, [])] == expected
