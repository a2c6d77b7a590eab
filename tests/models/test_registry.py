"""The registry of a store: versions, aliases, what stays when runs go, and what is no experiment."""

import shutil
import threading
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

import autotrack
from autotrack.errors import ArtifactNotFoundError, AutotrackWarning, ModelNotFoundError, ModelRegistryError
from autotrack.model_names import Reference, parsed
from autotrack.models import aliases
from autotrack.models.lineage import lineage_of
from autotrack.models.measures import measured
from autotrack.models.promotion import promote
from autotrack.models.registration import register
from autotrack.models.registry import Registry
from autotrack.models.version_loading import verify
from autotrack.readers.recorded_run import RecordedRun
from autotrack.readers.scan import run_folders
from autotrack.training.run_files import RunFiles
from tests.models.conftest import fit

DATA = np.random.default_rng(0).normal(size=(60, 4))


def test_a_run_becomes_the_next_version_and_is_loaded_by_number_and_by_alias(
    runs: list[RecordedRun], registry: Registry, tmp_path: Path
) -> None:
    versions = [run.register("digits", description="a try", tags={"why": "paper"}) for run in runs]
    assert [version.version for version in versions] == [1, 2, 3]
    aliases.move_alias(registry, Reference("digits", 2), "@champion")
    for reference, run in (
        ("models:/digits/1", runs[0]),
        ("models:/digits@champion", runs[1]),
        ("models:/digits", runs[2]),
    ):
        model = autotrack.load_model(reference, trusted=True, store=tmp_path / "runs")
        own = run.load_model(trusted=True)
        assert (model.predict_proba(DATA) == own.predict_proba(DATA)).all()
    state = registry.model("digits")
    assert state.described[1] == "a try"
    assert state.version_tags[1] == {"why": "paper"}


def test_the_same_model_is_registered_once_and_a_version_number_is_never_given_again(
    runs: list[RecordedRun], registry: Registry
) -> None:
    assert runs[0].register("digits").version == runs[0].register("digits", description="more").version == 1
    assert registry.model("digits").described[1] == "more"
    assert autotrack.runs(registry.store)[-1].register("digits").version == 1
    assert autotrack.load(runs[0].folder).registrations[0].name == "digits"
    assert len(autotrack.load(runs[0].folder).registrations) == 1
    runs[1].register("digits")
    aliases.remove_version(registry, Reference("digits", 2))
    assert runs[2].register("digits").version == 3
    assert sorted(registry.model("digits").versions) == [1, 3]


def test_registering_again_brings_back_files_that_are_gone(runs: list[RecordedRun], registry: Registry) -> None:
    version = runs[0].register("digits")
    shutil.rmtree(registry.store / registry.path_in_store("digits", 1))
    assert runs[0].register("digits").version == 1
    verify(registry, "digits", version)


def test_a_version_stays_when_its_run_is_removed_for_good(
    runs: list[RecordedRun], registry: Registry, tmp_path: Path
) -> None:
    expected = runs[0].load_model(trusted=True).predict_proba(DATA)
    known = runs[0].id
    runs[0].register("digits")
    shutil.rmtree(runs[0].folder)
    model = autotrack.load_model("models:/digits/1", trusted=True, store=tmp_path / "runs")
    assert (model.predict_proba(DATA) == expected).all()
    origin = registry.model("digits").versions[1].origin
    assert origin.run == known
    assert origin.packages["scikit-learn"] == version("scikit-learn")


def test_models_are_no_runs_and_an_experiment_may_be_called_models(
    runs: list[RecordedRun], registry: Registry, tmp_path: Path
) -> None:
    runs[0].register("digits")
    store = tmp_path / "runs"
    assert len(list(run_folders(store))) == len(autotrack.runs(store)) == 3
    with autotrack.start_run("mine", to=store, experiment="models") as run:
        run.log({"loss": 1.0})
    assert len(autotrack.runs(store)) == 4
    assert registry.names() == ["digits"]
    with pytest.raises(ModelRegistryError, match="is a run"):
        register(runs[1], run.folder.name)


def test_a_training_ends_as_a_registered_model(store: Path) -> None:
    fit(store, register="digits")
    fit(store, register="digits", C=0.1)
    assert sorted(Registry(store).model("digits").versions) == [1, 2]


def test_a_run_says_itself_that_it_is_to_be_registered(store: Path) -> None:
    from sklearn.linear_model import LinearRegression

    autotrack.autolog(to=store)
    with autotrack.start_run("mine") as run:
        LinearRegression().fit(DATA, DATA[:, 0])
        run.register("line", description="straight")
    assert Registry(store).model("line").versions[1].description == "straight"
    assert autotrack.load(run.folder).notices == []


def test_a_run_without_a_model_says_why_it_is_not_registered(store: Path) -> None:
    with autotrack.start_run("mine", to=store, register="digits") as run:
        run.log({"loss": 1.0})
    assert "not registered as digits" in autotrack.load(run.folder).notices[0].message
    with pytest.raises(ArtifactNotFoundError):
        autotrack.load(run.folder).register("digits")


def test_aliases_move_and_moves_are_taken_back_one_by_one(runs: list[RecordedRun], registry: Registry) -> None:
    for run in runs:
        run.register("digits")
    for number in (1, 2, 3):
        aliases.move_alias(registry, Reference("digits", number), "champion")
    found = [aliases.undo_move(registry, "digits", "champion").version for _ in range(3)]
    assert found == [2, 1, None]
    with pytest.raises(ModelRegistryError, match="nothing to take back"):
        aliases.undo_move(registry, "digits", "champion")
    aliases.move_alias(registry, Reference("digits", 3), "champion")
    with pytest.raises(ModelRegistryError, match="points to version 3"):
        aliases.remove_version(registry, Reference("digits", 3))
    assert len(registry.model("digits").moves("champion")) == 7


def test_trainings_that_end_together_get_a_version_each(runs: list[RecordedRun], registry: Registry) -> None:
    threads = [threading.Thread(target=register, args=(run, "digits")) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    versions = registry.model("digits").versions.values()
    assert {version.origin.run for version in versions} == {run.id for run in runs}
    assert sorted(version.version for version in versions) == [1, 2, 3]


@pytest.mark.parametrize(
    "name", ["", "..", "../a", "a/b", ".hidden", "a:b", "-rf", "a\n", "x" * 101, "a..b", "digits@champion"]
)
def test_a_name_that_leads_elsewhere_is_refused(name: str, runs: list[RecordedRun], tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ModelRegistryError):
        runs[0].register(name)
    with autotrack.start_run(to=tmp_path / "other") as run, pytest.raises(autotrack.AutotrackError):
        run.register(name)
    shutil.rmtree(tmp_path / "other")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "text", ["models:/", "models:/../x", "models:/a/b/c", "models:/a/0", "a@v1", "a@latest", "a@", "a/٣"]
)
def test_what_is_no_reference_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ModelNotFoundError, match="no registered model"):
        parsed(text)


def test_a_torn_line_is_left_out_and_the_next_entry_is_whole(runs: list[RecordedRun], registry: Registry) -> None:
    runs[0].register("digits")
    path = registry.store / "models" / "digits" / "records.jsonl"
    path.write_bytes(path.read_bytes() + b'{"record": "AliasMoved", "ali')
    runs[1].register("digits")
    state = registry.model("digits")
    assert (sorted(state.versions), state.unread) == ([1, 2], 1)


def test_the_best_checkpoint_is_registered_with_what_it_was_kept_for(store: Path) -> None:
    with autotrack.start_run("mine", to=store) as run:  # as an integration keeps them
        for name, kind, roles in (
            ("model/model.keras", "model", ["last"]),
            ("checkpoints/3.keras", "checkpoint", ["best"]),
        ):
            (run.folder / name).parent.mkdir(exist_ok=True)
            (run.folder / name).write_bytes(name.encode())
            metrics = {"val_acc": 0.9} if kind == "checkpoint" else {}
            run._record_artifact(run.folder / name, kind=kind, roles=roles, metrics=metrics)
        run.log({"val_acc": 0.9}, step=3, stage="validate")
        run.log({"val_acc": 0.5}, step=4, stage="validate")
    recorded = autotrack.load(run.folder)
    last = recorded.register("net")
    with pytest.warns(AutotrackWarning, match="no whole model"):
        best = recorded.register("net", weights="best")
    assert (last.path, best.path, best.saved_for) == ("model/model.keras", "checkpoints/3.keras", {"val_acc": 0.9})
    registry = Registry(store)
    assert [measured(registry, one).value("val_acc") for one in (last, best)] == [0.5, 0.9]


def test_weights_that_were_put_in_after_the_last_step_are_not_what_was_measured(store: Path) -> None:
    with autotrack.start_run("mine", to=store) as run:
        file = run.folder / "model" / "model.joblib"
        file.parent.mkdir()
        file.write_bytes(b"a model")
        run._record_artifact(file, kind="model")
        RunFiles(run).record_model(file.parent, files=[file.name], flavors={}, weights="restored")
        run.log({"val_acc": 0.9}, stage="validate")
    registry, version = Registry(store), autotrack.load(run.folder).register("net")
    assert version.weights == "restored"
    assert measured(registry, version).value("val_acc") is None
    assert promote(registry, "net", "best val_acc").version is None


def test_a_version_tells_which_runs_came_before_its_run(store: Path) -> None:
    with autotrack.start_run("outer", to=store) as outer, autotrack.start_run("inner", to=store) as inner:
        (inner.folder / "model").mkdir()
        (inner.folder / "model" / "model.joblib").write_bytes(b"a model")
        inner._record_artifact(inner.folder / "model" / "model.joblib", kind="model")
    version = autotrack.load(inner.folder).register("net")
    lineage = lineage_of(Registry(store), version)
    assert lineage.folder == inner.folder
    assert [(one.how, one.name, one.folder) for one in lineage.ancestors] == [("part of", "outer", outer.folder)]
