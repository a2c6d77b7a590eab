"""A run is judged by what somebody watches: the setting, a search, a checkpoint, early stopping; else by its kind."""

from typing import Any

import pytest

from autotrack.journal.fold import Fold
from autotrack.journal.judging import judged_by, main_metrics
from autotrack.journal.records import Artifact, Metrics, Params, RunStarted, Trial
from autotrack.journal.summary import Summary

EVALUATED = Metrics(time=3.0, values={"a_score": 0.1, "val_acc": 0.9, "val_loss": 0.5, "cost": 7.0}, stage="validate")
STOPPING = {"EarlyStopping.monitor": "val_acc", "EarlyStopping.mode": "max"}
CHECKPOINT = {"ModelCheckpoint-2.monitor": "val_loss", "ModelCheckpoint-2.mode": "min"}


def summary_of(*found: Any, metric: str = "") -> Summary:
    fold = Fold()
    fold.add([RunStarted(time=1.0, id="a", name="mine", experiment="digits", metric=metric), EVALUATED, *found])
    return fold.summary()


def callbacks(values: dict[str, Any]) -> Params:
    return Params(time=2.0, values=values, source="callbacks")


def test_where_nobody_watches_anything_it_is_the_first_one_of_the_evaluation() -> None:
    trained = Metrics(time=2.0, values={"accuracy": 0.8, "fit_seconds": 3.0}, stage="train")
    assert main_metrics(summary_of(trained)) == ["a_score", "val_acc", "val_loss", "accuracy"]


def test_of_printed_metrics_the_name_tells_which_are_of_the_training() -> None:
    values: Any = {"Train accuracy": 0.9, "loss/train": 0.1, "train_loss": 0.2, "valid_loss": 0.3, "strained_loss": 1}
    fold = Fold()
    fold.add([RunStarted(time=1.0, id="a", name="mine", experiment="digits")])
    fold.add([Metrics(time=3.0, values=values, source="printed")])
    assert main_metrics(fold.summary()) == [
        "strained_loss", "valid_loss", "Train accuracy", "loss/train", "train_loss"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("watching", "metric"),
    [
        (STOPPING, "val_acc"),
        ({**STOPPING, **CHECKPOINT}, "val_loss"),
        ({"ReduceLROnPlateau.monitor": "cost", "ReduceLROnPlateau.mode": "min", **STOPPING}, "val_acc"),
        ({"ReduceLROnPlateau.monitor": "cost", "ReduceLROnPlateau.mode": "min"}, "cost"),
        ({"EarlyStopping.monitor": "never_logged", "EarlyStopping.mode": "min"}, "a_score"),
    ],
)
def test_it_is_what_callbacks_monitor_a_checkpoint_first(watching: dict[str, Any], metric: str) -> None:
    assert judged_by(summary_of(callbacks(watching))) == metric


def test_it_is_what_the_best_checkpoint_was_kept_for() -> None:
    kept = Artifact(
        time=4.0, path="checkpoints/best.keras", kind="checkpoint", roles=["best"], metrics={"val_loss": 1}
    )
    assert judged_by(summary_of(kept)) == "val_loss"


@pytest.mark.parametrize(("direction", "best"), [(None, 0.9), ("min", 0.5)])
def test_a_search_is_judged_by_its_best_score(direction: str | None, best: float) -> None:
    told = Params(time=2.0, values={"direction": direction} if direction else {"cv": 3}, source="search")
    scores = [Metrics(time=5.0, values={"best_score": value}, step=step) for step, value in enumerate((0.5, 0.9))]
    summary = summary_of(told, Trial(time=4.0, number=0), *scores)
    assert judged_by(summary) == "best_score"
    assert (point := summary.metrics["best_score"].best)
    assert point.value == best


def test_the_setting_comes_before_all_and_gives_the_direction_that_a_name_does_not_tell() -> None:
    summary = summary_of(callbacks(CHECKPOINT), metric="min cost")
    assert judged_by(summary) == "cost"
    assert (point := summary.metrics["cost"].best)
    assert point.value == 7.0
    assert judged_by(summary, wanted="val_acc") == "val_acc", "the reader's own wish counts more"
    assert judged_by(summary_of(callbacks(CHECKPOINT), metric="f1")) == "val_loss", "it has no such metric"
