"""A training that goes on from a checkpoint goes on in its run, on the same step axis."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import autotrack

pytestmark = pytest.mark.usefixtures("autolog")


def steps(run: Any, metric: str = "loss") -> list[int]:
    return [point.step for point in run.history(metric)]


def saving(pl: Any, **options: Any) -> Any:
    return pl.callbacks.ModelCheckpoint(dirpath="kept", save_last=True, **options)


def fail(trainer: Any, net: Any, loader: Any, callback: Any, at: int) -> None:
    with pytest.raises(LookupError):
        trainer(max_epochs=3, callbacks=[callback]).fit(net(fail_at=at), loader(), loader())


@pytest.mark.parametrize(
    "options", [{}, {"every_n_train_steps": 3}, {"save_on_train_epoch_end": True}], ids=["epoch", "steps", "train_end"]
)
def test_a_failed_training_goes_on_without_gap_or_overlap(
    options: dict[str, Any], pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    fail(trainer, net, loader, saving(pl, **options), at=8)
    first = recorded()
    assert first.status == "failed"
    trainer(max_epochs=3, callbacks=[saving(pl, **options)]).fit(net(), loader(), loader(), ckpt_path="kept/last.ckpt")
    run = recorded()
    assert (run.id, run.status, run.error) == (first.id, "finished", None)
    assert steps(run) == list(range(15))
    assert steps(run, "val_loss") == [4, 9, 14]
    assert [row["epoch"] for row in run.epochs] == [0, 1, 2]


def test_checkpoints_kept_before_give_way_to_better_ones(
    pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    best = {"dirpath": "kept", "filename": "{epoch}", "monitor": "val_loss", "save_last": True}
    fail(trainer, net, loader, pl.callbacks.ModelCheckpoint(**best), at=8)
    assert [path.name for path in Path("kept").glob("epoch*")] == ["epoch=0.ckpt"]
    again = pl.callbacks.ModelCheckpoint(**best)
    trainer(max_epochs=3, callbacks=[again]).fit(net(), loader(), loader(), ckpt_path="kept/last.ckpt")
    run = recorded()
    assert again.best_model_path.endswith("epoch=2.ckpt")
    roles = [role for artifact in run.artifacts for role in artifact.roles]
    assert sorted(roles) == ["best", "last"]
    assert {path.name for path in (run.folder / "checkpoints").iterdir()} == {"epoch=2.ckpt", "last.ckpt"}


def test_what_lies_behind_the_checkpoint_is_recorded_again(
    pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    fail(trainer, net, loader, saving(pl), at=8)
    trainer(max_epochs=2).fit(net(lr=0.01), loader(), ckpt_path="kept/last.ckpt")
    lines = (recorded().folder / "journal" / "main.jsonl").read_text().splitlines()
    logged = [record["step"] for record in map(json.loads, lines) if "loss" in record.get("values", {})]
    assert logged == [*range(8), *range(5, 10)]
    assert steps(recorded()) == list(range(10))


def test_a_finished_training_is_continued_in_a_new_run_that_names_it(
    pl: Any, trainer: Any, net: Any, loader: Any
) -> None:
    trainer(max_epochs=1, callbacks=[saving(pl)]).fit(net(), loader(), loader())
    trainer(max_epochs=2).fit(net(), loader(), loader(), ckpt_path="kept/last.ckpt")
    new, old = autotrack.runs("runs")
    assert new.resumed_from == old.id
    assert new.id != old.id
    assert steps(old) == list(range(5))
    assert steps(new) == list(range(5, 10))


def test_the_store_may_have_moved(pl: Any, trainer: Any, net: Any, loader: Any) -> None:
    fail(trainer, net, loader, saving(pl), at=8)
    shutil.move("runs", "elsewhere")
    autotrack.autolog(to="elsewhere", experiment="tests")
    trainer(max_epochs=2).fit(net(), loader(), ckpt_path="kept/last.ckpt")
    (run,) = autotrack.runs("elsewhere")
    assert steps(run) == list(range(10))
    assert not Path("runs").exists()


def test_a_checkpoint_of_a_run_that_is_gone_starts_a_new_one(
    pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    fail(trainer, net, loader, saving(pl), at=8)
    gone = recorded().id
    shutil.rmtree("runs")
    trainer(max_epochs=2).fit(net(), loader(), ckpt_path="kept/last.ckpt")
    assert recorded().id != gone
    assert recorded().resumed_from == gone
    assert steps(recorded()) == list(range(5, 10))


def test_a_checkpoint_without_a_run_starts_a_new_one(
    pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    autotrack.autolog(disable=True)
    trainer(max_epochs=1, callbacks=[saving(pl)]).fit(net(), loader(), loader())
    autotrack.autolog(to="runs", experiment="tests")
    trainer(max_epochs=2).fit(net(), loader(), loader(), ckpt_path="kept/last.ckpt")
    assert recorded().resumed_from is None
    assert steps(recorded()) == list(range(5, 10))


def test_the_checkpoint_loads_safely_and_without_autotrack(pl: Any, trainer: Any, net: Any, loader: Any) -> None:
    trainer(max_epochs=1, callbacks=[saving(pl)]).fit(net(), loader(), loader())
    autotrack.autolog(disable=True)
    assert torch.load("kept/last.ckpt", weights_only=True)["autotrack"]["run_id"]
    trainer(max_epochs=2).fit(net(), loader(), loader(), ckpt_path="kept/last.ckpt")
    assert len(autotrack.runs("runs")) == 1
