"""The benchmarks run; what they measure is not judged here, for other things run on the machine that tests run on."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.peers import is_installed
from tests.support.made_once import made_once

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> str:
    def measure(folder: Path) -> None:
        command = [sys.executable, "-m", "tests.benchmarks", "log", "start", "--quick"]
        done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        (folder / "printed.txt").write_text(done.stdout)

    return (made_once(tmp_path_factory, "benchmarks", measure) / "printed.txt").read_text()


def rows(printed: str, first_cell: str) -> list[list[str]]:
    """The cells of every row of any table that begins with this cell."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in printed.splitlines() if "|" in line]
    return [row for row in cells if row[0] == first_cell]


@pytest.mark.slow
def test_a_quick_run_prints_what_the_readme_quotes(printed: str) -> None:
    for logger, durable in (("bare encode and write", "yes"), ("autotrack `Run.log`", "yes")):
        found = rows(printed, logger)
        assert [row[-1] for row in found] == [durable, durable], "one table for one number and one for ten"
        assert all(float(row[1]) > 0 for row in found)
    assert [len(rows(printed, what)) for what in ("bare Python", "`import autotrack`", "autotrack")] == [1, 1, 1]
    assert "importing adds fewer than 100 modules" in printed
    assert printed.count(" cores, ") == 2, "each part says where its figures come from"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("logger", "modules", "tables"),
    [
        ("Lightning `CSVLogger`", "lightning", 3),
        ("TensorBoard `SummaryWriter`", "torch tensorboard", 3),
        ("MLflow on SQLite", "mlflow", 3),
        ("W&B offline", "wandb", 3),
        ("Trackio", "trackio", 3),
        ("DVCLive", "dvclive", 3),
    ],
)
def test_a_logger_is_in_every_table_or_said_to_be_left_out(
    printed: str, logger: str, modules: str, tables: int
) -> None:
    found = len(rows(printed, logger))
    said = sum(logger in line for line in printed.splitlines() if line.startswith("Not installed here"))
    assert (found, said) == ((tables, 0) if is_installed(modules) else (0, 2))


@pytest.mark.slow
def test_finding_is_measured_as_runs_grow_and_beside_others() -> None:
    command = [sys.executable, "-m", "tests.benchmarks", "find", "--quick"]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    (growth,) = rows(done.stdout, "8")
    assert len(growth[1:6]) == 5
    assert all(float(cell) >= 0 for cell in growth[1:6])
    for peer, module in (("MLflow, SQLite", "mlflow"), ("TensorBoard's `EventAccumulator`", "tensorboard")):
        assert len(rows(done.stdout, peer)) == is_installed(module)
