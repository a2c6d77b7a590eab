"""What people do with many runs: pick, choose the best, group, and hand them to a data frame."""

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autotrack
from autotrack.errors import MissingLibraryError, QueryError, RunNotFoundError
from autotrack.readers.lists.table import Table
from autotrack.readers.runs import Runs


def record(store: Path, name: str, metrics: list[dict[str, float]], **params: Any) -> None:
    with autotrack.start_run(name, to=store, experiment="digits", params=params, tags={"why": "paper"}) as run:
        for step, values in enumerate(metrics):
            run.log(values, step=step, epoch=step)


@pytest.fixture
def runs(store: Path) -> Runs:
    record(store, "first", [{"val_loss": 0.5, "cost": 3.0}, {"val_loss": 0.4, "cost": 9.0}], lr=0.1, model="a")
    record(store, "second", [{"val_loss": 0.1, "cost": 5.0}, {"val_loss": 0.6, "cost": 4.0}], lr=0.2, model="b")
    record(store, "third", [{"val_loss": math.nan, "cost": 6.0}], lr=0.1, layers=[1, 2])
    record(store, "fourth", [], lr=0.3)
    return autotrack.runs(store)


def names(runs: Runs) -> list[str]:
    return [run.name for run in runs]


def test_a_run_is_picked_by_its_name_or_id(runs: Runs, store: Path) -> None:
    assert runs["second"].params["lr"] == 0.2
    assert runs[runs[0].id].folder == runs[0].folder
    assert autotrack.load("second", store).folder == runs["second"].folder
    with pytest.raises(RunNotFoundError, match="did you mean 'second'"):
        runs["secnd"]


def test_of_two_runs_with_one_name_both_folders_are_named(runs: Runs, store: Path) -> None:
    record(store, "second", [])
    with pytest.raises(RunNotFoundError) as caught:
        autotrack.runs(store)["second"]
    assert str(runs["second"].folder) in str(caught.value)


def test_the_last_are_the_newest_in_any_order(runs: Runs) -> None:
    assert names(runs.last(2)) == ["fourth", "third"]
    assert names(runs.sort("params.lr").last(2)) == ["third", "fourth"]
    assert names(runs.last(0)) == []


def test_the_best_run_is_that_with_the_best_value_it_ever_had(runs: Runs) -> None:
    assert runs.best("val_loss").name == runs.best().name == "second"
    assert runs.where("params.lr < 0.2").best("val_loss").name == "first"
    assert (runs.best("min cost").name, runs.best("max cost").name) == ("first", "first")


def test_a_metric_without_a_direction_or_that_no_run_has_is_a_mistake(runs: Runs) -> None:
    with pytest.raises(QueryError, match="write 'min cost' or 'max cost'"):
        runs.best("cost")
    with pytest.raises(QueryError, match=r"did you mean .*val_loss"):
        runs.best("val_los")
    with pytest.raises(QueryError, match="none of these 1 runs has the metric 'val_loss'"):
        runs.where("params.lr == 0.3").best("val_loss")
    with pytest.raises(QueryError, match="name one"):
        runs.where("params.lr == 0.3").best()


def test_the_metric_in_the_settings_is_the_one_to_be_best_by(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    for wanted, name in (
        ("max cost", "first"),
        ("min cost", "first"),
        ("max val_loss", "second"),
        ("val_loss", "second"),
    ):
        monkeypatch.setenv("AUTOTRACK_METRIC", wanted)
        assert runs.best().name == name, wanted
        assert runs.judged_by() == (wanted.split()[-1], wanted.split()[0] if " " in wanted else "min")


def test_a_direction_in_the_settings_is_recorded_and_also_holds_for_older_runs(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(store, "old", [{"cost_of_it": 3.0}, {"cost_of_it": 2.0}])
    with pytest.raises(QueryError, match="does not tell whether less or more is better"):
        autotrack.runs(store).best("cost_of_it")
    monkeypatch.setenv("AUTOTRACK_DIRECTIONS", "cost_of_it=min, val_acc=min")
    record(store, "new", [{"cost_of_it": 1.0}, {"cost_of_it": 4.0}])
    assert autotrack.runs(store).best("cost_of_it").name == "new"
    monkeypatch.delenv("AUTOTRACK_DIRECTIONS")
    new = autotrack.load("new", store)
    assert new.card()["directions"] == {"cost_of_it": "min"}
    assert new.metrics["cost_of_it"].best.value == 1.0


def test_runs_are_grouped_by_what_a_name_means(runs: Runs) -> None:
    assert {value: names(group) for value, group in runs.group_by("params.lr").items()} == {
        0.3: ["fourth"], 0.1: ["third", "first"], 0.2: ["second"],
    }  # fmt: skip
    assert set(runs.group_by("model")) == {"a", "b", None}
    assert set(runs.group_by("layers")) == {"[1, 2]", None}


def test_a_table_has_a_row_for_each_run_and_a_column_for_each_name(runs: Runs) -> None:
    table = runs.table()
    assert table["name"] == names(runs)
    assert table["params.lr"] == [0.3, 0.1, 0.2, 0.1]
    assert table["best.val_loss"] == [None, None, 0.1, 0.4]
    assert table["metrics.val_loss"][2:] == [0.6, 0.4]
    assert table["tags.why"] == ["paper"] * 4
    assert table["folder"] == [str(run.folder) for run in runs]


def test_a_table_becomes_a_data_frame_of_each_library(runs: Runs) -> None:
    assert list(runs.to_pandas()["params.lr"]) == [0.3, 0.1, 0.2, 0.1]
    assert runs.to_polars()["params.lr"].to_list() == [0.3, 0.1, 0.2, 0.1]
    assert runs.to_arrow()["params.layers"].to_pylist() == [None, "[1, 2]", None, None]


VALUES = st.one_of(
    st.none(),
    st.integers(-9, 9),
    st.integers(10**18, 10**20),
    st.just(-(10**400)),
    st.floats(),
    st.text(max_size=3),
    st.booleans(),
)


@given(st.lists(VALUES, max_size=6))
def test_values_of_any_kind_become_a_column(values: list[Any]) -> None:
    table = Table({"run": list(range(len(values))), "value": values})
    for frame in (table.to_pandas(), table.to_polars(), table.to_arrow()):
        assert len(frame) == len(values)
    assert [row["run"] for row in table.rows()] == table["run"]


def test_a_library_that_is_missing_is_named(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "polars", None)
    with pytest.raises(MissingLibraryError, match="pip install polars"):
        runs.to_polars()


def test_the_history_of_many_runs_is_one_long_table(runs: Runs) -> None:
    history = runs.history("val_loss")
    assert history["run"] == ["third", "second", "second", "first", "first"]
    assert history["value"][1:] == [0.1, 0.6, 0.5, 0.4]
    assert history["step"] == history["epoch"] == [0, 0, 1, 0, 1]
    assert runs.where("params.lr == 0.3").history("val_loss").rows() == []
    with pytest.raises(QueryError, match="did you mean"):
        runs.history("val_los")
