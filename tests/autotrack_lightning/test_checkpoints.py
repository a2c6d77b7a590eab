"""The best and the last checkpoint are in the run folder, with size, checksum and score."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
import torch

import autotrack

pytestmark = pytest.mark.usefixtures("autolog")


def scored(net: Any, scores: list[float]) -> Any:
    class Scored(net):  # type: ignore[misc]
        def validation_step(self, batch: Any, batch_idx: int) -> None:
            self.log("score", scores[self.current_epoch])

    return Scored()


def by_role(run: Any) -> dict[str, Any]:
    return {role: artifact for artifact in run.artifacts for role in artifact.roles}


def checkpoints_of(run: Any) -> list[Any]:
    return [artifact for artifact in run.artifacts if artifact.kind == "checkpoint"]


def in_folder(run: Any) -> set[str]:
    return {path.name for path in (run.folder / "checkpoints").iterdir()}


def test_best_and_last_with_score_size_and_checksum(
    pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    saving = pl.callbacks.ModelCheckpoint(dirpath="kept", monitor="score", mode="max", save_last=True, save_top_k=-1)
    trainer(max_epochs=3, callbacks=[saving]).fit(scored(net, [0.1, 0.9, 0.5]), loader(), loader())
    run = recorded()
    found = by_role(run)
    assert Path(found["best"].source) == Path(saving.best_model_path)
    assert Path(found["last"].source) == Path(saving.last_model_path)
    assert found["best"].metrics == {"score": pytest.approx(0.9)}
    assert found["last"].metrics == {"score": pytest.approx(0.5)}
    for artifact in found.values():
        content = (run.folder / artifact.path).read_bytes()
        assert artifact.bytes == len(content)
        assert artifact.sha256 == hashlib.sha256(content).hexdigest()
        assert content == Path(artifact.source).read_bytes()
    assert torch.load(run.folder / found["best"].path, weights_only=True)["epoch"] == 1


def test_they_are_hard_links(pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    saving = pl.callbacks.ModelCheckpoint(dirpath="kept")
    trainer(callbacks=[saving]).fit(net(), loader())
    best = by_role(recorded())["best"]
    assert (recorded().folder / best.path).samefile(saving.best_model_path)


def test_they_are_copied_where_links_are_impossible(
    pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    saving = pl.callbacks.ModelCheckpoint(dirpath="kept")
    trainer(callbacks=[saving]).fit(net(), loader())
    best = recorded().folder / by_role(recorded())["best"].path
    assert best.read_bytes() == Path(saving.best_model_path).read_bytes()
    assert not best.samefile(saving.best_model_path)


def test_what_model_checkpoint_deletes_goes_too(pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    saving = pl.callbacks.ModelCheckpoint(dirpath="kept", filename="{epoch}", monitor="score", mode="max")
    trainer(max_epochs=4, callbacks=[saving]).fit(scored(net, [0.1, 0.9, 0.5, 0.95]), loader(), loader())
    assert in_folder(recorded()) == {"epoch=3.ckpt"}
    assert [artifact.path for artifact in checkpoints_of(recorded())] == ["checkpoints/epoch=3.ckpt"]


def test_best_and_last_stay_when_their_files_are_deleted(
    pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    saving = pl.callbacks.ModelCheckpoint(
        dirpath="kept", filename="{epoch}", monitor="score", mode="max", save_last=True
    )
    trainer(max_epochs=2, callbacks=[saving]).fit(scored(net, [0.9, 0.1]), loader(), loader())
    for path in Path("kept").iterdir():
        path.unlink()
    assert in_folder(recorded()) == {"epoch=0.ckpt", "last.ckpt"}


def test_several_checkpoint_callbacks_with_files_of_one_name(
    pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    callbacks = [
        pl.callbacks.ModelCheckpoint(dirpath="one", filename="same", monitor="val_loss"),
        pl.callbacks.ModelCheckpoint(dirpath="two", filename="same", monitor="loss", mode="max"),
    ]
    trainer(max_epochs=1, callbacks=callbacks).fit(net(), loader(), loader())
    run = recorded()
    assert in_folder(run) == {"same.ckpt", "2-same.ckpt"}
    assert [set(artifact.metrics) for artifact in checkpoints_of(run)] == [{"val_loss"}, {"loss"}]


def test_checkpoints_false_keeps_none(pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    autotrack.autolog(to="runs", experiment="tests", checkpoints=False)
    trainer(callbacks=[pl.callbacks.ModelCheckpoint(dirpath="kept")]).fit(net(), loader())
    assert not (recorded().folder / "checkpoints").exists()


def test_a_checkpoint_on_every_step_keeps_only_the_last(
    pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    saving = pl.callbacks.ModelCheckpoint(dirpath="kept", filename="{step}", every_n_train_steps=2)
    trainer(callbacks=[saving]).fit(net(), loader())
    assert in_folder(recorded()) == {"step=10.ckpt"}
