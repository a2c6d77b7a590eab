"""A training behaves the same with autotrack as without it."""

import copy
import os
import pickle
import random
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import autotrack
from autotrack.errors import AutotrackWarning
from autotrack_lightning import AutotrackCallback
from autotrack_lightning.metrics import MetricRecorder


def outcome(pl: Any, trainer: Any, net: Any, loader: Any) -> tuple[Any, ...]:
    """Everything that a training leaves behind which could have been touched."""
    pl.seed_everything(3, verbose=False)
    os.environ.pop("PL_GLOBAL_SEED")
    os.environ.pop("PL_SEED_WORKERS", None)
    environment = dict(os.environ)
    module = net()
    stopping = pl.callbacks.EarlyStopping("val_loss", patience=3)
    given = [stopping, pl.callbacks.ModelCheckpoint(dirpath="kept", monitor="val_loss", enable_version_counter=False)]
    made = trainer(max_epochs=3, callbacks=given)
    held = made.callbacks
    made.fit(module, loader(shuffle=True), loader())
    assert made.callbacks is held
    assert given[0] is stopping
    weights = [parameter.detach().clone() for parameter in module.parameters()]
    return (
        [weight.tolist() for weight in weights],
        {name: float(value) for name, value in made.callback_metrics.items()},
        [type(callback).__name__ for callback in made.callbacks],
        (made.logger, made.loggers, made.log_dir, made.checkpoint_callback.best_model_path),
        (random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()),
        (dict(os.environ) == environment, sorted(vars(made._logger_connector)), sorted(vars(module))),
        torch.get_default_device(),
    )


@pytest.mark.parametrize("how", ["autolog", "callback"])
def test_results_and_random_states_are_equal_bit_by_bit(
    how: str, pl: Any, trainer: Any, net: Any, loader: Any, tmp_path: Path
) -> None:
    without = outcome(pl, trainer, net, loader)
    if how == "autolog":
        autotrack.autolog(to="runs", experiment="tests")
        assert outcome(pl, trainer, net, loader) == without
    else:

        def with_callback(callbacks: list[Any], **options: Any) -> Any:
            return trainer(callbacks=[AutotrackCallback(experiment="tests"), *callbacks], **options)

        found = list(outcome(pl, with_callback, net, loader))
        found[2].remove("AutotrackCallback")
        assert tuple(found) == without
    assert len(autotrack.runs("runs")) == 1


def picklable(cls: type) -> Any:
    """Make a class that was made in a test one of this module, where pickle looks for it."""
    cls.__module__, cls.__qualname__ = __name__, cls.__name__
    setattr(sys.modules[__name__], cls.__name__, cls)
    return cls


@pytest.mark.parametrize("how", ["autolog", "callback"])
def test_within_a_fit_the_trainer_is_as_without(how: str, pl: Any, trainer: Any, net: Any, loader: Any) -> None:
    @picklable
    class Curious(pl.callbacks.Callback):  # type: ignore[misc]
        seen: list[Any] = []  # noqa: RUF012  one training a test

        def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
            copied = copy.deepcopy(trainer)
            assert pickle.dumps(trainer.callbacks)
            assert len(copied.callbacks) == len(trainer.callbacks)
            copied._logger_connector.log_metrics({"copied": 1.0}, 0)
            self.seen.append([type(callback).__name__ for callback in trainer.callbacks])

    if how == "autolog":
        autotrack.autolog(to="runs", experiment="tests", log_every_n_steps=2)
    ours = [AutotrackCallback(to="runs", experiment="tests", log_every_n_steps=2)] if how == "callback" else []
    made = trainer(max_epochs=1, callbacks=[Curious(), *ours], enable_checkpointing=False)
    made.fit(picklable(net)(), loader())
    expected = ["Curious", "AutotrackCallback"] if ours else ["Curious"]
    assert Curious.seen == [expected] * 5
    (run,) = autotrack.runs("runs")
    assert "copied" not in run.metrics
    assert not run.notices


def test_a_trainer_that_is_pickled_within_a_fit_needs_no_autotrack(
    pl: Any, trainer: Any, net: Any, loader: Any
) -> None:
    @picklable
    class Pickling(net):  # type: ignore[misc]
        def on_train_epoch_end(self) -> None:
            pickled.append(pickle.dumps(self.trainer))

    pickled: list[bytes] = []
    autotrack.autolog(to="runs", experiment="tests")
    trainer(max_epochs=1, enable_checkpointing=False).fit(Pickling(), loader())
    assert b"autotrack" not in pickled[0].replace(b"tests.autotrack_lightning", b"")


def test_the_default_logger_and_its_folder_are_as_before(pl: Any, trainer: Any, net: Any, loader: Any) -> None:
    for name, on in (("without", False), ("with", True)):
        if on:
            autotrack.autolog(to="runs", experiment="tests")
        made = trainer(logger=True, default_root_dir=name)
        made.fit(net(), loader())
        assert type(made.logger).__name__ == "TensorBoardLogger"
        assert Path(made.log_dir) == Path(name) / "lightning_logs" / "version_0" or Path(made.log_dir).parts[-3:] == (
            name,
            "lightning_logs",
            "version_0",
        )
        assert "checkpoints" in made.checkpoint_callback.best_model_path


def test_learning_rate_monitor_without_a_logger_still_complains(pl: Any, trainer: Any, net: Any, loader: Any) -> None:
    autotrack.autolog(to="runs", experiment="tests")
    made = trainer(callbacks=[pl.callbacks.LearningRateMonitor()])
    with pytest.raises(Exception, match=r"without a logger|no logger"):
        made.fit(net(), loader())


def test_a_failure_of_ours_is_invisible_to_the_training(
    trainer: Any, net: Any, loader: Any, recorded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    autotrack.autolog(to="runs", experiment="tests")

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr(autotrack.Run, "_log_numbers", broken)
    monkeypatch.setattr(MetricRecorder, "batch_starts", broken)
    module = net()
    with pytest.warns(AutotrackWarning, match="ours"):
        trainer().fit(module, loader())
    assert module.trainer.global_step == 10
    assert recorded().status == "finished"
    assert any("ours" in notice.message for notice in recorded().notices)


def test_a_store_that_cannot_be_written_is_invisible_to_the_training(trainer: Any, net: Any, loader: Any) -> None:
    Path("occupied").write_text("a file")
    autotrack.autolog(to="occupied", experiment="tests")
    module = net()
    with pytest.warns(AutotrackWarning, match="Choose another folder"):
        trainer().fit(module, loader())
    assert module.trainer.global_step == 10


def test_any_other_logger_beside_it_works(pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    autotrack.autolog(to="runs", experiment="tests")
    made = trainer(logger=[pl.loggers.CSVLogger("csv"), pl.loggers.TensorBoardLogger("tb")])
    made.fit(net(), loader())
    assert (Path(made.loggers[0].log_dir) / "metrics.csv").exists()
    assert len(recorded().history("loss")) == 10


@pytest.mark.parametrize("explicit", [True, False])
@pytest.mark.parametrize(
    ("tool", "options"),
    [
        ("lr_find", {"num_training": 5}),
        ("scale_batch_size", {"max_trials": 2}),
        ("scale_batch_size", {"max_trials": 2, "method": "validate"}),
        ("scale_batch_size", {"max_trials": 2, "method": "test"}),
    ],
)
def test_tuning_leaves_no_run(
    tool: str, options: dict[str, Any], explicit: bool, pl: Any, trainer: Any, net: Any, loader: Any
) -> None:
    autotrack.autolog(to="runs", experiment="tests")

    class Tunable(net):  # type: ignore[misc]
        batch_size = 2

        def train_dataloader(self) -> Any:
            return loader(batch_size=self.batch_size)

        val_dataloader = test_dataloader = train_dataloader

    made = trainer(callbacks=[AutotrackCallback()] if explicit else [])
    tuner = __import__(f"{pl.__name__}.tuner", fromlist=["Tuner"]).Tuner(made)
    getattr(tuner, tool)(Tunable(), **options)
    assert len(autotrack.runs("runs")) == 0
    made.fit(Tunable())
    assert len(autotrack.runs("runs")) == 1


def test_a_finder_inside_a_fit_leaves_nothing_in_its_metrics(
    pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    autotrack.autolog(to="runs", experiment="tests")
    finder = pl.callbacks.LearningRateFinder(num_training_steps=7)
    module = net()
    trainer(max_epochs=1, callbacks=[finder]).fit(module, loader())
    assert [point.step for point in recorded().history("loss")] == list(range(5))
    assert recorded().params_by_source["optimizer"]["lr"] == module.lr  # what it found, which is what was used


def test_the_same_callback_may_be_used_again(trainer: Any, net: Any, loader: Any) -> None:
    callback = AutotrackCallback(to="runs", experiment="tests", name="again")
    for _ in range(2):
        trainer(callbacks=[callback]).fit(net(), loader())
    found = autotrack.runs("runs")
    assert [(run.name, len(run.history("loss"))) for run in found] == [("again", 10), ("again", 10)]


def test_callback_and_autolog_together_are_one_run(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    autotrack.autolog(to="runs", experiment="tests")
    trainer(callbacks=[AutotrackCallback(name="explicit")]).fit(net(), loader())
    assert recorded().name == "explicit"
    assert len(recorded().history("loss")) == 10


def test_after_disabling_nothing_is_recorded(trainer: Any, net: Any, loader: Any) -> None:
    autotrack.autolog(to="runs", experiment="tests")
    autotrack.autolog(disable=True)
    trainer().fit(net(), loader())
    assert not Path("runs").exists()


def test_a_training_in_a_process_without_autotrack_loads_no_part_of_it(pl: Any) -> None:
    code = f"import sys, {pl.__name__}; print([name for name in sys.modules if 'autotrack' in name])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.slow
def test_standard_output_and_exit_code_are_those_of_the_script(tmp_path: Path) -> None:
    """A script that fails says the same and ends the same with autotrack as without."""
    body = textwrap.dedent("""
        import lightning.pytorch as pl
        from tests.support.lightning_modules import make_loader, module_class

        class Silent(module_class(pl)):
            pass

        print("before")
        trainer = pl.Trainer(max_epochs=1, logger=False, enable_progress_bar=False, enable_model_summary=False)
        trainer.fit(Silent(fail_at=2), make_loader())
    """)
    ends = []
    for name, first in (("without", ""), ("with", "import autotrack; autotrack.autolog(to='runs')\n")):
        script = tmp_path / f"{name}.py"
        script.write_text(first + body)
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        command = [sys.executable, str(script)]
        ends.append(subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False))
    without, with_ = ends
    assert (with_.returncode, with_.stdout) == (without.returncode, without.stdout)
    assert without.stderr.splitlines()[-1] == with_.stderr.splitlines()[-1] == b"LookupError: planted"
    assert b"During handling" not in with_.stderr
