"""How a training ended is recorded, and what it raised passes through untouched."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import autotrack

pytestmark = pytest.mark.usefixtures("autolog")


def test_finished(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    trainer().fit(net(), loader())
    run = recorded()
    assert run.status == "finished"
    assert run.duration_seconds > 0
    assert run.overhead_seconds > 0
    assert autotrack.current_run() is None


def test_failed_with_the_error_and_the_same_exception_raised(
    trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    with pytest.raises(LookupError, match="planted") as caught:
        trainer().fit(net(fail_at=3), loader())
    assert caught.value.__context__ is None
    run = recorded()
    assert run.status == "failed"
    assert run.error == "LookupError: planted"
    assert "training_step" in run.traceback
    assert len(run.history("loss")) == 3
    assert run.params["lr"] == 0.05
    assert autotrack.current_run() is None


def test_a_failure_before_training_is_recorded_with_its_params(
    trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    class Broken(net):  # type: ignore[misc]
        def configure_optimizers(self) -> Any:
            raise LookupError("no optimizer")

    with pytest.raises(LookupError, match="no optimizer"):
        trainer().fit(Broken(), loader())
    run = recorded()
    assert (run.status, run.error) == ("failed", "LookupError: no optimizer")
    assert run.params["width"] == 4


def test_interrupted(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    class Interrupted(net):  # type: ignore[misc]
        def on_train_batch_end(self, *_: Any) -> None:
            if self.global_step == 2:
                raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit):
        trainer().fit(Interrupted(), loader())
    signal.signal(signal.SIGINT, before)
    assert recorded().status == "interrupted"


def test_early_stopping_says_where_and_why(pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    stopping = pl.callbacks.EarlyStopping("val_loss", min_delta=100.0, patience=2)
    trainer(max_epochs=9, callbacks=[stopping]).fit(net(), loader(), loader())
    run = recorded()
    assert "val_loss" in run.stop_reason
    assert run.stop_reason.endswith(f"(in epoch {stopping.stopped_epoch})")
    assert not {"stopped_epoch", "early_stopping"} & run.tags.keys()
    assert run.status == "finished"


def test_stopping_in_the_first_epoch_counts_too(pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    stopping = pl.callbacks.EarlyStopping("val_loss", stopping_threshold=1e9)
    trainer(max_epochs=9, callbacks=[stopping]).fit(net(), loader(), loader())
    assert recorded().stop_reason.endswith("(in epoch 0)")
    assert len(recorded().epochs) == 1


def test_stopping_for_another_reason_is_no_early_stopping(
    pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    class Enough(net):  # type: ignore[misc]
        def on_train_batch_end(self, *_: Any) -> None:
            self.trainer.should_stop = True

    trainer(max_epochs=9, callbacks=[pl.callbacks.EarlyStopping("val_loss", patience=5)]).fit(
        Enough(), loader(), loader()
    )
    assert recorded().stop_reason is None


def test_training_to_its_end_says_nothing_of_early_stopping(
    pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    stopping = pl.callbacks.EarlyStopping("val_loss", patience=5)
    trainer(callbacks=[stopping]).fit(net(), loader(), loader())
    assert recorded().stop_reason is None


@pytest.mark.slow
def test_a_killed_training_keeps_every_step_and_is_shown_as_killed(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        textwrap.dedent("""
            import os, signal, autotrack
            autotrack.autolog(to="runs", experiment="tests")
            import lightning.pytorch as pl
            from tests.support.lightning_modules import make_loader, module_class

            class Killed(module_class(pl)):
                def on_train_batch_start(self, *_):
                    if self.global_step == 7:
                        os.kill(os.getpid(), signal.SIGKILL)

            trainer = pl.Trainer(max_epochs=2, logger=False, log_every_n_steps=1, enable_progress_bar=False)
            trainer.fit(Killed(), make_loader())
        """)
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, str(script)]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    run = autotrack.runs(tmp_path / "runs")[0]
    assert run.status == "killed"
    assert [point.step for point in run.history("loss")] == list(range(7))
