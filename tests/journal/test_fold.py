"""What a run comes to: one summary from its records, whichever way they were written."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

import autotrack
from autotrack.journal import summary
from autotrack.journal.fold import Fold
from autotrack.journal.records import (
    AnyRecord,
    Artifact,
    Dataset,
    Environment,
    Metrics,
    Notice,
    Number,
    Params,
    RunFinished,
    RunStarted,
    SystemStats,
    Table,
    Tags,
    Text,
    Trial,
)
from autotrack.journal.series import Point
from autotrack.journal.summary import LoadSummary, Summary


def start(time: float = 100.0, **about: Any) -> RunStarted:
    return RunStarted(time=time, **{"id": "a1b2c3", "name": "brave-otter", "experiment": "digits", **about})


def measured(name: str, *values: Number, first_step: int = 0, **about: Any) -> list[Metrics]:
    return [
        Metrics(time=101.0 + index, values={name: value}, step=first_step + index, **about)
        for index, value in enumerate(values)
    ]


def value(point: Point | None) -> object:
    return None if point is None else point.value


def summary_of(*found: AnyRecord, started: bool = True) -> Summary:
    result = Fold()
    result.add([start(), *found] if started else found)
    return result.summary()


# ---- params


def test_params_of_all_sources_are_one_flat_table() -> None:
    summary = summary_of(
        Params(time=1, values={"lr": 0.1, "width": 64}, source="model.hparams"),
        Params(time=2, values={"optimizer": "Adam"}, source="optimizer"),
    )
    assert summary.params == {"lr": 0.1, "width": 64, "optimizer": "Adam"}
    assert summary.params_by_source == {
        "model.hparams": {"lr": 0.1, "width": 64},
        "optimizer": {"optimizer": "Adam"},
    }


def test_a_second_different_value_is_kept_under_its_source() -> None:
    summary = summary_of(
        Params(time=1, values={"lr": 0.1}, source="model.hparams"),
        Params(time=2, values={"lr": 0.05}, source="optimizer"),
        Params(time=3, values={"lr": 0.01}, source="argparse"),
    )
    assert summary.params == {"lr": 0.1, "optimizer.lr": 0.05, "argparse.lr": 0.01}


def test_the_same_value_from_a_second_source_is_said_once() -> None:
    summary = summary_of(
        Params(time=1, values={"lr": 0.1}, source="model.hparams"),
        Params(time=2, values={"lr": 0.1}, source="optimizer"),
    )
    assert summary.params == {"lr": 0.1}
    assert summary.params_by_source["optimizer"] == {"lr": 0.1}


def test_arguments_left_at_their_default_are_told_from_given_ones() -> None:
    parsed = {"lr": 0.1, "epochs": 5, "out": "x", "width": 8}
    summary = summary_of(
        Params(time=1, values=parsed, source="argparse", given=["lr", "epochs"], defaults={"epochs": 3, "width": 4}),
        Params(time=2, values={"out": "x", "lr": 0.2}, source="model.hparams"),
    )
    assert [name for name in summary.params if summary.is_default(name)] == ["out"]
    assert summary.params_given == {"argparse": ["lr", "epochs"]}
    assert summary.params_defaults == {"argparse": {"epochs": 3, "width": 4}}


def test_what_is_parsed_again_counts() -> None:
    summary = summary_of(
        Params(time=1, values={"lr": 0.2, "seed": 1}, source="argparse", given=["lr", "seed"], defaults={"lr": 0.1}),
        Params(time=2, values={"lr": 0.1}, source="argparse", given=[]),
    )
    assert (summary.params_given, summary.params_defaults) == ({"argparse": ["seed"]}, {})


# ---- metrics


def test_a_metric_has_its_last_smallest_largest_and_best_value_with_where_they_were() -> None:
    summary = summary_of(*measured("val_loss", 0.9, 0.2, 0.7, epoch=3, stage="validate"))
    metric = summary.metrics["val_loss"]
    assert (metric.last.value, metric.last.step, metric.last.epoch, metric.last.stage) == (0.7, 2, 3, "validate")
    assert (value(metric.min), value(metric.max), value(metric.best)) == (0.2, 0.9, 0.2)
    assert metric.best is not None
    assert metric.best.step == 1
    assert (metric.better, metric.count) == ("min", 3)


def test_the_first_of_several_equally_good_values_is_the_best() -> None:
    metric = summary_of(*measured("accuracy", 0.5, 0.8, 0.8)).metrics["accuracy"]
    assert metric.best
    assert metric.best.step == 1


def test_a_metric_whose_name_tells_no_direction_has_no_best() -> None:
    metric = summary_of(*measured("temperature", 3.0, 1.0, 2.0)).metrics["temperature"]
    assert (metric.best, metric.better) == (None, None)
    assert (value(metric.min), value(metric.max)) == (1.0, 3.0)


def test_a_callback_that_watches_a_metric_knows_better_than_the_name() -> None:
    watching = Params(
        time=1,
        source="callbacks",
        values={
            "EarlyStopping.monitor": "val_loss",
            "EarlyStopping.mode": "max",
            "ModelCheckpoint.monitor": "temperature",
            "ModelCheckpoint.mode": "min",
            "StochasticWeightAveraging.swa_lrs": 0.1,
        },
    )
    metrics = summary_of(*measured("val_loss", 0.9, 0.2), *measured("temperature", 3.0, 1.0), watching).metrics
    assert (metrics["val_loss"].better, metrics["temperature"].better) == ("max", "min")
    assert (value(metrics["val_loss"].best), value(metrics["temperature"].best)) == (0.9, 1.0)


def test_a_callback_with_another_kind_of_mode_changes_nothing() -> None:
    watching = Params(time=1, source="callbacks", values={"Mine.monitor": "val_loss", "Mine.mode": "auto"})
    assert summary_of(*measured("val_loss", 0.9), watching).metrics["val_loss"].better == "min"


def test_nan_and_infinities_are_kept_as_last_and_never_best() -> None:
    metric = summary_of(*measured("val_loss", 0.9, 0.5, "Infinity", "-Infinity", "NaN")).metrics["val_loss"]
    assert metric.last.value == "NaN"
    assert (value(metric.min), value(metric.max), value(metric.best)) == (0.5, 0.9, 0.5)
    assert metric.count == 5


def test_a_metric_that_was_never_a_finite_number_has_no_best() -> None:
    metric = summary_of(*measured("val_loss", "NaN", "NaN")).metrics["val_loss"]
    assert (metric.last.value, metric.min, metric.max, metric.best) == ("NaN", None, None, None)
    assert metric.count == 2


def test_an_integer_stays_an_integer() -> None:
    last = summary_of(*measured("correct", 7)).metrics["correct"].last.value
    assert (last, type(last)) == (7, int)


# ---- epochs


def test_every_epoch_is_a_row_with_the_last_value_of_every_metric() -> None:
    summary = summary_of(
        *measured("train_loss", 0.9, 0.8, epoch=0, stage="train"),
        Metrics(time=110, values={"val_loss": 0.85}, step=1, epoch=0, stage="validate"),
        *measured("train_loss", 0.7, "NaN", first_step=2, epoch=1, stage="train"),
        Metrics(time=111, values={"val_loss": 0.65}, step=3, epoch=1, stage="validate"),
        Metrics(time=112, values={"test_loss": 0.6}, step=3, epoch=1, stage="test"),
        Metrics(time=113, values={"unrelated": 1.0}, step=9),
    )
    assert summary.epochs == [
        {"epoch": 0, "step": 1, "train_loss": 0.8, "val_loss": 0.85},
        {"epoch": 1, "step": 3, "train_loss": "NaN", "val_loss": 0.65},
    ]


def test_metrics_called_step_and_epoch_do_not_disturb_the_rows() -> None:
    summary = summary_of(
        Metrics(time=1, values={"epoch": 7.5, "step": "NaN", "loss": 0.5}, step=3, epoch=0),
        Metrics(time=2, values={"epoch": 8.5, "step": "NaN", "loss": 0.4}, step=4, epoch=0),
    )
    assert summary.epochs == [{"epoch": 0, "step": 4, "loss": 0.4}]
    assert summary.metrics["epoch"].last.value == 8.5


# ---- how it went


def test_a_run_without_an_end_is_running() -> None:
    summary = summary_of(*measured("loss", 1.0))
    assert (summary.status, summary.ended, summary.duration_seconds) == ("running", None, None)


def test_the_end_says_how_and_after_how_long() -> None:
    summary = summary_of(
        RunFinished(
            time=107.5, status="failed", error="ValueError: no", traceback="Traceback …", overhead_seconds=0.25
        )
    )
    assert (summary.status, summary.error, summary.traceback) == ("failed", "ValueError: no", "Traceback …")
    assert (summary.started, summary.ended, summary.duration_seconds) == (100.0, 107.5, 7.5)
    assert summary.overhead_seconds == 0.25


def test_an_evaluation_after_the_end_belongs_to_the_run() -> None:
    summary = summary_of(RunFinished(time=107, status="finished"), *measured("test_acc", 0.9, stage="test"))
    assert summary.status == "finished"
    assert summary.metrics["test_acc"].last.value == 0.9


def test_a_resumed_run_drops_the_points_that_are_recorded_again() -> None:
    summary = summary_of(
        Metrics(time=101, values={"noted": 1.0}),
        *measured("loss", 0.9, 0.8, 0.7, 0.6),
        *measured("only_later", 5.0, first_step=2),
        start(time=200, resumed_at_step=2, pid=7),
        Metrics(time=201, values={"loss": 0.71}, step=2),
    )
    loss = summary.metrics["loss"]
    assert (loss.last.value, loss.count) == (0.71, 3)
    assert value(loss.min) == 0.71
    assert "only_later" not in summary.metrics
    assert summary.metrics["noted"].last.value == 1.0, "what has no step is kept"


def test_a_resumed_run_runs_again_and_adds_up() -> None:
    fold = Fold()
    fold.add([start(frameworks={"torch": "1"}), RunFinished(time=110, status="failed", error="boom", traceback="T",
                                                            overhead_seconds=1.0)])  # fmt: skip
    fold.add([start(time=200, frameworks={"lightning": "2"}, pid=7)])
    again = fold.summary()
    assert (again.status, again.error, again.traceback, again.ended) == ("running", None, None, None)
    assert (again.started, again.pid) == (100.0, 7)
    assert again.frameworks == {"torch": "1", "lightning": "2"}
    fold.add([RunFinished(time=210, status="finished", overhead_seconds=0.5)])
    ended = fold.summary()
    assert (ended.status, ended.duration_seconds, ended.overhead_seconds) == ("finished", 20.0, 1.5), (
        "the time between the two processes belongs to none"
    )


def test_other_ranks_are_noted_and_do_not_decide_how_the_run_ended() -> None:
    summary = summary_of(
        start(rank=1, time=103, pid=11, host="elsewhere"),
        start(rank=1, time=104, pid=12),
        RunFinished(time=105, status="failed", error="OSError: gone", rank=1),
    )
    assert summary.ranks == [0, 1]
    assert (summary.status, summary.error) == ("running", "rank 1: OSError: gone")
    assert (summary.pid, summary.host, summary.started) == (0, "", 100.0)


def test_the_error_of_rank_0_stands_before_those_of_other_ranks() -> None:
    summary = summary_of(
        RunFinished(time=104, status="failed", error="ValueError: mine"),
        RunFinished(time=105, status="failed", error="OSError: gone", rank=1),
    )
    assert summary.error == "ValueError: mine"


# ---- from beside training


def both(main: list[AnyRecord], sidecar: list[AnyRecord]) -> Summary:
    """Fold the journal of a process and, after it, that of its sidecar: the order in which they are read."""
    fold = Fold()
    fold.add(main)
    fold.add(sidecar)
    return fold.summary()


def test_how_a_killed_run_ended_is_said_by_its_sidecar() -> None:
    summary = both(
        [start(), *measured("loss", 1.0)], [RunFinished(time=107, status="killed", error="killed by SIGKILL")]
    )
    assert (summary.status, summary.error, summary.duration_seconds) == ("killed", "killed by SIGKILL", 7.0)


def test_what_the_sidecar_says_later_counts_more_than_what_the_process_believed() -> None:
    believed = RunFinished(time=107, status="finished", overhead_seconds=0.5)
    summary = both([start(), believed], [RunFinished(time=108, status="failed", error="exit code 3")])
    assert (summary.status, summary.error, summary.overhead_seconds) == ("failed", "exit code 3", 0.5)


def test_what_the_sidecar_of_an_earlier_session_said_does_not_end_a_resumed_run() -> None:
    killed = RunFinished(time=107, status="killed", error="killed by SIGKILL")
    running = both([start(), start(time=200, resumed_at_step=2)], [killed])
    assert (running.status, running.error, running.ended) == ("running", None, None)
    ended = both([start(), start(time=200), RunFinished(time=210, status="finished")], [killed])
    assert (ended.status, ended.error, ended.ended) == ("finished", None, 210.0)


def test_the_load_is_summed_up_by_name_and_each_sample_knows_its_epoch() -> None:
    fold = Fold()
    fold.add([start()])
    for time, (cpu, epoch) in enumerate([(10.0, None), (50, 0), (30.0, 1)]):
        fold.add([SystemStats(time=102.0 + time, values={"host_cpu_percent": cpu}, epoch=epoch)])
    fold.add([SystemStats(time=106.0, values={"gpu0_memory_bytes": 7})])
    summary = fold.summary()
    assert summary.system == {
        "host_cpu_percent": LoadSummary(mean=30.0, min=10.0, max=50.0, last=30.0, count=3),
        "gpu0_memory_bytes": LoadSummary(mean=7.0, min=7.0, max=7.0, last=7.0, count=1),
    }
    assert [(point.value, point.epoch) for point in fold.system["host_cpu_percent"]] == [(10, None), (50, 0), (30, 1)]
    assert (summary.metrics, summary.epochs) == ({}, []), "it is no metric"


def test_a_run_that_goes_back_to_a_checkpoint_keeps_its_load() -> None:
    load = SystemStats(time=101.0, values={"host_cpu_percent": 10.0}, epoch=3)
    assert summary_of(load, start(time=200, resumed_at_step=0)).system["host_cpu_percent"].count == 1


def test_what_another_rank_found_out_is_told_apart() -> None:
    fold = Fold()
    fold.add([start(), Environment(time=101, kind="hardware", values={"hostname": "a"})])
    fold.add([Environment(time=101, kind="hardware", values={"hostname": "b"})], rank=1)
    fold.add([SystemStats(time=102, values={"host_cpu_percent": 5.0}, host="b", rank=1)], rank=1)
    summary = fold.summary()
    assert summary.environment == {"hardware": {"hostname": "a"}, "rank1.hardware": {"hostname": "b"}}
    assert list(summary.system) == ["rank1/host_cpu_percent"]


def test_later_facts_of_a_kind_replace_earlier_ones_and_all_files_are_known() -> None:
    summary = summary_of(
        Environment(time=101, kind="git", values={"commit": "1", "tag": "v1"}, files=["environment/git.json"]),
        Environment(time=102, kind="packages", values={"count": 2}, files=["environment/requirements.txt"]),
        Environment(time=103, kind="git", values={"commit": "2"}, files=["environment/changes.patch"]),
    )
    assert summary.environment == {"git": {"commit": "2"}, "packages": {"count": 2}}
    assert summary.environment_files == [
        f"environment/{name}" for name in ("changes.patch", "git.json", "requirements.txt")
    ]


def test_every_data_set_is_kept_in_order() -> None:
    train = Dataset(time=101, role="train", kind="numpy", rows=100, fingerprint="a", shared_rows={"test": 3})
    easy, hard = (Dataset(time=102, role="validate", name=name, kind="numpy") for name in ("easy", "hard"))
    assert summary_of(train, easy, hard).datasets == [train, easy, hard]


# ---- everything else


def checkpoint(time: float, **about: Any) -> Artifact:
    return Artifact(time=time, path="checkpoints/last.ckpt", kind="checkpoint", **about)


def test_a_later_artifact_of_the_same_path_replaces_the_earlier_one() -> None:
    summary = summary_of(checkpoint(101, bytes=1), checkpoint(102, bytes=2, roles=["best"]))
    assert [(artifact.bytes, artifact.roles) for artifact in summary.artifacts] == [(2, ["best"])]


def test_a_removed_artifact_is_gone_until_it_is_there_again() -> None:
    assert summary_of(checkpoint(101, bytes=1), checkpoint(102, removed=True)).artifacts == []
    again = summary_of(checkpoint(101, bytes=1), checkpoint(102, removed=True), checkpoint(103, bytes=3))
    assert [artifact.bytes for artifact in again.artifacts] == [3]


def test_a_checksum_that_was_added_earlier_does_not_bring_back_an_artifact() -> None:
    """The journal of checksums is read after the main one, whatever was written first."""
    checksummed = checkpoint(102, bytes=1, sha256="abc")
    assert summary_of(checkpoint(101, bytes=1), checkpoint(103, removed=True), checksummed).artifacts == []
    replaced = summary_of(checkpoint(101, bytes=1), checkpoint(103, bytes=3), checksummed).artifacts
    assert [(artifact.bytes, artifact.sha256) for artifact in replaced] == [(3, None)]


def test_later_tags_and_texts_replace_earlier_ones_and_tables_are_named_once() -> None:
    summary = summary_of(
        Tags(time=101, values={"why": "baseline", "team": "vision"}),
        Tags(time=102, values={"why": "paper"}),
        Text(time=103, name="notes", text="first"),
        Text(time=104, name="notes", text="second"),
        Table(time=105, name="rows", columns=["a"], rows=[[1]]),
        Table(time=106, name="rows", columns=["a"], rows=[[2]]),
    )
    assert summary.tags == {"why": "paper", "team": "vision"}
    assert summary.texts == {"notes": "second"}
    assert summary.tables == ["rows"]


def test_every_notice_is_kept() -> None:
    notices = [Notice(time=101, about="journal", message="full"), Notice(time=102, about="table", message="long")]
    assert summary_of(*notices).notices == notices


def test_a_summary_survives_json() -> None:
    summary = summary_of(
        Params(time=1, values={"lr": 0.1, "layers": [1, 2], "name": None}),
        *measured("val_loss", 0.9, "NaN", epoch=0),
        checkpoint(102, bytes=2, metrics={"val_loss": "Infinity"}),
        Notice(time=101, about="journal", message="full"),
        SystemStats(time=102, values={"host_cpu_percent": 5.0}, epoch=1),
        Environment(time=102, kind="git", values={"changed": ["a.py"], "tag": None}, files=["environment/git.json"]),
        Dataset(time=102, role="train", kind="numpy", shape=[2, 3], schema={"x": "int64"}, covered=0.5),
        RunFinished(time=107, status="finished"),
    )
    assert msgspec.json.decode(msgspec.json.encode(summary), type=Summary) == summary


def test_what_a_person_logs_is_what_the_summary_says(tmp_path: Path) -> None:
    with autotrack.start_run("mine", to=tmp_path, experiment="digits", params={"model": {"width": 64}}) as run:
        for step, loss in enumerate([0.5, float("nan"), 0.25]):
            run.log({"val_loss": loss}, step=step, epoch=step)
        run.log_params({"model.width": 32}, source="argparse")
        run.log_tags({"why": "paper"})
        (tmp_path / "weights.bin").write_bytes(b"12345")
        run.log_artifact(tmp_path / "weights.bin", kind="model")
    recorded = autotrack.load(run.folder)
    assert recorded.params == {"model.width": 64, "argparse.model.width": 32}
    assert recorded.metrics["val_loss"].best.value == 0.25
    assert [row["val_loss"] for row in recorded.epochs] == [0.5, "NaN", 0.25]
    assert (recorded.status, recorded.tags["why"], recorded.ranks) == ("finished", "paper", [0])
    artifact = recorded.artifacts[0]
    assert (artifact.path, artifact.kind, artifact.bytes) == ("artifacts/weights.bin", "model", 5)


@pytest.mark.parametrize("values", [[0.5], ["NaN"], ["Infinity"], [0.5, 0.25], ["NaN", 0.5]])
@pytest.mark.parametrize("name", ["val_loss", "n_features"])
def test_of_a_metric_with_one_value_a_summary_on_the_disk_has_no_extremes(
    values: list[Number], name: str, tmp_path: Path
) -> None:
    before = summary_of(*measured(name, *values, epoch=0))
    summary.write(tmp_path, before)
    content = (tmp_path / "run.json").read_text()
    assert '"max"' not in content or values != [0.5]
    assert repr(summary.read(tmp_path).metrics) == repr(before.metrics)


# ---- a run that goes on where the clock is behind


def test_of_a_file_that_is_made_anew_the_later_record_counts_whatever_the_clock_says() -> None:
    made = [Artifact(time=1000.0, path="best_model/MLmodel", kind="model", sha256="a" * 64),
            Artifact(time=400.0, path="best_model/MLmodel", kind="model", sha256="b" * 64)]  # fmt: skip
    (kept,) = summary_of(made[0], start(390.0), made[1]).artifacts
    assert kept.sha256 == "b" * 64


def test_a_candidate_that_is_tried_again_on_a_host_that_is_behind_counts() -> None:
    (tried,) = summary_of(
        Trial(time=1000.0, number=3, status="failed"), start(390.0), Trial(time=400.0, number=3, values={"score": 0.5})
    ).trials
    assert (tried.status, tried.values) == ("finished", {"score": 0.5})


@pytest.mark.parametrize("set_back", [0.0, 3600.0])
@pytest.mark.parametrize("by_worker", [True, False])  # early versions do not tell
def test_what_a_worker_had_of_a_candidate_is_replaced_by_what_the_search_says_of_it(
    by_worker: bool, set_back: float
) -> None:
    found = Fold()
    found.add([start(), Trial(time=110.0 - by_worker * set_back, number=0, values={"score": 0.5, "rank": 1})])
    # its journal is read after the main one
    found.add([Trial(time=105.0, number=0, values={"score": 0.5}, by_worker=by_worker)])
    assert found.summary().trials[0].values == {"score": 0.5, "rank": 1}


@pytest.mark.parametrize("by_worker", [True, False])
def test_of_a_candidate_the_later_record_counts_although_the_clock_was_set_back_meanwhile(by_worker: bool) -> None:
    found = Fold()
    found.add([start(), Trial(time=105.0, number=0, values={"split0_score": 0.5}, by_worker=by_worker)])
    found.add([Trial(time=95.0, number=0, values={"split0_score": 0.5, "split1_score": 0.7}, by_worker=by_worker)])
    assert found.summary().trials[0].values == {"split0_score": 0.5, "split1_score": 0.7}
