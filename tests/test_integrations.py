"""The one face that integrations import: the integration in its docstring works, and so do the parts of it."""

import pickle
import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

import autotrack
from autotrack import integrations
from autotrack.errors import AutotrackError
from autotrack.integrations import (
    EpochClock,
    RunFiles,
    RunOptions,
    attach_run,
    end_run,
    lazy_exports,
    reopen_run,
)

FRAMEWORK = '''
class Trainer:
    """A framework of five lines."""

    def __init__(self, lr, epochs):
        self.lr, self.epochs, self.listeners = lr, epochs, []

    def fit(self, model):
        for epoch in range(self.epochs):
            for listener in self.listeners:
                listener(epoch, {"loss": self.lr / (epoch + 1), "phase": "warm-up"})
        if model is None:
            raise ValueError("no model")
'''

SCRIPT = """
import sys
sys.path.insert(0, "site")
import autotrack
autotrack.autolog(to="runs", experiment="toys")
from toy import Trainer

Trainer(lr=0.5, epochs=3).fit("net")
try:
    Trainer(lr=0.1, epochs=1).fit(None)
except ValueError as error:
    assert str(error) == "no model"
with autotrack.start_run("by hand"):
    Trainer(lr=0.2, epochs=2).fit("net")

import autotrack_toy
from autotrack.testing import check_integration
autotrack.autolog(disable=True)
check_integration(autotrack_toy.ToyIntegration())
"""


def example() -> str:
    """The integration that the docstring of `autotrack.integrations` shows."""
    docstring = integrations.__doc__ or ""
    return textwrap.dedent(docstring[docstring.index("    # autotrack_toy.py") : docstring.index("Rules that")])


def install(site: Path) -> None:
    site.mkdir()
    (site / "toy.py").write_text(FRAMEWORK)
    (site / "autotrack_toy.py").write_text(example())
    for distribution, version, entry_points in (
        ("toy-trainer", "1.4", ""),
        ("autotrack-toy", "0.1", "[autotrack.integrations]\ntoy = autotrack_toy:ToyIntegration\n"),
    ):
        info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(entry_points)


def test_the_integration_in_the_docstring_records_a_framework(tmp_path: Path, run_script: Callable[..., str]) -> None:
    install(tmp_path / "site")
    run_script(SCRIPT)
    by_hand, failed, finished = autotrack.runs(tmp_path / "runs")
    assert [finished.status, failed.status, by_hand.name] == ["finished", "failed", "by hand"]
    assert finished.params == {"lr": 0.5, "epochs": 3}
    assert [point.value for point in finished.history("loss")] == [0.5, 0.25, pytest.approx(0.5 / 3)]
    assert "epoch_seconds" in finished.metrics
    assert [notice.about for notice in finished.notices] == ["metrics"]  # a phase is no number
    assert failed.summary.error == "ValueError: no model"
    assert by_hand.metrics["loss"].count == 2


def test_the_example_is_as_short_as_the_docstring_promises() -> None:
    assert len(re.findall(r"\S.*\n", example())) <= 60


def test_the_options_of_a_callback_are_checked_at_once() -> None:
    with pytest.raises(TypeError, match=r"'expriment'.*expected to, experiment"):
        RunOptions(expriment="digits")  # type: ignore[call-arg]  # the mistake
    with pytest.raises(AutotrackError, match="log_every_n_steps"):
        RunOptions(log_every_n_steps=0)


def test_options_name_the_folder_of_the_experiment(store: Path) -> None:
    assert RunOptions(to=store, experiment="digits").experiment_folder == store / "digits"
    autotrack.autolog(to=store, experiment="letters")
    assert RunOptions.of_autolog().experiment_folder == store / "letters"


@pytest.mark.parametrize("explicit", [True, False])
def test_options_mean_the_same_in_another_process(
    explicit: bool, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which may have another working folder, and where nobody has called `autolog`."""
    autotrack.autolog(to=store.name, experiment="digits", tags={"why": "paper"}, log_every_n_steps=3)
    options = RunOptions(tags={"who": "me"}) if explicit else RunOptions.of_autolog()
    pickled = pickle.dumps(options)
    autotrack.autolog(disable=True)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    unpickled: RunOptions = pickle.loads(pickled)
    run = unpickled.start_run(started_by="toy", frameworks={})
    run.finish()
    assert run.folder.parent == store / "digits"
    assert autotrack.load(run.folder).tags == {"why": "paper", **({"who": "me"} if explicit else {})}
    assert unpickled.settings.log_every_n_steps == (None if explicit else 3)


def test_a_run_that_is_not_current_has_no_part_in_what_starts_meanwhile(store: Path) -> None:
    options = RunOptions(to=store, experiment="digits", name="aside")
    run = options.start_run(started_by="toy", frameworks={}, is_current=False)
    assert autotrack.current_run() is None
    assert options.enclosing_run() is None
    with autotrack.start_run(to=store) as other:
        assert options.enclosing_run() is other
        assert autotrack.load(other.folder).parent is None
    run.finish()


@pytest.mark.parametrize(("status", "is_continued"), [("failed", True), ("killed", True), ("finished", False)])
def test_only_an_unfinished_run_is_continued(store: Path, status: str, is_continued: bool) -> None:
    options = RunOptions(to=store, experiment="digits")
    run = options.start_run(started_by="toy", frameworks={})
    run.finish(status)  # type: ignore[arg-type]  # mypy does not follow the parameters
    elsewhere = Path("was") / "elsewhere" / run.folder.name  # the store was moved since
    continued = options.continue_run(run.id, elsewhere, at_step=3, frameworks={})
    assert (continued is not None and continued.folder == run.folder) == is_continued
    if continued is not None:
        continued.finish()
    assert options.continue_run("another id", run.folder, at_step=3, frameworks={}) is None


def test_kept_files_get_names_of_their_own_and_are_recorded(store: Path, tmp_path: Path) -> None:
    with autotrack.start_run(to=store) as run:
        files, kept = RunFiles(run), list[Path]()
        for folder in ("a", "b"):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / "last.ckpt").write_bytes(b"weights")
            path = files.checkpoint_path(tmp_path / folder / "last.ckpt", kept)
            files.keep(tmp_path / folder / "last.ckpt", path, link=True)
            files.record(path, kind="checkpoint", roles=["last"], metrics={"loss": 0.5}, step=3)
            kept.append(path)
        files.remove(kept[0], kind="checkpoint")
    assert [path.name for path in kept] == ["last.ckpt", "2-last.ckpt"]
    (artifact,) = autotrack.load(run.folder).artifacts
    assert (artifact.path, artifact.bytes, artifact.roles) == ("checkpoints/2-last.ckpt", 7, ["last"])
    assert RunFiles.run_id_around(kept[1]) == run.id
    assert RunFiles.run_id_around(tmp_path / "a" / "last.ckpt") is None


def test_what_belongs_to_an_ended_run_leaves_its_status(store: Path) -> None:
    run = autotrack.start_run(to=store)
    end_run(run, ValueError("no"), is_own=True)
    later = reopen_run(run.folder)
    later.log({"test_loss": 0.5})
    end_run(later, None, is_own=False)
    found = autotrack.load(run.folder)
    assert (found.status, found.metrics["test_loss"].last.value) == ("failed", 0.5)


def test_trials_of_worker_processes_are_found(store: Path) -> None:
    with autotrack.start_run(to=store) as run:
        worker = attach_run(run.folder)
        worker.log_trial(3, {"c": 1}, {"score": 0.5})
        assert [(trial.number, trial.values) for trial in RunFiles(run).trials_of_workers()] == [(3, {"score": 0.5})]
        end_run(worker, None, is_own=False)


def test_validation_counts_for_the_epoch_and_not_for_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 2.0, 5.0, 6.0, 6.0, 6.0])
    monkeypatch.setattr("autotrack.training.epoch_clock.perf_counter", lambda: next(now))
    clock = EpochClock()
    clock.pause()
    clock.resume()
    validated = {"epoch_seconds": 6.0, "validation_seconds": 3.0}
    assert clock.metrics(samples=30) == {**validated, "samples_per_second": 10.0}
    assert clock.metrics(samples=0) == validated
    clock.saved(0.5)
    assert clock.metrics(samples=0) == {**validated, "checkpoint_seconds": 0.5}
    assert clock.unrecorded() == {}
    clock.saved(1.5)
    assert clock.unrecorded() == {"checkpoint_seconds": 2.0}


def test_a_missing_library_is_said_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "needs_loom.py").write_text("import loom_that_is_not_there\nCallback = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    get = lazy_exports("autotrack_loom", {"Callback": "needs_loom"}, library="Loom", extra="loom")
    with pytest.raises(
        ImportError, match=r"Callback needs Loom, and loom_that_is_not_there is not installed"
    ) as caught:
        get("Callback")
    assert str(caught.value).splitlines()[-1] == "pip install 'autotrack-ml[loom]'"
    (tmp_path / "needs_nothing.py").write_text("Callback = 1\n")
    get = lazy_exports("autotrack_loom", {"Callback": "needs_nothing"}, library="Loom", extra="loom", needs="loom_x")
    with pytest.raises(ImportError, match="loom_x is not installed"):
        get("Callback")
    with pytest.raises(AttributeError, match="'autotrack_loom' has no attribute 'Other'"):
        get("Other")
