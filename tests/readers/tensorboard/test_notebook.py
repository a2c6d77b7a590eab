"""TensorBoard in a notebook, inline."""

import re
import sys
import urllib.error
from pathlib import Path
from typing import Any

import pytest

import autotrack
from tests.support.processes import Script, wait_until
from tests.support.tensorboard_pages import record, runs_in

CELLS = [
    "from autotrack.readers.tensorboard import tensorboard",
    "tensorboard('runs', height=400)",
    "tensorboard('runs')",
    "import sys\nprint('tensorboard.program' in sys.modules, 'google.protobuf' in sys.modules)",
]
MAGIC = [
    "%load_ext tensorboard",
    "%tensorboard --logdir runs --port 0 --host 127.0.0.1",
    """
import json, time, urllib.request
from tensorboard import manager

(info,) = manager.get_all()
found, deadline = [], time.monotonic() + 60
while not found and time.monotonic() < deadline:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        f"http://127.0.0.1:{info.port}/data/runs"
    ) as answer:
        found = json.load(answer)
print(found)
""",
    "import os, signal\nos.kill(info.pid, signal.SIGTERM)",
]


def execute(cells: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Run the cells in a real kernel; return what each shows, as text and HTML."""
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        (folder / "jupyter" / name).mkdir(parents=True)
        monkeypatch.setenv(name, str(folder / "jupyter" / name))
    new = nbformat.v4
    made = new.new_notebook(cells=[new.new_code_cell(cell) for cell in cells])
    executed = nbclient.NotebookClient(made, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return ["".join(map(_shown, cell["outputs"])) for cell in executed["cells"]]


def _shown(output: Any) -> str:
    data = output.get("data", {})
    return str(output.get("text") or data.get("text/html") or data.get("text/plain"))


of_jupyter = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::RuntimeWarning", "ignore::ResourceWarning"
)


@pytest.mark.slow
@of_jupyter
def test_a_notebook_shows_it_inline_and_the_same_one_again(
    store: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(store, "a")
    _, first, second, imported = execute(CELLS, store.parent, monkeypatch)
    port = int(re.findall(r"const port = (\d+)", first)[0])
    assert "<iframe" in first
    assert 'height="400"' in first
    assert re.findall(r"const port = (\d+)", second) == [str(port)]
    assert imported == "False False\n", "it belongs into a process of its own"
    with pytest.raises(urllib.error.URLError):  # it ended with the kernel
        wait_until(lambda: not runs_in(f"http://127.0.0.1:{port}/"))
    wait_until(lambda: not list(scratch.glob("autotrack*")))


@pytest.mark.slow
@of_jupyter
def test_the_magic_of_tensorboard_works_on_a_store(
    store: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENSORBOARD_BINARY", str(Path(sys.executable).with_name("tensorboard")))
    monkeypatch.setenv("AUTOTRACK_TENSORBOARD", "on")
    with autotrack.start_run("a", to=store, experiment="digits") as run:
        run.log({"loss": 0.5}, step=0)
    _, shown, found, _ = execute(MAGIC, store.parent, monkeypatch)
    assert "<iframe" in shown
    assert found == f"{[f'digits/{run.folder.name}']}\n"


def test_outside_of_a_notebook_its_address_is_said(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(store, "a")
    code = f"""
        from autotrack.readers.tensorboard import tensorboard
        tensorboard("a", store={str(store)!r})
        tensorboard("a", store={str(store)!r})
    """
    with Script(store.parent / "script", code) as script:
        said = script.wait()
    addresses = re.findall(r"TensorBoard is at (http://127\.0\.0\.1:\d+/)", said.error)
    assert len(addresses) == 2
    assert len(set(addresses)) == 1
