"""Values that are nested without end, or just within the limit of Python, stop no reader."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import autotrack
from autotrack.cli.app import app
from autotrack.journal import nesting, records

DEEP_RECORDS = [
    '{"record":"Params","time":2,"values":{"deep":DEEP}}',
    '{"record":"Params","time":2,"values":{"other":1},"defaults":{"other":DEEP}}',
    '{"record":"Environment","time":2,"kind":"process","values":{"deep":DEEP}}',
    '{"record":"Trial","time":2,"number":0,"params":{"deep":DEEP}}',
    '{"record":"Plot","time":2,"name":"deep","kind":"curve","data":{"x":DEEP}}',
    '{"record":"Table","time":2,"name":"deep","columns":["a"],"rows":[[DEEP]]}',
    '{"record":"Model","time":2,"path":"model","flavors":{"a":{"b":DEEP}}}',
]


def deep(depth: int) -> str:
    return '[{"a":' * (depth // 2) + "1" + "}]" * (depth // 2)


@pytest.mark.parametrize("depth", [2 * nesting.DEEPEST, 600, 900, 100_000])
def test_what_is_nested_too_deep_is_left_out_and_named(store: Path, depth: int) -> None:
    for name in ("in the journal", "in the summary"):
        with autotrack.start_run(name, to=store, experiment="e", params={"lr": 0.1}) as run:
            run.log({"loss": 0.5}, step=0)
        if name == "in the journal":
            with (run.folder / "journal" / "main.jsonl").open("a") as journal:
                journal.write("\n".join(DEEP_RECORDS).replace("DEEP", deep(depth)) + "\n")
        else:
            said = autotrack.load(run.folder)  # which makes the summary
            summary = json.loads((run.folder / "run.json").read_text())
            (run.folder / "run.json").write_text(
                json.dumps(summary | {"params": {"lr": "@"}}).replace('"@"', deep(depth))
            )
            assert said.params == {"lr": 0.1}
    for recorded in autotrack.runs(store):
        assert (recorded.params, recorded.metrics["loss"].count) == ({"lr": 0.1}, 1)
    left_out = autotrack.runs(store).where("name == 'in the journal'")[0].summary.left_out
    assert left_out == [f"main.jsonl: {len(DEEP_RECORDS)} lines that are not records"]
    for command in (["ls", "--json"], ["show", "in the journal", "--json"], ["report", "-o", "r.html"], ["compare"]):
        done = CliRunner().invoke(app, [*command, "--store", str(store)])
        assert done.exit_code == 0, repr(done.exception)


def test_what_autotrack_records_is_never_too_deep(store: Path) -> None:
    value: object = 1
    for number in range(5_000):
        value = [value] if number % 2 else {"a": value}
    with autotrack.start_run(to=store) as run:
        run.log_params({"deep": value})
        run.log_table("table", [{"deep": value}])
        run.log_plot("plot", "curve", {"x": value, "y": [1]})
        run.log_trial(0, {"deep": value}, {})
    recorded = autotrack.load(run.folder)
    assert recorded.left_out == []
    assert (len(recorded.plots), len(recorded.trials), recorded.tables) == (1, 1, ["table"])


def test_wide_values_are_no_deep_ones() -> None:
    wide = {"a": [[1, 2], {"b": [3] * 10_000}] * 100}
    assert not nesting.is_too_deep(records.Params(time=0.0, values=wide))
