"""Every door to a model: what is tampered with, cut off, linked or foreign is refused, and nothing is executed."""

import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import autotrack
from autotrack.cli.app import app
from autotrack.errors import AutotrackError, ModelLoadError, UntrustedModelError
from autotrack.models.registry import Registry
from autotrack.readers.recorded_run import RecordedRun
from tests.support.traps import Trap

Door = Callable[..., object]


@pytest.fixture(autouse=True)
def sprung(tmp_path: Path) -> Iterator[Path]:
    """The file that a trap makes, which is not there in the end."""
    path = tmp_path / "sprung"
    yield path
    assert not path.exists()


@pytest.fixture
def run(runs: list[RecordedRun], tmp_path: Path) -> RecordedRun:
    """A run whose model is version 1 of `digits`."""
    runs[0].register("digits")
    np.save(tmp_path / "data.npy", np.zeros((2, 4)))
    return runs[0]


def command(*words: object) -> str:
    """Run a command; raise what it raises."""
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False).output


def doors(folder: Path, name: str = "digits/1", *more: str) -> dict[str, Door]:
    """Return what loads, copies or serves the model in a store below a folder, by registered name and by run."""
    store, data, made = folder / "runs", folder / "data.npy", folder / "made.pt2"
    run = store / Registry(store).model("digits").versions[1].origin.folder
    options = ("--store", store, *more)
    trusted = "--trusted" in more
    return {
        "load_model": lambda: autotrack.load_model(
            f"models:/{name.removeprefix('models:/')}", trusted=trusted, store=store
        ),
        "load_model of the run": lambda: autotrack.load_model(autotrack.load(run), trusted=trusted),
        "load_model of the file": lambda: autotrack.load_model(run / "model" / "model.joblib", trusted=trusted),
        "predict": lambda: command("predict", name, data, *options),
        "predict of the run": lambda: command("predict", run, data, *options),
        "models export": lambda: command("models", "export", name, "-o", made, *options),
        "models export of the run": lambda: command("models", "export", run, "-o", made, *options),
        "serve": lambda: command("serve", name, "--port", "1", *options),
    }


def refusals(folder: Path, *more: str) -> dict[str, str]:
    """Open all doors, none of which may open, to version 1; return what each says."""
    said = {}
    for door, opened in doors(folder, "digits/1", *more).items():
        with pytest.raises((AutotrackError, OSError)) as refused:
            opened()
        said[door] = str(refused.value)
    assert not (folder / "made.pt2").exists()
    return said


def in_place(run: RecordedRun, content: bytes) -> None:
    """Change the file of the model; that of the version is the same one."""
    (run.folder / "model" / "model.joblib").write_bytes(content)


def test_what_is_tampered_with_or_cut_off_is_refused_also_where_it_is_trusted(
    run: RecordedRun, tmp_path: Path, sprung: Path
) -> None:
    whole = (run.folder / "model" / "model.joblib").read_bytes()
    for damaged in (pickle.dumps(Trap(sprung)), whole[:-5], b""):
        in_place(run, damaged)
        for more in ((), ("--trusted",)):
            said = refusals(tmp_path, *more)
            exported = [door for door in said if "export" in door]  # only models of PyTorch are
            assert all("checksum differs" in text or door in exported for door, text in said.items() if more), said
        shown = command("models", "show", "digits/1", "--store", tmp_path / "runs")
        assert "NOT what was registered" in " ".join(shown.split())
        with pytest.raises(AutotrackError, match="checksum differs; it is not registered"):
            command("register", run.folder, "again", "--store", tmp_path / "runs")
        assert Registry(tmp_path / "runs").names() == ["digits"]


def test_a_damaged_version_is_whole_again_when_its_run_is_registered_once_more(
    run: RecordedRun, tmp_path: Path, sprung: Path
) -> None:
    store = tmp_path / "runs"
    (file,) = (store / "models" / "digits" / "versions").rglob("*.joblib")
    file.unlink()
    file.write_bytes(pickle.dumps(Trap(sprung)))
    assert "digits/1 is the model of" in command("register", run.folder, "digits", "--store", store)
    assert autotrack.load_model("models:/digits/1", trusted=True, store=store).predict(np.zeros((1, 4))).shape == (1,)


@pytest.mark.parametrize("linked", ["model", "model/model.joblib"])
def test_links_are_not_followed(run: RecordedRun, tmp_path: Path, linked: str) -> None:
    store = tmp_path / "runs"
    for number, place in enumerate((run.folder, store / "models" / "digits" / "versions" / "1")):
        outside = tmp_path / f"outside-{number}"
        (place / linked).rename(outside)
        (place / linked).symlink_to(outside)
    for more in ((), ("--trusted",)):
        refusals(tmp_path, *more)
    shown = command("models", "show", "digits/1", "--store", store)
    assert "NOT what was registered" in " ".join(shown.split())
    with pytest.raises(AutotrackError):
        command("register", run.folder, "again", "--store", store)
    (store / "models" / "digits").rename(tmp_path / "digits")
    (store / "models" / "digits").symlink_to(tmp_path / "digits")
    assert "no registered models" in command("models", "--store", store)
    with pytest.raises(AutotrackError):
        command("models", "show", "digits", "--store", store)


def test_a_pickle_that_somebody_else_has_recorded_runs_no_code(tmp_path: Path, sprung: Path) -> None:
    """All checksums are right: whoever made the store wrote them."""
    with autotrack.start_run("theirs", to=tmp_path / "runs", experiment="digits") as made:
        file = made.folder / "model" / "model.joblib"
        file.parent.mkdir()
        file.write_bytes(pickle.dumps(Trap(sprung)))
        made._record_artifact(file, kind="model")
    np.save(tmp_path / "data.npy", np.zeros((2, 4)))
    store = tmp_path / "runs"
    command("register", made.folder, "digits", "--store", store)
    assert "the checksums of its files are right" in command("models", "show", "digits/1", "--store", store)
    for door, said in refusals(tmp_path).items():
        assert "trusted" in said or "export" in door or "serves whole models" in said, (door, said)


def test_a_module_that_somebody_else_has_recorded_runs_no_code(tmp_path: Path, sprung: Path) -> None:
    torch: Any = pytest.importorskip("torch")
    with autotrack.start_run("theirs", to=tmp_path / "runs") as made:
        file = made.folder / "model" / "data" / "model.pth"
        file.parent.mkdir(parents=True)
        torch.save(Trap(sprung), file)
        made._record_artifact(file, kind="model")
    store = tmp_path / "runs"
    command("register", made.folder, "net", "--store", store)
    for named in ("net/1", made.folder):
        with pytest.raises(UntrustedModelError):
            command("models", "export", named, "-o", tmp_path / "made.pt2", "--store", store)


def test_a_folder_that_was_put_there_is_no_model_of_the_run(run: RecordedRun, tmp_path: Path, sprung: Path) -> None:
    store = tmp_path / "runs"
    for place in (run.folder / "model", store / "models" / "digits" / "versions" / "7"):
        place.mkdir(exist_ok=True)
        (place / "foreign.joblib").write_bytes(pickle.dumps(Trap(sprung)))
        (place / "MLmodel").write_text("flavors: {python_function: {loader_module: evil}}\n")
    with pytest.raises(ModelLoadError, match="no file that the run has recorded"):
        autotrack.load_model(run.folder / "model" / "foreign.joblib", trusted=True)
    for name in (name for name in doors(tmp_path) if "of the" not in name):
        door = doors(tmp_path, "digits/7", "--trusted")[name]
        with pytest.raises((AutotrackError, OSError)):
            door()
    assert [
        one["version"]
        for one in json.loads(command("models", "show", "digits", "--json", "--store", store))["versions"]
    ] == [1]


@pytest.mark.parametrize("name", ["..", "../digits", "models:/..", "models:/../digits/1", "digits/..", "digits/../1"])
def test_a_name_with_dots_leads_nowhere(run: RecordedRun, tmp_path: Path, name: str) -> None:
    before = sorted(tmp_path.rglob("*"))
    options = ("--store", tmp_path / "runs")
    with pytest.raises(AutotrackError):
        autotrack.load_model(f"models:/{name.removeprefix('models:/')}", trusted=True, store=tmp_path / "runs")
    commands: list[tuple[object, ...]] = [
        ("predict", name, tmp_path / "data.npy"), ("serve", name), ("models", "export", name),
        ("models", "show", name), ("models", "alias", name, "champion", "1"), ("models", "undo", name),
        ("models", "promote", name, "best val_acc"), ("models", "describe", name, "text"),
        ("models", "rm", name, "--yes"), ("register", run.folder, name),
    ]  # fmt: skip
    for words in commands:
        with pytest.raises((AutotrackError, OSError)):
            command(*words, *options)
    assert sorted(tmp_path.rglob("*")) == before
