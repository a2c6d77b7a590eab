"""A run that several processes recorded, on hosts whose clocks differ or were set: order and durations hold."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import autotrack
from autotrack.journal import records
from autotrack.journal.records import AnyRecord, Metrics, RunFinished, RunStarted
from autotrack.readers import catalog, recorded_run
from autotrack.readers.recorded_run import RecordedRun
from autotrack.sinks.folder import FolderSink
from autotrack.sinks.shipment import Shipment


def start(time: float, **about: Any) -> RunStarted:
    return RunStarted(
        time=time, **{"id": "a1", "name": "brave-otter", "experiment": "digits", "host": "near", **about}
    )


def losses(time: float, *steps: int) -> list[AnyRecord]:
    return [Metrics(time=time + index, values={"loss": 1.0 + step}, step=step) for index, step in enumerate(steps)]


def write(folder: Path, name: str, *written: AnyRecord) -> int:
    """Append to a journal; return how long it is then."""
    path = folder / "journal" / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.writelines(records.encode(record) + b"\n" for record in written)
    return path.stat().st_size


def steps(folder: Path, metric: str = "loss") -> list[int | None]:
    """Return the steps of a metric as every reader counts them."""
    Shipment(folder, FolderSink(), on_problem=pytest.fail).carry(flush=True)
    run = catalog.load(folder)
    points = run.history(metric)
    assert run.metrics[metric].count == len(points), "the summary and the history agree"
    return [point.step for point in points]


# ---- what was recorded again


@pytest.mark.parametrize("moved", [-1000.0, 0.0, 1000.0])
def test_points_recorded_again_are_told_by_their_order_whatever_the_clock_says(tmp_path: Path, moved: float) -> None:
    write(tmp_path, "main", start(100.0), *losses(101.0, 0, 1, 2, 3))
    write(tmp_path, "main", start(200.0 + moved, resumed_at_step=2, journals={}), *losses(201.0 + moved, 2, 3, 4))
    assert steps(tmp_path) == [0, 1, 2, 3, 4]


def test_a_clock_that_was_set_in_the_middle_loses_nothing(tmp_path: Path) -> None:
    write(tmp_path, "main", start(100.0), *losses(101.0, 0, 1), *losses(50.0, 2, 3), *losses(500.0, 4))
    assert steps(tmp_path) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("behind", [0.0, 500.0])
def test_the_points_of_other_ranks_are_told_by_how_long_their_journals_were(tmp_path: Path, behind: float) -> None:
    write(tmp_path, "main", start(1000.0), *losses(1001.0, 0, 1, 2))
    length = write(tmp_path, "rank1", start(1000.0 - behind, rank=1), *losses(1001.0 - behind, 0, 1, 2))
    write(tmp_path, "main", start(1100.0, resumed_at_step=1, journals={"rank1.jsonl": length}), *losses(1101.0, 1, 2))
    write(tmp_path, "rank1", start(1100.0 - behind, rank=1), *losses(1101.0 - behind, 1, 2, 3))
    assert steps(tmp_path, "rank1/loss") == [0, 1, 2, 3]


def test_runs_of_early_versions_tell_it_of_other_journals_by_time(tmp_path: Path) -> None:
    write(tmp_path, "main", start(100.0), *losses(101.0, 0, 1, 2), start(200.0, resumed_at_step=1), *losses(201.0, 1))
    write(tmp_path, "main-17", *losses(101.0, 0, 1, 2), *losses(201.0, 1, 2))
    write(tmp_path, "rank1", start(100.0, rank=1), *losses(101.0, 0, 1), start(190.0, rank=1), *losses(191.0, 1, 2))
    assert steps(tmp_path, "rank1/loss") == [0, 1, 2], "the rank went on together with the run"
    assert steps(tmp_path) == [0, 0, 1, 1, 2]


def test_a_run_that_goes_on_records_how_long_its_other_journals_are(tmp_path: Path) -> None:
    run = autotrack.start_run(to=tmp_path)
    run.log({"loss": 1.0}, step=0)
    run.finish()
    length = write(run.folder, "rank1", start(0.0, rank=1), *losses(1.0, 0))
    with (run.folder / "journal" / "rank1.jsonl").open("ab") as file:
        file.write(b'{"record":"Metr')  # it was killed, and whoever goes on cuts this off
    from autotrack.training.start import resume_run

    resume_run(run.folder, at_step=0).finish()
    lines = (run.folder / "journal" / "main.jsonl").read_bytes().splitlines()
    starts = [line for line in lines if b"RunStarted" in line]
    assert [json.loads(line).get("journals") for line in starts] == [None, {"rank1.jsonl": length}]


# ---- how it ended, and how long it took


def test_the_duration_is_what_the_processes_measured_and_leaves_out_the_time_between(tmp_path: Path) -> None:
    ends = (
        RunFinished(time=1500.0, status="failed", started=1000.0, duration_seconds=7.0),
        RunFinished(time=300.0, status="finished", started=400.0, duration_seconds=5.0),
    )
    write(tmp_path, "main", start(1000.0), ends[0], start(400.0, host="far", journals={}), ends[1])
    run = catalog.load(tmp_path)
    assert (run.status, run.duration_seconds) == ("finished", 12.0)
    assert run.ended is not None
    assert run.ended >= run.started
    forward, behind, back = [notice.message for notice in run.notices]
    assert forward.startswith("the clock of near was set forward, or the machine slept, by about 493 s while")
    assert behind.startswith("the clock of far is at least 1100 s behind the clock of near: its times are uncertain")
    assert back.startswith("the clock of far was set back by about 105 s while the run was recorded")


def test_the_end_of_an_earlier_process_that_its_sidecar_records_late_is_not_the_end_of_the_run(tmp_path: Path) -> None:
    write(tmp_path, "main", start(1000.0), start(400.0, journals={}))
    write(tmp_path, "sidecar", RunFinished(time=1010.0, status="killed", started=1000.0, duration_seconds=10.0))
    write(tmp_path, "main", RunFinished(time=420.0, status="finished", started=400.0, duration_seconds=20.0))
    run = catalog.load(tmp_path)
    assert (run.status, run.duration_seconds) == ("finished", 30.0)


def test_a_finished_run_stays_finished_when_its_clock_was_set_back(tmp_path: Path) -> None:
    write(tmp_path, "main", start(1000.0), *losses(1001.0, 0), RunFinished(time=400.0, status="finished"))
    run = catalog.load(tmp_path)
    assert (run.status, run.duration_seconds, run.ended) == ("finished", 0.0, 1000.0)


def test_a_rank_on_a_host_whose_clock_is_behind_is_named(tmp_path: Path) -> None:
    write(tmp_path, "main", start(1000.0))
    write(tmp_path, "rank1", start(900.0, rank=1, host="far"))
    (notice,) = catalog.load(tmp_path).notices
    assert notice.message.startswith("the clock of far is at least 100 s behind the clock of near")


def test_clocks_that_agree_are_not_mentioned(tmp_path: Path) -> None:
    with autotrack.start_run(to=tmp_path) as run:
        run.log({"loss": 1.0})
    summary = RecordedRun(run.folder, recorded_run.summarise(run.folder))
    assert not [notice for notice in summary.notices if notice.about == "clock"]
    assert 0.0 <= summary.duration_seconds < 100.0


_JUMPS = """
import sys, time
ahead, real = 0.0, time.time
time.time = lambda: real() + ahead
import autotrack
from autotrack.training.start import resume_run
run = autotrack.start_run(to=sys.argv[1])
for step in range(15):
    run.log({"loss": 1.0}, step=step)
run.finish("failed")
ahead = float(sys.argv[2])
run = resume_run(run.folder, at_step=5)
for step in range(5, 20):
    run.log({"loss": 1.0}, step=step)
ahead *= 2
run.finish()
print(run.folder)
"""


@pytest.mark.parametrize("jump", ["-30", "30"])
def test_a_run_recorded_while_the_clock_jumps_has_every_point_once(tmp_path: Path, jump: str) -> None:
    done = subprocess.run([sys.executable, "-c", _JUMPS, tmp_path, jump], check=True, capture_output=True, text=True)
    folder = Path(done.stdout.strip())
    assert steps(folder) == list(range(20))
    run = catalog.load(folder)
    assert run.status == "finished"
    assert 0.0 < run.duration_seconds < 20.0
