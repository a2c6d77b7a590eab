"""Files of a run are found by what they are, and only if they are files of the run."""

import os
import re
from pathlib import Path

import pytest

import autotrack
from autotrack.errors import ArtifactNotFoundError, AutotrackError, ModelLoadError, UnsafeFileError
from autotrack.training.run_files import RunFiles


def keep(run: autotrack.Run, name: str, content: str = "weights", **about: object) -> None:
    path = run.folder / name
    RunFiles(run).write(path, content.encode())
    RunFiles(run).record(path, kind="checkpoint", **about)


@pytest.fixture
def run(store: Path, monkeypatch: pytest.MonkeyPatch) -> autotrack.RecordedRun:
    (store.parent / "notes.txt").write_text("notes")
    monkeypatch.setenv("AUTOTRACK_METRIC", "val_loss")
    with autotrack.start_run(to=store) as run:
        run.log({"val_loss": 0.1, "accuracy": 0.9})
        (run.folder / "checkpoints").mkdir()
        keep(run, "checkpoints/epoch=1.ckpt", roles=["best"], metrics={"val_loss": 0.1})
        keep(run, "checkpoints/epoch=2.ckpt", roles=["best"], metrics={"accuracy": 0.9})
        keep(run, "checkpoints/epoch=3.ckpt", roles=["last"])
        run.log_artifact(store.parent / "notes.txt")
    return autotrack.load(run.folder)


def test_a_checkpoint_is_found_by_its_role(run: autotrack.RecordedRun) -> None:
    assert run.checkpoint() == run.checkpoint("best") == run.folder / "checkpoints" / "epoch=1.ckpt"
    assert run.checkpoint("last") == run.path("checkpoints/last") == run.folder / "checkpoints" / "epoch=3.ckpt"
    with pytest.raises(ValueError, match="expected 'best' or 'last'"):
        run.checkpoint("worst")  # type: ignore[arg-type]


def test_a_file_is_found_by_its_path_with_or_without_suffix(run: autotrack.RecordedRun) -> None:
    assert run.path("artifacts/notes.txt") == run.path("artifacts/notes") == run.folder / "artifacts" / "notes.txt"
    assert run.path("checkpoints/epoch=2.ckpt").read_text() == "weights"
    assert run.path("run.json").is_file()
    with pytest.raises(ArtifactNotFoundError, match="several files called 'checkpoints/best'"):
        run.path("checkpoints/best")
    with pytest.raises(ArtifactNotFoundError, match=re.escape("did you mean 'artifacts/notes.txt'?")):
        run.path("artifacts/note.txt")


def test_a_run_without_checkpoints_says_what_it_has(store: Path) -> None:
    with autotrack.start_run("empty", to=store) as run:
        pass
    with pytest.raises(ArtifactNotFoundError, match="run empty has no file 'checkpoints/best'; it has none"):
        autotrack.load(run.folder).checkpoint()
    with pytest.raises(LookupError):
        autotrack.load_model(run.folder)


@pytest.mark.parametrize("name", ["../notes.txt", "/etc/passwd", "artifacts/../../notes.txt", "a\0b", ""])
def test_no_path_leads_out_of_the_run(run: autotrack.RecordedRun, name: str) -> None:
    with pytest.raises((AutotrackError, ValueError)):
        run.path(name)


def test_a_link_in_place_of_a_file_is_refused(run: autotrack.RecordedRun, store: Path) -> None:
    path = run.folder / "checkpoints" / "epoch=1.ckpt"
    path.unlink()
    path.symlink_to(store.parent / "notes.txt")
    with pytest.raises(UnsafeFileError):
        run.checkpoint("best")
    with pytest.raises(UnsafeFileError):
        run.load_model(weights="best", trusted=True)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(UnsafeFileError):
        run.load_model(weights="best", trusted=True)


def test_a_file_that_nobody_can_load_says_so(run: autotrack.RecordedRun) -> None:
    with pytest.raises(ModelLoadError, match="no file that the run has recorded"):
        autotrack.load_model(run.folder / "run.json")
    with pytest.raises(ModelLoadError, match="not a file that an installed integration can load"):
        autotrack.load_model(run.folder / "artifacts" / "notes.txt")
    with pytest.raises(ModelLoadError, match="does not exist"):
        autotrack.load_model(run.folder.parent / "nowhere")
