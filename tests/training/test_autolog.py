"""`autolog()`: integrations of any origin are found, applied when their framework is imported, and taken away."""

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import autotrack
from autotrack.errors import AutotrackWarning, SettingsError
from autotrack.training.autolog import chosen, discover, is_autologging, of_this_process

FRAMEWORK = """
class Trainer:
    def fit(self, epochs, *, fast=False):
        '''Train.'''
        return epochs
"""

INTEGRATION = """
from autotrack.training.hooks.patch import Patch

calls = []


class {Name}Integration:
    name = "{name}"
    modules = {{"loom": ("loom-framework", "1.2", "2")}}

    def patches(self, module):
        yield Patch(module.Trainer, "fit", hook)


def hook(trainer, epochs, **kwargs):
    calls.append(("before", epochs))
    outcome = yield
    calls.append(("after", outcome.result))
"""


class Site:
    """A folder of installed packages on the path, as pip makes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.modules = {"loom"}

    def install(self, distribution: str, version: str, *entry_points: str) -> None:
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        if entry_points:
            (info / "entry_points.txt").write_text("\n".join(["[autotrack.integrations]", *entry_points]) + "\n")

    def module(self, name: str, source: str) -> None:
        self.modules.add(name)
        (self.folder / f"{name}.py").write_text(source)

    def integration(self, name: str = "loom") -> None:
        """Install the package of an integration for the framework."""
        self.module(f"autotrack_{name}", INTEGRATION.format(name=name, Name=name.title()))
        self.install(f"autotrack-{name}", "0.1", f"{name} = autotrack_{name}:{name.title()}Integration")

    def framework(self, version: str | None = "1.5.0") -> None:
        self.module("loom", FRAMEWORK)
        if version:
            self.install("loom-framework", version)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    made = Site(tmp_path / "site-packages")
    made.folder.mkdir()
    monkeypatch.syspath_prepend(made.folder)
    finders = list(sys.meta_path)
    yield made
    autotrack.autolog(disable=True)
    for name in made.modules:
        sys.modules.pop(name, None)
    assert sys.meta_path == finders


@pytest.fixture
def loom(site: Site) -> Site:
    """A framework and its integration, both made by somebody else; neither is imported yet."""
    site.framework()
    site.integration()
    return site


def trainer() -> Any:
    return importlib.import_module("loom").Trainer


def calls(name: str = "loom") -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = importlib.import_module(f"autotrack_{name}").calls
    return found


# ---- found, applied, taken away


@pytest.mark.parametrize("imported", ["before", "after"])
def test_an_integration_made_by_others_works_whether_its_framework_is_imported_before_or_after(
    loom: Site, imported: str
) -> None:
    if imported == "before":
        trainer()
    autotrack.autolog()
    assert trainer()().fit(3) == 3
    assert calls() == [("before", 3), ("after", 3)]
    assert "loom" in discover()
    assert is_autologging("loom")


def test_what_is_patched_is_what_it_was_and_comes_back(loom: Site) -> None:
    before = dict(vars(trainer()))
    signature = inspect.signature(trainer().fit)
    autotrack.autolog()
    assert vars(trainer())["fit"] is not before["fit"]
    assert inspect.signature(trainer().fit) == signature
    autotrack.autolog(disable=True)
    assert dict(vars(trainer())) == before
    assert vars(trainer())["fit"] is before["fit"]
    assert not is_autologging("loom")


def test_autolog_again_changes_nothing(loom: Site) -> None:
    autotrack.autolog()
    trainer()
    put = trainer().fit
    for _ in range(3):
        autotrack.autolog()
    assert trainer().fit is put
    trainer()().fit(1)
    assert len(calls()) == 2


def test_autolog_can_be_turned_off_and_on(loom: Site) -> None:
    before = trainer().fit
    for _ in range(3):
        autotrack.autolog()
        autotrack.autolog(disable=True)
        autotrack.autolog(disable=True)
        assert trainer().fit is before
    autotrack.autolog()
    trainer()().fit(1)
    assert len(calls()) == 2


def test_turned_off_before_the_framework_is_imported_nothing_is_left(loom: Site) -> None:
    finders = list(sys.meta_path)
    autotrack.autolog()
    assert sys.meta_path != finders
    autotrack.autolog(disable=True)
    assert sys.meta_path == finders
    assert not hasattr(trainer().fit, "__wrapped__")


def test_two_integrations_for_one_framework_work_side_by_side(loom: Site) -> None:
    loom.integration("weave")
    before = trainer().fit
    autotrack.autolog(frameworks=["loom", "weave"])
    trainer()().fit(1)
    assert (len(calls("loom")), len(calls("weave"))) == (2, 2)
    autotrack.autolog(frameworks=["weave"])
    trainer()().fit(1)
    assert (len(calls("loom")), len(calls("weave"))) == (2, 4)
    autotrack.autolog(frameworks=["loom", "weave"])
    trainer()().fit(1)
    assert (len(calls("loom")), len(calls("weave"))) == (4, 6)
    autotrack.autolog(disable=True)
    trainer()().fit(1)
    assert (len(calls("loom")), len(calls("weave"))) == (4, 6)
    autotrack.autolog(frameworks=["loom", "weave"])
    autotrack.autolog(disable=True)
    assert inspect.unwrap(trainer().fit) is before


def test_of_two_integrations_turned_off_together_nothing_is_left(loom: Site) -> None:
    loom.integration("weave")
    before = trainer().fit
    autotrack.autolog(frameworks=["loom", "weave"])
    autotrack.autolog(disable=True)
    assert trainer().fit is before


def test_one_integration_turned_off_leaves_the_other_waiting_for_the_framework(loom: Site) -> None:
    loom.integration("weave")
    autotrack.autolog(frameworks=["loom", "weave"])
    autotrack.autolog(frameworks=["weave"])
    trainer()().fit(1)
    assert (calls("loom"), len(calls("weave"))) == ([], 2)


# ---- which


def test_frameworks_chooses_by_name(loom: Site) -> None:
    loom.integration("weave")
    autotrack.autolog(frameworks=["weave"])
    trainer()().fit(1)
    assert (is_autologging("loom"), is_autologging("weave")) == (False, True)
    assert (calls("loom"), len(calls("weave"))) == ([], 2)


def test_an_unknown_framework_is_answered_with_those_there_are(loom: Site) -> None:
    with pytest.raises(SettingsError, match=r"frameworks has 'kerras'; .*there are .*loom") as caught:
        autotrack.autolog(frameworks=["loom", "kerras"], experiment="mine")
    assert (caught.value.setting, caught.value.value) == ("frameworks", ["loom", "kerras"])
    assert not is_autologging("loom")


def test_a_mistake_leaves_everything_as_it_was(loom: Site, store: Path) -> None:
    with pytest.raises(SettingsError):
        autotrack.autolog(frameworks=["kerras"], to=store / "other", experiment="mine", tags={"a": "b"})
    with autotrack.start_run(to=store) as run:
        pass
    assert (run.experiment, autotrack.load(run.folder).tags) != ("mine", {"a": "b"})
    assert chosen().experiment != "mine"


# ---- what is broken only warns


@pytest.mark.parametrize(
    ("entry_point", "source"),
    [
        ("autotrack_gone:Integration", ""),
        ("autotrack_broken:Integration", "import no_such_module"),
        ("autotrack_broken:Integration", "1 / 0"),
        ("autotrack_broken:Integration", ""),
        ("autotrack_broken:Integration", "def Integration(): raise RuntimeError('no')"),
        ("autotrack_broken:Integration", "Integration = 3"),
        ("autotrack_broken:Integration", "class Integration: name = 'broken'"),
        ("autotrack_broken:Integration", "class Integration: modules = 3"),
    ],
)
def test_a_broken_integration_only_warns(loom: Site, entry_point: str, source: str) -> None:
    loom.module("autotrack_broken", source)
    loom.install("autotrack-broken", "0.1", f"broken = {entry_point}")
    with pytest.warns(AutotrackWarning, match="integration broken: .*training is not affected") as warned:
        autotrack.autolog()
    assert len(warned) == 1
    assert trainer()().fit(2) == 2
    assert len(calls()) == 2, "the others work"


def test_a_framework_of_another_version_is_left_alone_with_a_warning(site: Site, store: Path) -> None:
    site.framework("2.0.0")
    site.integration()
    autotrack.autolog(frameworks=["loom"])
    said = "loom-framework 2.0.0 is not recorded: versions from 1.2 and below 2 are supported"
    with pytest.warns(AutotrackWarning, match=said):
        trainer()
    assert not hasattr(trainer().fit, "__wrapped__")
    with autotrack.start_run(to=store) as run:
        pass
    assert [notice.message for notice in autotrack.load(run.folder).notices] == [said]


@pytest.mark.parametrize(
    ("version", "supported"),
    [
        ("1.1.9", False),
        ("1.2", True),
        ("1.2.0rc1", True),
        ("1.10", True),
        ("1.99.99+cu12", True),
        ("2", False),
        ("2.0.0a1", False),
        ("10.3", False),
    ],
)
def test_versions_are_compared_number_by_number(site: Site, version: str, *, supported: bool) -> None:
    site.framework(version)
    site.integration()
    trainer()
    if supported:
        autotrack.autolog(frameworks=["loom"])
    else:
        with pytest.warns(AutotrackWarning):
            autotrack.autolog(frameworks=["loom"])
    assert hasattr(trainer().fit, "__wrapped__") == supported


def test_a_module_of_the_script_that_is_called_like_a_framework_is_none(site: Site, tmp_path: Path) -> None:
    """Whether the framework is installed as well or not; Python imports the one beside the script."""
    site.integration()
    site.install("loom-framework", "1.5.0")
    (tmp_path / "loom.py").write_text("Trainer = dict\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        autotrack.autolog(frameworks=["loom"])
        assert trainer() is dict
    assert of_this_process().in_use() == {}


def test_a_framework_that_was_copied_into_a_project_is_recorded_if_it_tells_its_version(site: Site) -> None:
    site.integration()
    (site.folder / "loom").mkdir()
    site.module("loom/__init__", f"__version__ = '1.7'\n{FRAMEWORK}")
    autotrack.autolog(frameworks=["loom"])
    assert trainer()().fit(2) == 2
    assert len(calls()) == 2
    assert of_this_process().in_use() == {"loom-framework": "1.7"}


@pytest.mark.parametrize(
    "body", ["1 / 0", "yield 1 / 0", "return None", "yield Patch(module.Trainer, 'no_such_method', hook)"]
)
def test_an_integration_that_cannot_patch_leaves_the_import_alone(loom: Site, body: str) -> None:
    source = (loom.folder / "autotrack_loom.py").read_text()
    loom.module("autotrack_loom", source.replace('yield Patch(module.Trainer, "fit", hook)', body))
    loom.integration("weave")
    autotrack.autolog(frameworks=["loom", "weave"])
    with pytest.warns(AutotrackWarning, match="autolog for loom"):
        assert trainer()().fit(2) == 2
    assert len(calls("weave")) == 2, "the other integration works"


# ---- what autolog was told


def test_runs_take_what_autolog_was_told_until_it_is_turned_off(loom: Site, tmp_path: Path) -> None:
    autotrack.autolog(to=tmp_path / "told", experiment="told", tags={"team": "vision"})
    with autotrack.start_run(tags={"why": "paper"}) as run:
        pass
    assert run.folder.parent == tmp_path / "told" / "told"
    assert autotrack.load(run.folder).tags == {"team": "vision", "why": "paper"}
    assert chosen().experiment == "told"
    autotrack.autolog(disable=True)
    with autotrack.start_run() as run:
        pass
    assert run.folder.parent.parent == tmp_path / "runs"


# ---- Lightning

LIGHTNING = ("lightning.pytorch", "pytorch_lightning")


def patched_by_us(module: Any) -> list[tuple[type, str]]:
    found = [(module.Trainer, name) for name in ("fit", "validate", "test")]
    return [*found, (module.LightningModule, "__init__"), (module.LightningDataModule, "__init__")]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", LIGHTNING)
def test_turned_off_lightning_is_exactly_what_it_was(name: str) -> None:
    module = pytest.importorskip(name)
    before = {owner: dict(vars(owner)) for owner, _ in patched_by_us(module)}
    autotrack.autolog()
    autotrack.autolog()
    for owner, attribute in patched_by_us(module):
        assert vars(owner)[attribute].__wrapped__ is before[owner][attribute]
    autotrack.autolog(disable=True)
    for owner, attributes in before.items():
        assert list(vars(owner)) == list(attributes)
        assert all(vars(owner)[attribute] is value for attribute, value in attributes.items())


@pytest.mark.slow
def test_lightning_is_patched_when_it_is_imported_after_autolog(run_script: Callable[..., str]) -> None:
    """One process for both packages, because importing them takes seconds."""
    for name in LIGHTNING:
        pytest.importorskip(name)
    said = run_script(
        """
        import sys, autotrack
        autotrack.autolog()
        assert not {"torch", "lightning", "pytorch_lightning"} & set(sys.modules)
        import lightning
        from pytorch_lightning import Trainer
        for module in (lightning.pytorch, sys.modules["pytorch_lightning"]):
            trainer = module.Trainer
            assert trainer.fit.__wrapped__ and trainer.validate.__wrapped__ and trainer.test.__wrapped__
            assert module.LightningModule.__init__.__wrapped__
        originals = [lightning.Trainer.fit.__wrapped__, Trainer.fit.__wrapped__]
        autotrack.autolog(disable=True)
        assert [lightning.Trainer.fit, Trainer.fit] == originals
        print("done")
        """
    )
    assert said == "done"


def test_a_relative_store_stays_where_it_was_when_autolog_was_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    autotrack.autolog(to="kept")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    autotrack.start_run("one").finish()
    assert [run.name for run in autotrack.runs(tmp_path / "kept")] == ["one"]
    autotrack.autolog(disable=True)
    autotrack.start_run("two", to="kept").finish()
    assert [run.name for run in autotrack.runs(tmp_path / "elsewhere" / "kept")] == ["two"]


@pytest.mark.parametrize("first", ["autotrack.autolog()", "autotrack.start_run('first').finish()"])
def test_runs_belong_to_the_project_of_the_first_call_wherever_the_script_goes(
    first: str, tmp_path: Path, run_script: Callable[..., str]
) -> None:
    """As Hydra does, which gives every job a folder of its own."""
    table = '[tool.autotrack]\nexperiment = "digits"\ntags = { team = "vision" }\nmetric = "min cost"\n'
    (tmp_path / "pyproject.toml").write_text(table)
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / "pyproject.toml").write_text('[tool.autotrack]\nexperiment = "other"\n')
    run_script(
        f"""
        import multiprocessing, os, pickle
        import autotrack
        from autotrack.integrations import RunOptions

        def in_child():
            autotrack.start_run("child").finish()

        if __name__ == "__main__":
            os.chdir({str(tmp_path)!r})
            {first}
            os.chdir("outputs")
            autotrack.start_run("by hand").finish()
            options = pickle.loads(pickle.dumps(RunOptions(name="by an integration")))
            options.start_run(started_by="keras", frameworks={{}}).finish()
            if {"autolog" in first}:
                child = multiprocessing.get_context("spawn").Process(target=in_child)
                child.start()
                child.join()
        """
    )
    runs = list(autotrack.runs(tmp_path / "runs"))
    assert len(runs) == 3
    assert {(run.experiment, run.tags["team"]) for run in runs} == {("digits", "vision")}
    assert {run.summary.metric for run in runs} == {"min cost"}
