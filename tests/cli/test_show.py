"""`autotrack show`: the verdict first, then what tells something, the rest behind `--all`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

import autotrack
from autotrack.cli.app import app
from autotrack.journal import records
from tests.support.tables import cells, tabbed

Show = Callable[..., str]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def show(store: Path, monkeypatch: pytest.MonkeyPatch) -> Show:
    monkeypatch.chdir(store.parent)
    monkeypatch.setenv("COLUMNS", "120")

    def show(*arguments: str) -> str:
        result = CliRunner().invoke(app, ["show", *arguments])
        assert result.exit_code == 0, result.output
        return result.stdout

    return show


def trained(store: Path, name: str, lr: float, *, reason: str | None = None, **params: Any) -> None:
    with autotrack.start_run(name, to=store, experiment="digits", params={"lr": lr, **params}) as run:
        run.log_params({f"trainer_setting_{place}": place for place in range(80)}, "trainer")
        for epoch in range(3):
            run.log({"val_loss": lr / (epoch + 1), "val_acc": 1 - lr}, step=epoch, epoch=epoch)
        run.stop_reason = reason


def test_the_verdict_comes_first(store: Path, show: Show) -> None:
    for name, lr in (("first", 0.1), ("second", 0.3), ("third", 0.2)):
        trained(store, name, lr, reason="val_loss did not improve in 2 epochs (in epoch 2)")
    ended, rank, *_ = show("third").splitlines()
    assert ended.startswith("third  finished after ")
    assert ended.endswith(", stopped early: val_loss did not improve in 2 epochs (in epoch 2)")
    assert rank == "  val_acc 0.8 in epoch 0, 2nd of 3, best is first with 0.9 (higher is better)"
    assert "stopped" not in tabbed(show("third")).partition("tags\t")[2].partition("\n")[0]


def test_an_old_run_says_why_it_stopped(store: Path, show: Show) -> None:
    with autotrack.start_run("old", to=store) as run:
        run.log_tags({"early_stopping": "no better.", "stopped_epoch": 4, "team": "vision"})
    printed = show("old")
    assert printed.splitlines()[0].endswith("stopped early: no better (in epoch 4)")
    assert "tags\tteam=vision\n" in tabbed(printed)


def test_params_are_those_that_tell_something_and_all_has_the_others(store: Path, show: Show) -> None:
    trained(store, "first", 0.1)
    trained(store, "second", 0.3, width=8)
    printed = show("second")
    assert "trainer_setting" not in printed
    assert "80 more that nobody set: --all shows them" in printed
    table = tabbed(printed).partition("params that were set, or that differ\n")[2].splitlines()
    assert table[:3] == ["name\tvalue\tbefore (first)\tsource", "lr\t0.3\t0.1\tuser", "width\t8\tuser"]
    assert show("second", "--all").count("trainer_setting") == 80


def test_metrics_have_a_curve_and_a_direction(store: Path, show: Show) -> None:
    trained(store, "only", 0.3)
    lines = show("only").splitlines()
    title = lines.index("metrics")
    assert cells(lines[title + 1]) == ["name", "last", "best", "in", "points", "curve"]
    assert cells(lines[title + 3]) == ["val_loss", "0.1", "0.1", "↓", "epoch 2", "3", "█▃▁"]


def test_plots_are_drawn_in_the_terminal(store: Path, show: Show) -> None:
    with autotrack.start_run("plotted", to=store) as run:
        run.log_plot("confusion", "confusion_matrix", {"labels": ["cat", "dog"], "matrix": [[5, 1], [0, 7]]})
        run.log_plot("weights", "importances", {"names": ["a", "b"], "values": [0.5, 1.0]})
        run.log_plot("roc", "roc", {"false_positive_rate": [0, 0.5, 1], "true_positive_rate": [0, 1, 1], "auc": 0.75})
        run.log_plot("odd", "roc", {"nothing": 1})
    printed = tabbed(show("plotted"))
    assert "true \\ predicted\tcat\tdog\ncat\t5\t1\ndog\t0\t7\n" in printed
    assert "b\t1\t" + "█" * 24 in printed
    assert "area 0.75" in printed
    assert "odd (roc): see TensorBoard, or --json" in printed


@pytest.mark.parametrize("width", [80, 120])
def test_it_fits_the_terminal(store: Path, show: Show, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    run = autotrack.start_run("名前" * 20, to=store, params={"long": "x " * 100, "p" * 70: 1}, tags={"t": "y" * 300})
    run.log({"m" * 90: 1.0}, step=1)
    run.finish("failed", error=ValueError("x" * 60))
    monkeypatch.setenv("COLUMNS", str(width))
    printed = show().partition("\ntraceback")[0]
    too_wide = [line for line in printed.splitlines() if cell_len(line) > width]
    assert not too_wide


def test_the_reason_is_recorded_with_the_end(store: Path) -> None:
    trained(store, "one", 0.1, reason="enough")
    (run,) = autotrack.runs(store)
    assert run.stop_reason == "enough"
    assert autotrack.runs(store).where('stop_reason contains "enough"')[0].name == "one"
    lines = (run.folder / "journal" / "main.jsonl").read_bytes().splitlines()
    end = next(one for one in map(records.decode, lines) if isinstance(one, records.RunFinished))
    assert end.stop_reason == "enough"


def test_curves_become_shorter_where_names_are_long_and_are_never_broken(
    store: Path, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "validation_mean_average_precision_at_50"
    with autotrack.start_run("long", to=store) as run:
        for epoch in range(60):
            run.log({name: epoch / 60, "val_loss": 1 - epoch / 60}, step=epoch, epoch=epoch)
    for columns in (80, 120):
        monkeypatch.setenv("COLUMNS", str(columns))
        lines = show("long").splitlines()
        curves = [line for line in lines if "▁" in line]
        assert len(curves) == 2
        assert all(line.endswith(("█", "▁")) and cell_len(line) <= columns for line in curves)
    assert any(name in line for line in curves)
