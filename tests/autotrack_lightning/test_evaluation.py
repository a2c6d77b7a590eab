"""`validate` and `test` after a fit belong to the run of that fit; without one they are a run of their own."""

import shutil
from typing import Any

import pytest

import autotrack

pytestmark = pytest.mark.usefixtures("autolog")


def test_test_after_fit_belongs_to_its_run(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    module, made = net(), trainer()
    made.fit(module, loader())
    made.test(module, loader(batch_size=10), verbose=False)
    run = recorded()
    assert run.status == "finished"
    (point,) = run.history("test_loss")
    assert (point.step, point.epoch, point.stage) == (9, 1, "test")  # where the training ended
    assert run.params_by_source["data.test"]["batch_size"] == 10
    assert autotrack.current_run() is None


def test_where_training_ended_is_told_also_when_the_last_steps_were_not_logged(
    trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    module, made = net(), trainer(log_every_n_steps=7)
    made.fit(module, loader())
    made.test(module, loader(), verbose=False)
    (point,) = recorded().history("test_loss")
    assert (point.step, point.epoch) == (9, 1)


def test_also_with_another_trainer(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    module = net()
    trainer().fit(module, loader())
    trainer().validate(module, loader(), verbose=False)
    assert [(point.step, point.stage) for point in recorded().history("val_loss")] == [(9, "validate")]


def test_each_model_has_its_own_run(trainer: Any, net: Any, loader: Any) -> None:
    one, two, made = net(), net(), trainer()
    made.fit(one, loader())
    trainer().fit(two, loader())
    trainer().test(one, loader(), verbose=False)
    newest, oldest = autotrack.runs("runs")
    assert "test_loss" in oldest.metrics
    assert "test_loss" not in newest.metrics


def test_the_checkpoint_that_was_tested_is_recorded(
    pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    saving = pl.callbacks.ModelCheckpoint(dirpath="kept", monitor="val_loss")
    module, made = net(), trainer(callbacks=[saving])
    made.fit(module, loader(), loader())
    made.test(module, loader(), ckpt_path="best", verbose=False)
    assert recorded().params_by_source["test"] == {"evaluated_checkpoint": saving.best_model_path}


def saving(pl: Any) -> Any:
    return pl.callbacks.ModelCheckpoint(dirpath="kept", save_last=True)


@pytest.mark.parametrize("stage", ["test", "validate"])
def test_a_failed_training_stays_failed_when_its_checkpoint_is_evaluated(
    stage: str, pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    with pytest.raises(LookupError):
        trainer(callbacks=[saving(pl)]).fit(net(fail_at=8), loader(), loader())
    failed = recorded()
    getattr(trainer(), stage)(net(), loader(), ckpt_path="kept/last.ckpt", verbose=False)
    run = recorded()
    assert (run.id, run.status, run.error) == (failed.id, "failed", "LookupError: planted")
    assert run.params["max_epochs"] == 2
    point = run.history("test_loss" if stage == "test" else "val_loss")[-1]
    assert (point.step, point.epoch, point.stage) == (4, 0, stage)
    trainer(max_epochs=3).fit(net(), loader(), loader(), ckpt_path="kept/last.ckpt")
    assert (recorded().id, recorded().status) == (failed.id, "finished")


def test_a_killed_training_stays_killed_when_its_checkpoint_is_evaluated(
    pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    trainer(callbacks=[saving(pl)]).fit(net(), loader(), loader())
    journal = recorded().folder / "journal" / "main.jsonl"
    lines = [line for line in journal.read_text().splitlines() if '"record":"RunFinished"' not in line]
    ended = '{"record":"RunFinished","time":1.0,"status":"killed","error":"SIGKILL"}'
    journal.write_text("\n".join([*lines, ended, ""]))
    again = net()
    trainer().test(again, loader(), ckpt_path="kept/last.ckpt", verbose=False)
    assert (recorded().status, len(recorded().history("test_loss"))) == ("killed", 1)


def test_a_model_that_was_made_from_a_checkpoint_is_tested_in_the_run_that_trained_it(
    pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    callback = saving(pl)
    made = trainer(callbacks=[callback])
    made.fit(net(), loader(), loader())
    made.test(net.load_from_checkpoint(callback.best_model_path), loader(), verbose=False)
    made.save_checkpoint("by_hand.ckpt")
    trainer().test(net.load_from_checkpoint("by_hand.ckpt"), loader(), verbose=False)
    assert len(recorded().history("test_loss")) == 2


def test_a_checkpoint_of_a_run_that_is_gone_is_tested_in_a_run_that_names_it(
    pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    trainer(callbacks=[saving(pl)]).fit(net(), loader(), loader())
    gone = recorded().id
    shutil.rmtree("runs")
    trainer().test(net(), loader(), ckpt_path="kept/last.ckpt", verbose=False)
    assert (recorded().status, recorded().tags["trained_in"]) == ("finished", gone)


def test_the_weights_that_are_tested_decide_about_the_run(pl: Any, trainer: Any, net: Any, loader: Any) -> None:
    trainer(callbacks=[saving(pl)]).fit(net(), loader(), loader())
    other = net()
    trainer().fit(other, loader())
    trainer().test(other, loader(), ckpt_path="kept/last.ckpt", verbose=False)
    newest, oldest = autotrack.runs("runs")
    assert ("test_loss" in oldest.metrics, "test_loss" in newest.metrics) == (True, False)


def failing(net: Any) -> Any:
    class Failing(net):  # type: ignore[misc]
        def test_step(self, batch: Any, batch_idx: int) -> None:
            raise LookupError("planted in test")

    return Failing()


def test_a_test_that_raises_is_seen_in_the_run_of_the_training(
    trainer: Any, net: Any, loader: Any, recorded: Any
) -> None:
    module = failing(net)
    trainer().fit(module, loader())
    with pytest.raises(LookupError, match="planted in test") as caught:
        trainer().test(module, loader(), verbose=False)
    assert caught.value.__context__ is None
    run = recorded()
    assert (run.status, run.error) == ("finished", None)
    assert run.tags["test_error"] == "LookupError: planted in test"
    assert "test_step" in run.texts["test_error"]


def test_a_test_alone_that_raises_has_failed(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    with pytest.raises(LookupError, match="planted in test"):
        trainer().test(failing(net), loader(), verbose=False)
    assert (recorded().status, recorded().error) == ("failed", "LookupError: planted in test")


def test_an_evaluation_alone_is_a_run(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    trainer().test(net(lr=0.3), loader(), verbose=False)
    run = recorded()
    assert run.status == "finished"
    assert run.params["lr"] == 0.3
    assert len(run.history("test_loss")) == 1


def test_validation_inside_a_fit_stays_on_its_axis(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    trainer(max_epochs=1, val_check_interval=2).fit(net(), loader(), loader())
    assert [point.step for point in recorded().history("val_loss")] == [1, 3]


def test_a_fit_within_a_run_of_a_person_adds_to_it(trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    with autotrack.start_run("mine", to="runs", experiment="tests") as run:
        trainer().fit(net(), loader())
        assert run.status == "running"
        run.log({"after": 1.0})
    found = recorded()
    assert found.name == "mine"
    assert {"loss", "after"} <= set(found.metrics)


def test_a_fit_within_a_fit_opens_no_run(pl: Any, trainer: Any, net: Any, loader: Any, recorded: Any) -> None:
    class Distilling(net):  # type: ignore[misc]
        def on_train_epoch_end(self) -> None:
            trainer(max_epochs=1).fit(net(), loader(samples=40))

    trainer().fit(Distilling(), loader())
    assert len(recorded().history("loss")) == 10


def test_fits_one_after_another_are_runs_of_their_own(trainer: Any, net: Any, loader: Any) -> None:
    module = net()
    for _ in range(2):
        trainer().fit(module, loader())
    found = autotrack.runs("runs")
    assert [len(run.history("loss")) for run in found] == [10, 10]
    assert len({run.id for run in found}) == 2
