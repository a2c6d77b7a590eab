"""A notebook is recorded like a script: its cells in order, what it prints, and its end with that of the kernel."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbclient
import nbformat
import pytest

import autotrack
from autotrack.training.observe import notebook
from tests.support.processes import sidecars_of, wait_until

of_jupyter = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::RuntimeWarning", "ignore::ResourceWarning"
)

TOKEN = "hf_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3x"

CELLS = [
    "import os, sys\nimport autotrack",
    f"token = '{TOKEN}'\nprint('before the run')",
    "run = autotrack.start_run('mine', to='runs', experiment='tests')\nprint(os.getpid())",
    "print('training')\nprint('a warning', file=sys.stderr)\nrun.log({'loss': 0.5})",
    f"print('logged in with {TOKEN}')",
    "1 / 0",
    "%pwd\nprint('the last cell, after one that failed')",
]


def execute(folder: Path, cells: list[str]) -> Any:
    """Run a notebook as Jupyter does, errors in cells included."""
    new: Any = nbformat.v4
    made = new.new_notebook(cells=[new.new_code_cell(cell) for cell in cells])
    client = nbclient.NotebookClient(
        made, timeout=300, allow_errors=True, resources={"metadata": {"path": str(folder)}}
    )
    return client.execute()


def shown(executed: Any) -> list[str]:
    return ["".join(output.get("text", "") for output in cell["outputs"]) for cell in executed["cells"]]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> autotrack.RecordedRun:
    """The run of a notebook, recorded as users do."""
    folder = tmp_path_factory.mktemp("notebook")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AUTOTRACK_SIDECAR", "AUTOTRACK_ENVIRONMENT", "AUTOTRACK_OUTPUT"):
            patch.delenv(name)
        for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
            (folder / "jupyter" / name).mkdir(parents=True)
            patch.setenv(name, str(folder / "jupyter" / name))
        patch.setenv("GIT_CEILING_DIRECTORIES", str(folder))
        said = shown(execute(folder, CELLS))
    assert said[1] == "before the run\n"
    assert said[3] in ("training\na warning\n", "a warning\ntraining\n")
    wait_until(lambda: not sidecars_of(int(said[2])))
    (run,) = autotrack.runs(folder / "runs")
    return run


@pytest.mark.slow
@of_jupyter
def test_a_run_ends_with_the_kernel_whatever_happened_in_a_cell(recorded: autotrack.RecordedRun) -> None:
    assert (recorded.status, recorded.error) == ("finished", None)
    assert recorded.environment["process"]["interactive"] == "notebook"
    assert set(recorded.environment) >= {"process", "notebook", "hardware", "packages"}
    assert recorded.metrics["loss"].count == 1
    assert all(artifact.sha256 for artifact in recorded.artifacts)


@pytest.mark.slow
@of_jupyter
def test_its_cells_are_kept_in_order_without_their_secrets(recorded: autotrack.RecordedRun) -> None:
    cells = (recorded.folder / "environment/source/cells.py").read_text()
    assert cells == notebook.as_script([cell.replace(TOKEN, "[redacted]") for cell in CELLS])
    assert recorded.environment["notebook"] == {"cells": len(CELLS)}
    assert "environment/source/cells.py" in recorded.environment_files
    for path in recorded.folder.rglob("*"):
        assert path.is_dir() or TOKEN.encode() not in path.read_bytes(), path


@pytest.mark.slow
@of_jupyter
def test_what_its_cells_print_is_kept(recorded: autotrack.RecordedRun) -> None:
    output = (recorded.folder / "output.log").read_text()
    assert "training\na warning\nlogged in with [redacted]\n" in output
    assert output.endswith("the last cell, after one that failed\n")


def test_outside_of_a_notebook_there_are_no_cells() -> None:
    assert notebook.executed_cells() == []


def test_a_shell_without_a_history_keeps_its_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = SimpleNamespace(history_manager=None, user_ns={"In": ["", "a = 1", "a + 1"]})
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert notebook.executed_cells() == ["a = 1", "a + 1"]


def test_ipython_that_is_only_imported_is_no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert notebook.executed_cells() == []
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace())  # half imported
    assert notebook.executed_cells() == []


def test_cells_are_written_as_editors_read_them() -> None:
    assert notebook.as_script(["a = 1\n\n", "b = a"]) == "# %% [1]\na = 1\n\n# %% [2]\nb = a\n\n"
    assert notebook.as_script([]) == ""
