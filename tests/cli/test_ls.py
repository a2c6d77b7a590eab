"""`autotrack ls`, as a person calls it."""

import csv
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

import autotrack
from autotrack.cli import printing
from autotrack.cli.app import app
from autotrack.cli.chosen_runs import ChosenRuns
from autotrack.readers import catalog
from autotrack.readers.index.store_index import Index
from tests.support.tables import cells

Call = Callable[..., str]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three learning rates, two of them with several seeds; a run that failed; names of all kinds."""
    store = tmp_path_factory.mktemp("project") / "runs"
    made = [("first", 0.1, 1, 0.5), ("second", 0.1, 2, 0.7), ("third", 0.01, 1, 0.2), ("שלום", 0.01, 2, 0.4),
            ("名前" * 30, 0.001, 1, float("nan"))]  # fmt: skip
    for name, lr, seed, loss in made:
        params = {"lr": lr, "seed": seed, "depth": 3, "model": {"lr": lr}, "notes": "x" * 300}
        with autotrack.start_run(name, to=store, experiment="digits", params=params) as run:
            run.log({"val_loss": loss + 1, "val_acc": 1 - loss}, step=0)
            run.log({"val_loss": loss, "val_acc": 1 - loss}, step=1)
    with pytest.raises(ValueError, match="no"), autotrack.start_run("broken", to=store, experiment="digits"):
        raise ValueError("no")
    return store


@pytest.fixture
def call(store: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.chdir(store.parent)
    monkeypatch.setenv("COLUMNS", "120")

    def call(*arguments: str) -> str:
        result = CliRunner().invoke(app, ["ls", *arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    return call


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("more", [[], ["--group-by", "lr"], ["--group-by", "configuration"], ["-c", "+notes,depth"]])
def test_it_fits_the_terminal(call: Call, monkeypatch: pytest.MonkeyPatch, width: int, more: list[str]) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert all(cell_len(line) <= width for line in call(*more).splitlines())


def test_the_columns_are_what_differs_the_metric_and_the_end(call: Call) -> None:
    head, broken, *_ = call().splitlines()
    assert cells(head) == ["run", "val_acc ↑", "val_loss ↓", "lr", "seed", "status", "started", "took"]
    assert cells(broken)[:2] == ["broken", "failed: ValueError"]
    assert " today " in broken


def test_a_metric_that_is_asked_for_comes_first(call: Call) -> None:
    assert cells(call("--metric", "val_loss").splitlines()[0])[1] == "val_loss ↓"
    assert cells(call("--metric", "max val_loss").splitlines()[0])[1] == "val_loss ↑"
    assert cells(call("--metric", "max val_loss", "-w", "name == 'first'").splitlines()[1])[1] == "1.5"


def test_the_metric_of_the_settings_comes_first(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTRACK_METRIC", "min val_loss")
    assert cells(call().splitlines()[0])[1] == "val_loss ↓"


def test_columns_may_be_chosen_added_and_computed(call: Call) -> None:
    first = call("--columns", "name, took, best.val_loss, lr, lr * 2", "-w", "name == 'first'").splitlines()
    assert cells(first[0]) == ["name", "took", "best.val_loss ↓", "lr", "lr * 2"]
    assert cells(first[1])[0] == "first"
    assert cells(first[1])[1].endswith(" s")
    assert cells(first[1])[2:] == ["0.5", "0.1", "0.2"]
    assert "depth" in call("--columns", "+depth").splitlines()[0]


def test_last_is_the_newest_whatever_the_order(call: Call) -> None:
    printed = call("--last", "3", "--sort", "best.val_loss", "-c", "name")
    assert [line.rstrip("\u200e") for line in printed.splitlines()] == ["name", "שלום", "broken", "名前" * 30]


def test_groups_have_count_mean_and_spread(call: Call) -> None:
    title, _, head, *lines = call("--group-by", "lr", "--metric", "val_loss").splitlines()
    assert title == "val_loss: lower is better; of each run, its best value"
    assert cells(head) == ["lr", "runs", "mean", "± std", "best", "best run"]
    assert cells(lines[0])[:5] == ["0.01", "2", "0.3", "0.1414", "0.2"]
    assert cells(lines[1]) == ["0.1", "2", "0.6", "0.1414", "0.5", "first"]
    assert [cells(line) for line in lines[2:4]] == [["none", "1"], ["0.001", "1"]]
    assert lines[-1] == "2 runs have no number for val_loss"
    groups = json.loads(call("--group-by", "lr", "--metric", "val_loss", "--json"))
    assert groups[1]["names"] == ["second", "first"]
    assert groups[1] | {"names": []} == {
        "group": {"lr": 0.1}, "runs": 2, "metric": "val_loss", "values": 2, "mean": pytest.approx(0.6),
        "deviation": pytest.approx(0.1414, abs=1e-4), "best": 0.5, "best_run": "first", "names": [],
    }  # fmt: skip


def test_repeats_are_runs_that_differ_in_their_seed_alone(call: Call) -> None:
    head, *lines = call("--group-by", "configuration", "--metric", "val_loss").splitlines()[2:]
    assert cells(head)[:2] == ["lr", "runs"]
    assert [cells(line)[0] for line in lines[:2]] == ["0.01", "0.1"]
    assert all("2" in cells(line) for line in lines[:2])


def test_csv_and_json_have_the_columns_in_full(call: Call) -> None:
    head, *rows = csv.reader(io.StringIO(call("--csv", "--columns", "name,best.val_loss,lr,started")))
    assert head == ["name", "best.val_loss", "params.lr", "started"]
    assert rows[-1][:3] == ["first", "0.5", "0.1"]
    assert rows[-1][3].endswith("+00:00")
    listed = json.loads(call("--json", "--columns", "name,val_acc,took"))
    assert listed[-1]["name"] == "first"
    assert listed[1] == {
        "name": "名前" * 30,
        "metrics.val_acc": "NaN",
        "duration_seconds": listed[1]["duration_seconds"],
    }


def test_a_terminal_gets_the_newest_hundred(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autotrack.cli.ls._MOST_ON_A_TERMINAL", 2)
    monkeypatch.setattr("autotrack.cli.ls.is_terminal", lambda: True)
    printed = call().splitlines()
    assert printed[4] == "4 more: --all shows them, --where and --last choose"
    assert len(call("--all").splitlines()) > 6


def test_colours_are_for_terminals_whose_user_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printing, "is_terminal", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert printing.styled("x", "red") == "\x1b[31mx\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert printing.styled("x", "red") == "x"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setattr(printing, "is_terminal", lambda: False)
    assert printing.styled("x", "red") == "x"


def test_watch_shows_what_changes_and_ends_quietly(tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with autotrack.start_run("early", to=tmp_path / "runs"):
        command = [sys.executable, "-m", "autotrack", "ls", str(tmp_path / "runs"), "--watch"]
        with subprocess.Popen(command, stdout=follower, stderr=follower, env=environment) as process:
            os.close(follower)
            seen = _read_until(leader, "early")
            with autotrack.start_run("late", to=tmp_path / "runs"):
                seen += _read_until(leader, "late")
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 0
    assert "Traceback" not in seen


def _read_until(descriptor: int, word: str) -> str:
    seen, until = "", time.monotonic() + 60
    while word not in seen:
        assert time.monotonic() < until, seen
        seen += os.read(descriptor, 65536).decode(errors="replace")
    return seen


def test_what_the_list_is_sorted_by_is_shown_however_little_room_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "wide"
    for number in range(3):
        values = {f"a_rather_long_param_{letter}": number for letter in "abcdefgh"} | {"patience": 10 - number}
        with autotrack.start_run(f"run-{number}", to=store, params=values) as run:
            for step in range(3):
                run.log({"val_loss": 0.5 - number + abs(step - 1), "seconds_to_wait": number}, step=step)
    monkeypatch.setenv("COLUMNS", "80")
    for name, title in (("patience", "patience"), ("seconds_to_wait", "seconds_to_wait"), ("val_loss", "(last)")):
        lines = CliRunner().invoke(app, ["ls", str(store), "--sort", name]).stdout.splitlines()
        assert title in lines[0], name
        assert all(cell_len(line) <= 80 for line in lines)


def test_groups_that_differ_do_not_look_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = tmp_path / "groups"
    for width in (8, 16):
        for rate in (0.1, 0.2):
            values = {"batch_size_of_the_training": 32 * width, "weight_decay_of_the_optimizer": 7, "lr": rate,
                      "number_of_hidden_layers_in_all": width, "dropout_between_layers": rate / 2}  # fmt: skip
            with autotrack.start_run(to=store, params=values) as run:
                run.log({"val_loss": rate * width})
    monkeypatch.setenv("COLUMNS", "80")
    printed = CliRunner().invoke(app, ["ls", str(store), "-g", "configuration"]).stdout
    rows = [tuple(cells(line)[:-3]) for line in printed.splitlines() if re.search(r" 1 +[\d.]", line)]
    assert len(rows) == len(set(rows)) == 4
    assert "no room for" in printed


def test_watching_opens_the_index_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with autotrack.start_run("first", to=tmp_path / "runs"):
        pass
    opened: list[Path] = []

    class Counted(Index):
        def __init__(self, store: Path) -> None:
            opened.append(store)
            super().__init__(store)

    monkeypatch.setattr(catalog, "Index", Counted)
    chosen = ChosenRuns(store=tmp_path / "runs")
    assert [run.name for run in chosen.runs()] == ["first"]
    with autotrack.start_run("second", to=tmp_path / "runs"):
        pass
    assert [run.name for run in chosen.runs()] == ["second", "first"]
    assert len(opened) == 1


def test_groups_that_differ_in_more_than_params_are_said_to(tmp_path: Path) -> None:
    for rows in (10, 10, 20):
        with autotrack.start_run(to=tmp_path / "runs", params={"lr": 0.1}) as run:
            run.log_dataset("train", [[1.0]] * rows)
            run.log({"val_loss": 0.1 * rows})
    printed = CliRunner().invoke(app, ["ls", str(tmp_path / "runs"), "-g", "configuration"]).stdout
    assert "groups with the same params differ in code, data or packages" in printed
    assert "best run" in printed
