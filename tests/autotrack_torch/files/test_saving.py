"""What a script saves while it trains becomes a checkpoint or a model of its run."""

import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

import autotrack
from autotrack.integrations import RunFiles
from autotrack_torch.files.saving import _finish
from autotrack_torch.loop import current_loop


@pytest.fixture(autouse=True)
def _recording(store: Path) -> None:
    autotrack.autolog(to=str(store), experiment="tests")


class Training:
    """A tiny training."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model = torch.nn.Linear(2, 1)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1, momentum=0.9)

    def step(self) -> None:
        self.model(torch.ones(4, 2)).square().mean().backward()
        self.optimizer.step()
        self.optimizer.zero_grad()

    @property
    def state(self) -> dict[str, Any]:
        return {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}


@pytest.fixture
def training() -> Training:
    made = Training()
    made.step()
    return made


def held() -> dict[str, Any]:
    """Return the artifacts of the run by name; nothing that is held is missing or differs in size."""
    loop = current_loop()
    assert loop is not None
    run = autotrack.load(loop.run.folder)
    assert not run.notices
    for one in run.artifacts:
        assert (loop.run.folder / one.path).stat().st_size == one.bytes or (loop.run.folder / one.path).is_dir()
    return {Path(one.path).name: one for one in run.artifacts}


def folder() -> Path:
    loop = current_loop()
    assert loop is not None
    return loop.run.folder


@pytest.mark.filterwarnings("ignore:.*torch.jit.*deprecated")
@pytest.mark.parametrize(
    ("save", "kind"),
    [
        (lambda one: torch.save(one.model.state_dict(), "f"), "checkpoint"),
        (lambda one: torch.save(one.state, Path("f")), "checkpoint"),
        (lambda one: torch.save(obj=[one.model.state_dict(), 3], f="f"), "checkpoint"),
        (lambda one: torch.save(one.optimizer.state_dict(), "f"), "checkpoint"),
        (lambda one: torch.save({"weight": one.model.weight}, "f"), "checkpoint"),
        (lambda one: torch.save(one.model, "f"), "model"),
        (lambda one: torch.jit.save(torch.jit.script(one.model), "f"), "model"),
        (lambda one: torch.jit.script(one.model).save("f"), "model"),
        (lambda one: torch.export.save(torch.export.export(one.model, (torch.ones(1, 2),)), "f.pt2"), "model"),
        (lambda one: safetensors.torch.save_file(one.model.state_dict(), "f"), "checkpoint"),
        (lambda one: safetensors.torch.save_model(one.model, "f"), "checkpoint"),
        (lambda one: torch.save(torch.ones(3), "f"), "output"),
    ],
)
def test_what_is_saved_is_told_apart(training: Training, save: Callable[[Training], None], kind: str) -> None:
    save(training)
    ((name, one),) = held().items()
    assert (one.kind, one.step, Path(one.source).name) == (kind, 0, name)
    assert (folder() / one.path).read_bytes() == Path(name).read_bytes()
    assert one.roles == ([] if kind == "output" else ["last"])


def test_no_state_is_asked_for_that_the_script_did_not_ask_for(training: Training) -> None:
    asked = []
    training.model.register_state_dict_pre_hook(lambda *_: asked.append(1))  # type: ignore[no-untyped-call]
    torch.save({"weight": training.model.weight}, "f")
    torch.save({"step": 3}, "g")
    assert {name: one.kind for name, one in held().items()} == {"f": "checkpoint", "g": "output"}
    assert not asked  # with a sharded model, this rank would wait for the others


def test_buffers_and_large_output_are_left_alone(training: Training) -> None:
    torch.save(training.state, io.BytesIO())
    torch.save(torch.zeros(300_000), "large.pt")
    with Path("open.pt").open("wb") as file:
        torch.save(training.state, file)
    assert held() == {}


def test_the_best_is_what_was_saved_because_something_got_better(training: Training) -> None:
    best_acc = 0.0
    for epoch, acc in enumerate([0.5, 0.75, 0.25]):
        training.step()
        if acc > best_acc:
            best_acc = acc
            torch.save(training.model.state_dict(), "best.pt")
        torch.save({**training.state, "epoch": epoch}, f"{epoch}.pt")
    found = held()
    assert set(found) == {"best.pt", "2.pt"}
    assert (found["best.pt"].roles, found["best.pt"].metrics, found["best.pt"].step) == (["best"], {"acc": 0.75}, 2)
    assert (found["2.pt"].roles, found["2.pt"].metrics) == (["last"], {})
    assert {path.name for path in Path().glob("*.pt")} == {"best.pt", "0.pt", "1.pt", "2.pt"}


def save_checkpoint(state: Any, is_best: bool, name: str) -> None:
    torch.save(state, name)
    assert is_best in (True, False)


def test_a_flag_tells_as_well(training: Training) -> None:
    best = {"val_loss": 1.0}
    for epoch, val_loss in enumerate([0.5, 0.25, 0.5]):
        training.step()
        is_best = val_loss < best["val_loss"]
        best["val_loss"] = min(val_loss, best["val_loss"])
        save_checkpoint(training.state, is_best, f"{epoch}.pt")
    found = held()
    assert {name: (one.roles, one.metrics) for name, one in found.items()} == {
        "1.pt": (["best"], {"val_loss": 0.25}),
        "2.pt": (["last"], {}),
    }


@pytest.mark.parametrize(("always", "roles"), [(True, ["last"]), (False, ["best", "last"])])
def test_where_something_else_is_a_reason_nothing_is_called_best(
    training: Training, always: bool, roles: list[str]
) -> None:
    best_val_loss, losses = None, {"val": 0.5}
    if not best_val_loss or losses["val"] < best_val_loss or always:
        best_val_loss = losses["val"]
        torch.save(training.state, "ckpt.pt")
    assert (held()["ckpt.pt"].roles, held()["ckpt.pt"].metrics) == (roles, {} if always else {"val_loss": 0.5})


class Stopping:
    """A counter of epochs without progress, as many copy it."""

    best_score: float | None = None

    def __call__(self, val_loss: float, model: Any) -> None:
        score = -val_loss
        if self.best_score is None:
            self.best_score = score
            self.save(model)
        elif score < self.best_score + 0.01:
            pass
        else:
            self.best_score = score
            self.save(model)

    def save(self, model: Any) -> None:
        torch.save(model.state_dict(), "stopped.pt")


def test_what_stands_after_else_is_the_best_if_it_is_noted_as_that(training: Training) -> None:
    stopping = Stopping()
    for val_loss in (0.5, 0.25, 0.75):
        training.step()
        stopping(val_loss, training.model)
    one = held()["stopped.pt"]
    assert (one.roles, one.step, one.metrics) == (["best", "last"], 2, {"score": -0.25})


def test_a_number_saved_with_the_weights_tells_which_is_the_best(training: Training) -> None:
    for epoch, loss in enumerate([3.0, 1.0, 2.0]):
        training.step()
        torch.save({**training.state, "val_loss": loss, "epoch": epoch}, f"{epoch}.pt")
    found = held()
    assert {name: (one.roles, one.metrics) for name, one in found.items()} == {
        "1.pt": (["best"], {"val_loss": 1.0}),
        "2.pt": (["last"], {"val_loss": 2.0}),
    }


def test_counting_is_no_improvement(training: Training) -> None:
    max_steps, best_epoch = 0, 0
    for step in range(1, 3):
        training.step()
        if step > max_steps and step > best_epoch:
            torch.save(training.state, "last.pt")
    assert held()["last.pt"].roles == ["last"]


def test_a_file_that_is_written_over_is_held_as_it_is_now(training: Training) -> None:
    for _ in range(3):
        training.step()
        torch.save(training.state, "ckpt.pt")
    ((_, one),) = held().items()
    assert one.step == 3
    assert (folder() / one.path).read_bytes() == Path("ckpt.pt").read_bytes()


def test_the_best_is_copied_before_it_is_written_over(training: Training) -> None:

    for loss in (1.0, 2.0):
        training.step()
        if loss == 2.0:
            give_time()
        torch.save({**training.state, "val_loss": loss}, "ckpt.pt")
    found = {one.metrics["val_loss"]: one for one in held().values()}
    assert (found[1.0].roles, found[2.0].roles) == (["best"], ["last"])
    assert torch.load(folder() / found[1.0].path)["val_loss"] == 1.0
    assert torch.load(folder() / found[2.0].path)["val_loss"] == 2.0


def give_time() -> None:
    from autotrack_torch.files import saving

    for files in saving._files.values():
        for budget in (files._files.budget, files._files._spare_budget):
            budget._began -= 1000


def test_what_was_deleted_by_the_script_stays_if_it_is_the_last(training: Training) -> None:
    torch.save(training.state, "gone.pt")
    Path("gone.pt").unlink()
    assert (folder() / held()["gone.pt"].path).exists()


def test_files_saved_in_one_step_belong_together(training: Training) -> None:
    for _ in range(2):
        training.step()
        for name in ("generator", "critic"):
            torch.save(training.model.state_dict(), f"{name}-{training.optimizer.param_groups[0]['lr']}.pt")
    assert [one.roles for one in held().values()] == [["last"], ["last"]]


def test_a_save_that_fails_raises_what_it_raised_and_what_is_lost_with_it_is_told(training: Training) -> None:
    torch.save(training.state, "ckpt.pt")
    with pytest.raises(RuntimeError, match="does not exist"):
        torch.save(training.state, "no/such/folder/ckpt.pt")
    assert list(held()) == ["ckpt.pt"]
    with pytest.raises(AttributeError, match="pickle"):
        torch.save({**training.state, "f": lambda: None}, "ckpt.pt")
    run = autotrack.load(folder())
    assert [one for one in run.artifacts if one.kind == "checkpoint"] == []
    assert ["ckpt.pt failed (AttributeError)" in one.message for one in run.notices] == [True]


def test_what_the_run_holds_outlives_a_save_over_it_that_fails(training: Training) -> None:
    for step in range(1, 4):
        training.step()
        if step > 1:
            give_time()
        if step == 3:
            with pytest.raises(AttributeError, match="pickle"):
                torch.save({**training.state, "f": lambda: None}, "ckpt.pt")
        else:
            torch.save({**training.state, "step": step}, "ckpt.pt")
    run = autotrack.load(folder())
    (one,) = run.artifacts
    assert (one.path, one.step, one.roles) == ("checkpoints/ckpt.pt", 2, ["last"])
    assert torch.load(folder() / one.path)["step"] == 2
    assert ["from step 2 is kept in the run" in notice.message for notice in run.notices] == [True]

    torch.save({**training.state, "step": 4}, "ckpt.pt")
    (one,) = autotrack.load(folder()).artifacts
    assert (one.path, torch.load(folder() / one.path)["step"]) == ("checkpoints/ckpt.pt", 4)


def test_no_copy_is_made_where_the_disk_is_nearly_full(training: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save({**training.state, "val_loss": 1.0}, "ckpt.pt")
    give_time()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9 - 2000, 2000))
    training.step()
    torch.save({**training.state, "val_loss": 2.0}, "ckpt.pt")
    ((_, one),) = held().items()
    assert torch.load(folder() / one.path)["val_loss"] == one.metrics["val_loss"] == 2.0


def test_what_a_failed_save_has_not_touched_is_held_as_before(training: Training) -> None:
    safetensors.torch.save_file(training.model.state_dict(), "weights")
    weight = training.model.weight.data
    with pytest.raises(RuntimeError, match="share memory"):
        safetensors.torch.save_file({"a": weight, "b": weight}, "weights")
    ((name, one),) = held().items()
    assert (name, one.roles) == ("weights", ["last"])
    assert (folder() / one.path).samefile("weights")


@pytest.mark.parametrize("rename", [os.replace, os.rename, shutil.move])
def test_a_file_that_is_renamed_after_it_was_saved_has_its_last_name(training: Training, rename: Any) -> None:
    for step in range(1, 4):
        training.step()
        torch.save(training.state, "last.pt.tmp")
        rename("last.pt.tmp", "last.pt")
        if step == 3:
            _finish(lambda _: True)
    ((name, one),) = held().items()
    assert (name, one.step, one.roles, Path(one.source).name) == ("last.pt", 3, ["last"], "last.pt")
    assert (folder() / one.path).read_bytes() == Path("last.pt").read_bytes()
    assert not (folder() / one.path).samefile("last.pt")


def test_a_folder_that_is_renamed_after_its_files_were_saved_stays_theirs(training: Training) -> None:
    Path("draft").mkdir()
    torch.save(training.state, "draft/ckpt.pt")
    Path("draft").rename("final")
    _finish(lambda _: True)
    ((name, one),) = held().items()
    assert (name, (folder() / one.path).samefile("final/ckpt.pt")) == ("ckpt.pt", False)


def test_it_can_be_switched_off(store: Path) -> None:
    autotrack.autolog(to=str(store), experiment="tests", checkpoints=False)
    training = Training()
    training.step()
    torch.save(training.state, "ckpt.pt")
    assert held() == {}
    assert os.stat("ckpt.pt").st_nlink == 1  # noqa: PTH116  as short as it gets


def test_what_is_held_is_independent_of_the_script_when_it_ends(run_script: Callable[..., str], store: Path) -> None:
    run_script(f"""
        import autotrack
        autotrack.autolog(to={str(store)!r}, experiment="tests")
        import torch
        model = torch.nn.Linear(1, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        model(torch.ones(1, 1)).sum().backward()
        optimizer.step()
        torch.save(model.state_dict(), "last.pt")
    """)
    (run,) = autotrack.runs(store)
    (one,) = (one for one in run.artifacts if one.kind == "checkpoint")
    assert not (run.folder / one.path).samefile("last.pt")
    assert (run.folder / one.path).read_bytes() == Path("last.pt").read_bytes()


@pytest.mark.parametrize("most_bytes", [1_000_000, 10])
def test_a_file_linked_by_a_killed_run_is_never_another_one(
    training: Training, store: Path, most_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = store / "tests" / "20260101-000000-killed-one" / "checkpoints" / "last.pt"
    killed.parent.mkdir(parents=True)
    Path("last.pt").write_bytes(b"as it was then")
    killed.hardlink_to("last.pt")
    monkeypatch.setattr(RunFiles(current_loop().run).budget.__class__, "MOST_BYTES", most_bytes)  # type: ignore[union-attr]
    torch.save(training.state, "last.pt")
    assert not killed.exists() if most_bytes == 10 else killed.read_bytes() == b"as it was then"
