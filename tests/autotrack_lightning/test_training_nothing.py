"""A fit that trains nothing is described, and takes nothing from the run that trained its model."""

from typing import Any

import pytest

import autotrack

pytestmark = pytest.mark.usefixtures("autolog")


@pytest.mark.parametrize("options", [{"max_epochs": 0}, {"limit_train_batches": 0}, {"max_steps": 0}])
def test_a_new_model_has_a_run_with_its_params(
    options: dict[str, Any], trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    trainer(**options).fit(net(width=6), loader(), loader())
    run = recorded()
    assert (run.status, run.params["width"]) == ("finished", 6)
    assert not run.metrics


def test_a_model_that_was_trained_stays_in_its_run(
    pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    saving = pl.callbacks.ModelCheckpoint(dirpath="kept", save_last=True)
    module, made = net(), trainer(callbacks=[saving])
    made.fit(module, loader(), loader())
    made.fit(module, loader(), loader())  # `max_epochs` has been reached
    trainer(max_epochs=0).fit(module, loader(), loader())
    trainer(max_epochs=2).fit(module, loader(), loader(), ckpt_path="kept/last.ckpt")
    made.test(module, loader(), verbose=False)
    run = recorded()
    assert {role for artifact in run.artifacts for role in artifact.roles} == {"best", "last"}
    assert len(run.history("test_loss")) == 1
    assert autotrack.current_run() is None


def test_another_model_takes_over_no_checkpoints(pl: Any, trainer: Any, net: Any, loader: Any) -> None:
    made = trainer(callbacks=[pl.callbacks.ModelCheckpoint(dirpath="kept", save_last=True)])
    made.fit(net(), loader(), loader())
    made.fit(net(), loader(), loader())
    newest, oldest = autotrack.runs("runs")
    assert (len(newest.artifacts), len(oldest.artifacts) > 0) == (0, True)
