"""The JSON of the page: what it says of runs is what was recorded."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autotrack
from autotrack.journal.series import Point
from autotrack.report.curves import curve_of, points_for_each, thinned
from autotrack.report.document import document_of


def record(store: Path, name: str, losses: list[float], **params: Any) -> None:
    with autotrack.start_run(name, to=store, experiment="digits", params=params, tags={"team": "vision"}) as run:
        for step, loss in enumerate(losses):
            run.log({"val_loss": loss}, step=step, epoch=step // 2)


def document(store: Path) -> Any:
    """As a browser has it: through JSON without NaN."""
    runs = autotrack.runs(store)
    return json.loads(json.dumps(document_of(runs, runs.names, title="digits"), allow_nan=False))


def column(table: Any, group: str, name: str) -> list[Any]:
    (found,) = [column for column in table["columns"] if (column["group"], column["name"]) == (group, name)]
    values = [None] * len(table["keys"])
    for place, value in zip(found.get("at", range(len(values))), found["values"], strict=True):
        values[place] = value
    return values


def test_the_table_has_a_row_for_each_run_and_says_which_way_metrics_get_better(store: Path) -> None:
    record(store, "first", [0.5, 0.4], lr=0.1, seed=1)
    record(store, "again", [0.5, 0.3], lr=0.1, seed=2)
    record(store, "third", [], lr=0.2, width=2**60)
    table = document(store)["table"]
    assert column(table, "", "name") == ["third", "again", "first"]
    assert column(table, "params", "lr") == [0.2, 0.1, 0.1]
    assert column(table, "params", "width") == [str(2**60), None, None]
    assert column(table, "best", "val_loss") == [None, 0.3, 0.4]
    assert table["judged_by"] == ["val_loss"]
    assert table["directions"] == {"val_loss": "min"}
    third, again, first = table["configurations"]
    assert again == first != third
    assert len(set(table["keys"])) == 3


def test_details_and_curves_are_those_of_the_journal(store: Path) -> None:
    record(store, "first", [0.5, math.nan, math.inf], lr=0.1)
    found = document(store)
    (key,) = found["table"]["keys"]
    details, curve = found["details"][key], found["curves"][key]["val_loss"]
    assert details["params"] == [
        {"name": "lr", "value": 0.1, "sources": ["user"], "default": "", "is_default": False, "is_given": True}
    ]
    assert details["metrics"]["val_loss"]["last"]["value"] == "Infinity"
    assert (curve["value"], curve["step"], curve["epoch"]) == ([0.5, "NaN", "Infinity"], [0, 1, 2], [0, 0, 1])
    assert curve["count"] == 3


def test_the_last_table_of_each_name_is_there(store: Path) -> None:
    with autotrack.start_run("first", to=store) as run:
        run.log_table("errors", [{"word": "old", "share": 1.0}])
        run.log_table("errors", [{"word": "the", "share": math.nan}, {"word": "x" * 500, "share": 0.5}] * 60, step=3)
    (details,) = document(store)["details"].values()
    (table,) = details["tables"]
    assert (table["name"], table["step"], table["columns"], table["count"]) == ("errors", 3, ["word", "share"], 120)
    assert table["rows"][:2] == [["the", "NaN"], [f"{'x' * 300}…", 0.5]]
    assert len(table["rows"]) == 100


def test_pairs_of_runs_are_compared_with_the_likely_causes(store: Path) -> None:
    record(store, "first", [0.5], lr=0.1)
    record(store, "second", [0.4], lr=0.2)
    found = document(store)
    second, first = found["table"]["keys"]
    comparison = found["comparisons"][f"{first} {second}"]
    assert comparison["causes"][0]["cause"] == "lr 0.1 → 0.2"
    assert found["details"][second]["since"].startswith("since first")
    assert found["details"][second]["standing"].startswith("val_loss 0.4, 1st of 2")


def test_copies_of_a_run_have_keys_of_their_own(store: Path) -> None:
    import shutil

    record(store, "first", [0.5])
    (folder,) = (store / "digits").iterdir()
    shutil.copytree(folder, folder.with_name("copy"))
    one, other = document(store)["table"]["keys"]
    assert other == f"{one}-2"


@settings(max_examples=50)
@given(st.lists(st.floats(), min_size=1, max_size=300), st.integers(4, 40))
def test_thinning_keeps_the_extremes_the_ends_and_the_order(values: list[float], most: int) -> None:
    kept = thinned(values, most)
    assert list(kept) == sorted(set(kept))
    assert len(kept) <= max(most * 5 / 4, 5)
    assert {0, len(values) - 1} <= set(kept)
    finite = [value for value in values if math.isfinite(value)]
    if finite:
        assert {min(finite), max(finite)} <= {values[place] for place in kept}
    assert (
        any(math.isnan(values[place]) for place in kept)
        or not any(map(math.isnan, values))
        or len(finite) < len(values)
    )


def test_the_more_curves_there_are_the_fewer_points_each_keeps() -> None:
    assert points_for_each(1) > points_for_each(1_000) > points_for_each(100_000) >= 100
    curve = curve_of([Point(float(step), time=100.0 + step, step=step) for step in range(10_000)], 100.0, 200)
    assert curve["count"] == 10_000
    assert curve["time"] == curve["step"] == curve["value"]
    assert curve["epoch"] is None
    assert len(curve["value"]) <= 200


@pytest.mark.parametrize("name", ["output.log", "environment/changes.patch"])
def test_a_link_in_a_run_folder_is_not_followed(store: Path, tmp_path: Path, name: str) -> None:
    record(store, "first", [0.5])
    (folder,) = (store / "digits").iterdir()
    (tmp_path / "secret").write_text("hunter2")
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(tmp_path / "secret")
    assert "hunter2" not in json.dumps(document(store))
