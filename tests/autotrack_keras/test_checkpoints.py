"""Checkpoints of the user are taken over; without any, autotrack keeps weights within a budget."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autotrack
from autotrack.integrations import RunFiles
from autotrack.training import file_budget
from autotrack.training.file_budget import FileBudget
from autotrack_keras import own_checkpoints
from tests.autotrack_keras.conftest import X, Y, make_model


@pytest.fixture(autouse=True)
def _keeping() -> None:
    autotrack.autolog(to="runs", experiment="tests")


def checkpoints(run: Any) -> dict[str, Any]:
    return {Path(one.path).name: one for one in run.artifacts if one.kind == "checkpoint"}


def test_the_best_and_the_last_of_many_files_are_kept(model: Any, recorded: Any) -> None:
    saving = keras.callbacks.ModelCheckpoint("kept/{epoch:02d}.keras", monitor="mae", mode="max")
    history = model.fit(X, Y, epochs=4, callbacks=[saving], verbose=0)
    found = checkpoints(recorded())
    measured = history.history["mae"]
    best = f"{measured.index(max(measured)) + 1:02d}.keras"
    assert set(found) == {best, "04.keras"}
    assert "best" in found[best].roles
    assert "last" in found["04.keras"].roles
    assert found[best].metrics == {"mae": max(measured)}
    assert found["04.keras"].step == 7
    assert len(list(Path("kept").iterdir())) == 4  # the user's own stay


def test_a_kept_file_stays_when_the_same_path_is_written_again(runs: Any) -> None:
    saving = keras.callbacks.ModelCheckpoint("best.weights.h5", monitor="loss", save_best_only=True,
                                             save_weights_only=True)  # fmt: skip
    for _ in range(2):
        model = make_model()
        model.fit(X, Y, epochs=3, callbacks=[saving], verbose=0)
        saving.best = None
    first, second = (run.folder / "checkpoints" / "best.weights.h5" for run in runs())
    assert second.read_bytes() == Path("best.weights.h5").read_bytes()
    assert first.read_bytes() != second.read_bytes()
    model.load_weights(first)
    assert checkpoints(runs()[0])["best.weights.h5"].roles == ["best", "last"]


def test_a_file_linked_by_a_killed_run_is_not_changed_by_the_next(model: Any, runs: Any, tmp_path: Path) -> None:
    killed = tmp_path / "runs" / "tests" / "20260101-000000-killed-one" / "checkpoints" / "last.keras"
    killed.parent.mkdir(parents=True)
    Path("last.keras").write_bytes(b"as it was")
    killed.hardlink_to("last.keras")
    model.fit(X, Y, callbacks=[keras.callbacks.ModelCheckpoint("last.keras")], verbose=0)
    assert killed.read_bytes() == b"as it was"
    assert Path("last.keras").read_bytes() != b"as it was"


def test_what_backup_and_restore_deletes_at_the_end_is_kept(model: Any, recorded: Any) -> None:
    history = model.fit(X, Y, epochs=2, callbacks=[keras.callbacks.BackupAndRestore("backup")], verbose=0)
    assert not Path("backup").exists()
    (kept,) = checkpoints(recorded()).values()
    assert (kept.roles, kept.metrics) == (["last"], {"loss": history.history["loss"][-1]})
    model.load_weights(recorded().folder / kept.path)


def test_a_training_restored_from_a_backup_is_recorded_from_the_epoch_it_goes_on_at(runs: Any) -> None:
    class Failing(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 2:
                raise LookupError

    with pytest.raises(LookupError):
        make_model().fit(X, Y, epochs=4, callbacks=[keras.callbacks.BackupAndRestore("backup"), Failing()], verbose=0)
    make_model().fit(X, Y, epochs=4, callbacks=[keras.callbacks.BackupAndRestore("backup")], verbose=0)
    first, second = runs()
    assert (first.status, second.resumed_from) == ("failed", first.id)
    assert [(point.epoch, point.step) for point in second.history("loss")] == [(2, 5), (3, 7)]
    assert second.params["initial_epoch"] == 2


def test_a_backup_that_is_not_there_or_of_a_finished_run_is_nobodys(runs: Any) -> None:
    for _ in range(2):
        backup = keras.callbacks.BackupAndRestore("backup", delete_checkpoint=False)
        make_model().fit(X, Y, epochs=1, callbacks=[backup], verbose=0)
    make_model().fit(X, Y, epochs=1, callbacks=[keras.callbacks.BackupAndRestore("other")], verbose=0)
    assert [run.resumed_from for run in runs()] == [None, None, None]


@pytest.mark.slow
def test_a_training_that_was_killed_goes_on_from_its_backup(run_script: Any, runs: Any) -> None:
    script = """
        import os, sys, keras, numpy as np
        import autotrack
        autotrack.autolog(to="runs", experiment="tests")

        class Killing(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == 2 and sys.argv[1] == "kill":
                    os.kill(os.getpid(), 9)

        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        data = np.ones((8, 1), "float32")
        model.fit(data, data, epochs=4, verbose=0, callbacks=[keras.callbacks.BackupAndRestore("backup"), Killing()])
    """
    run_script(script, "kill", exit_code=-9)
    run_script(script, "go on")
    first, second = runs()
    assert (first.status, second.status, second.resumed_from) == ("killed", "finished", first.id)
    assert [point.epoch for point in second.history("loss")] == [2, 3]


def test_the_trained_model_can_be_loaded(model: Any, recorded: Any) -> None:
    model.fit(X, Y, verbose=0)
    held = keras.saving.load_model(recorded().folder / "model" / "model.keras")
    assert np.array_equal(held.predict(X, verbose=0), model.predict(X, verbose=0))


def test_without_callbacks_best_and_last_weights_are_kept(
    model: Any, recorded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_budget, "SHARE_OF_TIME", 1000.0)
    rates = keras.callbacks.LearningRateScheduler(lambda epoch, _: 0.05 if epoch < 2 else 5.0)  # it gets worse
    history = model.fit(X, Y, epochs=3, callbacks=[rates], verbose=0)
    found = checkpoints(recorded())
    assert found["last.weights.h5"].metrics == {"loss": history.history["loss"][2]}
    assert found["best.weights.h5"].metrics == {"loss": min(history.history["loss"])}
    model.load_weights(recorded().folder / "checkpoints" / "best.weights.h5")


class _Scripted(FileBudget):
    """Allows what it is told to."""

    def __init__(self, *allowed: bool) -> None:
        super().__init__()
        self._allowed = iter(allowed)

    def allows(self, size_bytes: int, *, at_end: bool = False) -> bool:
        return next(self._allowed, False)


@given(
    losses=st.lists(st.sampled_from([0.1, 0.2, 0.3, float("nan")]), min_size=1, max_size=6),
    allowed=st.lists(st.booleans(), max_size=7),
    is_restored=st.booleans(),
)
@settings(max_examples=40)
def test_what_is_called_best_or_last_is_that(losses: list[float], allowed: list[bool], is_restored: bool) -> None:
    """Whatever there was time to write: the one weight of the model is the number of the epoch."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    with autotrack.start_run() as run:
        files = RunFiles(run)
        files.budget = _Scripted(*allowed)
        writer = own_checkpoints.WeightWriter(run, files)
        best = None
        for epoch, loss in enumerate(losses):
            model.set_weights([np.array([[epoch]])])
            writer.epoch_ends(model, {"loss": loss}, epoch, epoch)
            if not np.isnan(loss) and (best is None or loss < losses[best]):
                best = epoch
            _check_names(run, model, best, epoch)
            model.set_weights([np.array([[epoch]])])
        of_model = best if is_restored else epoch
        if of_model is not None:
            model.set_weights([np.array([[of_model]])])
        writer.training_ends(model, of_model)
        _check_names(run, model, best, epoch)


def _check_names(run: autotrack.Run, model: Any, best: int | None, last: int) -> None:
    recorded = checkpoints(autotrack.load(run.folder))
    assert set(recorded) == {path.name for path in (run.folder / "checkpoints").glob("*")}
    for name, artifact in recorded.items():
        model.load_weights(run.folder / artifact.path)
        epoch = model.get_weights()[0].item()
        stem = name.partition(".")[0]
        assert epoch == {"best": best, "last": last}.get(stem) or stem == f"epoch-{epoch:.0f}"
        assert artifact.roles == ([] if stem.startswith("epoch") else [stem])
        assert artifact.step == epoch


def test_the_end_of_a_training_is_written_if_its_last_epochs_were_not(
    model: Any, recorded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FileBudget, "allows", lambda budget, _, at_end=False: at_end or not budget._spent)
    history = model.fit(X, Y, epochs=3, verbose=0)
    found = checkpoints(recorded())
    assert {name: one.metrics for name, one in found.items()} == {
        name: {"loss": min(history.history["loss"])} for name in ("best.weights.h5", "last.weights.h5")
    }
    final = model.get_weights()
    model.load_weights(recorded().folder / "checkpoints" / "best.weights.h5")
    assert all(np.array_equal(one, other) for one, other in zip(final, model.get_weights(), strict=True))


class Unsavable(keras.Model):  # type: ignore[misc]  # keras has no types
    """Keras does not know how to make it again."""

    def __init__(self, anything: object) -> None:
        super().__init__()
        self.dense = keras.layers.Dense(1)
        self.anything = anything

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)


def test_of_a_model_that_cannot_be_saved_the_weights_are_kept(recorded: Any, faulty: None) -> None:
    """Nobody has done anything wrong: that is worth a notice and no warning."""
    model = Unsavable(object())
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    (kept,) = [one for one in recorded().artifacts if one.kind == "model"]
    assert kept.path == "model/model.weights.h5"
    assert "its weights are kept" in recorded().notices[0].message
    model.load_weights(recorded().folder / kept.path)


def test_what_is_too_big_is_not_kept_and_that_is_said(
    model: Any, recorded: Any, monkeypatch: pytest.MonkeyPatch, faulty: None
) -> None:
    monkeypatch.setattr(FileBudget, "MOST_BYTES", 10)
    model.fit(X, Y, verbose=0)
    assert not [one for one in recorded().artifacts if one.kind in ("checkpoint", "model")]
    assert "not kept" in recorded().notices[0].message


def test_it_can_be_switched_off(model: Any, recorded: Any) -> None:
    autotrack.autolog(to="runs", experiment="tests", checkpoints=False)
    model.fit(X, Y, callbacks=[keras.callbacks.ModelCheckpoint("mine.keras")], verbose=0)
    assert not [one for one in recorded().artifacts if one.kind in ("checkpoint", "model")]
