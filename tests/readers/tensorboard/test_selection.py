"""What TensorBoard is shown: stores as they are, chosen runs by links to them."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autotrack
from autotrack.errors import QueryError, RunNotFoundError
from autotrack.journal.summary import Summary
from autotrack.readers.tensorboard.selection import Filter, choose, link_runs
from autotrack.readers.tensorboard.server import make_links
from tests.support.tensorboard_pages import record


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of two experiments; two of the runs have one name."""
    store = tmp_path_factory.mktemp("project") / "runs"
    for name, experiment, loss in [
        ("a", "digits", 0.3),
        ("b", "digits", 0.2),
        ("b", "digits", 0.1),
        ("c", "wine", 0.4),
    ]:
        record(store, name, experiment=experiment, loss=loss)
    return store


def test_a_store_is_shown_as_it_is_so_that_new_runs_appear(recorded: Path) -> None:
    view = choose([recorded])
    assert (view.logdir, view.links, view.title) == (recorded, {}, "runs")
    assert sorted(view.runs) == sorted(run.folder for run in autotrack.runs(recorded))


def test_without_a_place_it_is_the_store_of_the_settings(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(recorded.parent)
    assert choose([]).logdir == recorded
    assert choose([], store=recorded).logdir == recorded


def test_an_experiment_is_a_store_of_its_own(recorded: Path) -> None:
    view = choose([recorded / "wine"])
    assert (view.logdir, len(view.runs)) == (recorded / "wine", 1)


def test_runs_are_shown_by_their_names(recorded: Path) -> None:
    run = autotrack.runs(recorded).where("name == 'a'")[0]
    for reference in ("a", run.id, run.folder, run, autotrack.runs(recorded).where("name == 'a'")):
        view = choose([reference], store=recorded)
        assert (view.links, view.logdir) == ({"a": run.folder}, None)
    assert list(choose(["latest"], store=recorded).links) == ["c"]


def test_runs_of_one_name_are_shown_by_those_of_their_folders(recorded: Path) -> None:
    view = choose([autotrack.runs(recorded).where("experiment == 'digits'")])
    folders = {folder.name: folder for folder in view.runs}
    assert set(view.links) == {"a", *(name for name in folders if "-b" in name)}
    assert all(view.links[name] == folders[name] for name in view.links if name != "a")


def test_of_several_experiments_runs_are_shown_below_the_names_of_these(recorded: Path) -> None:
    assert set(choose(["a", "c"], store=recorded).links) == {"digits/a", "wine/c"}


def test_a_condition_and_a_number_choose_as_in_ls(recorded: Path) -> None:
    def losses(**options: Any) -> list[float]:
        folders = choose([recorded], only=Filter(**options)).runs
        return [autotrack.load(folder).metrics["loss"].last.value for folder in folders]

    assert losses(where="metrics.loss < 0.35") == [0.1, 0.2, 0.3]
    assert losses(last=2) == [0.4, 0.1]
    assert losses(last=2, sort="metrics.loss") == [0.1, 0.2]
    assert losses(last=1, sort="metrics.loss", descending=True) == [0.4]
    with pytest.raises(QueryError):
        losses(where="metrics.loss <")


def test_stores_and_runs_can_be_shown_together_and_nothing_is_made_in_them(recorded: Path, tmp_path: Path) -> None:
    record(tmp_path / "runs", "other", experiment="wine")
    alone = record(tmp_path / "elsewhere", "x", experiment="wine")
    before = sorted(path for store in (recorded, tmp_path / "runs") for path in store.rglob("*"))
    view = choose([recorded / "wine", tmp_path / "runs" / "wine", alone, "a"], store=recorded)
    names = {f"{recorded.parent.name}-runs-wine", f"{tmp_path.name}-runs-wine", "wine-x", "digits-a"}
    assert set(view.links) == names
    make_links(tmp_path / "links", view.links)
    assert {path.name for path in (tmp_path / "links").iterdir()} == names
    assert sorted(path for store in (recorded, tmp_path / "runs") for path in store.rglob("*")) == before


@pytest.mark.parametrize("place", ["nowhere", "latest", "./runs", "empty"])
def test_what_is_not_there_is_said(place: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunNotFoundError, match=place):
        choose([place])


def test_a_store_without_runs_is_said() -> None:
    with pytest.raises(RunNotFoundError, match="no runs in runs; record one"):
        choose([])


def test_a_condition_that_no_run_meets_is_said(recorded: Path) -> None:
    with pytest.raises(RunNotFoundError, match=r"'metrics\.loss < 0' holds for none of 4 runs"):
        choose([recorded], only=Filter(where="metrics.loss < 0"))


texts = st.one_of(st.sampled_from(["a", "b", "a/b", "..", ".", "", "a b", "lr=0.1", "é" * 90, "\0"]), st.text())


@given(runs=st.lists(st.tuples(texts, texts), min_size=1, max_size=8))
def test_every_run_has_a_link_whatever_it_is_called(runs: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for number in range(len(runs)):
            (home / "store" / str(number)).mkdir(parents=True)
        links = link_runs(
            autotrack.RecordedRun(home / "store" / str(number), Summary(name=name, experiment=experiment))
            for number, (experiment, name) in enumerate(runs)
        )
        make_links(home / "links", links)
        found = {(home / "links" / name).resolve(): name for name in links}
        assert set(found) == {(home / "store" / str(number)).resolve() for number in range(len(runs))}
        assert all(not list(folder.iterdir()) for folder in found)
