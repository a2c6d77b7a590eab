"""Planted projects: notebooks, packages, runs that go on, sweeps, another machine, a changed constant."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.reproduce import second_machine
from tests.reproduce.planted import MODEL, TRAIN, Change, Planted
from tests.support.repositories import put

NOTEBOOK = """
import nbclient, nbformat
cells = [
    "import random\\nimport autotrack\\nrandom.seed(5)",
    "run = autotrack.start_run(params={'lr': 0.1})\\nloss = 1.0",
    "for step in range(5):\\n    loss *= 0.9 + random.random() / 100\\n    run.log({'loss': loss}, step=step)",
    "run.finish()",
]
made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
nbclient.NotebookClient(made, resources={"metadata": {"path": "."}}).execute()
"""

USES_PACKAGE = """
import autotrack, privately
with autotrack.start_run() as run:
    for step in range(3):
        run.log({"value": privately.scale(step)}, step=step)
"""

RESUMED = """
import json, sys
from pathlib import Path
import autotrack
state = Path("state.json")
first = json.loads(state.read_text())["step"] if state.exists() else 0
with autotrack.start_run(params={"first": first}) as run:
    for step in range(first, first + 4):
        run.log({"loss": 1 / (step + 1)}, step=step)
if len(sys.argv) > 1:
    state.write_text(json.dumps({"step": first + 4}))
"""

SWEEP = """
import numpy
from sklearn.linear_model import SGDRegressor
def main(alpha):
    rng = numpy.random.default_rng(3)
    x = rng.normal(size=(50, 2))
    model = SGDRegressor(alpha=alpha, random_state=1).fit(x, x @ [1.0, 2.0])
    print(f"score: {model.score(x, x @ [1.0, 2.0])}")
if __name__ == "__main__":
    for alpha in (0.01, 0.1, 1.0):
        main(alpha)
"""

CONSTANT = """
import autotrack
lr = 0.1
with autotrack.start_run(params={"lr": lr}) as run:
    for step in range(3):
        run.log({"loss": lr / (step + 1)}, step=step)
"""


def install(folder: Path, version: str, url: str, *, editable: bool = False) -> None:
    """Put a package there as pip does that was installed from a file or a folder."""
    about = f"privately-{version}.dist-info"
    kind = {"dir_info": {"editable": True}} if editable else {"archive_info": {}}
    shutil.rmtree(folder, ignore_errors=True)
    put(
        folder,
        {
            f"{about}/METADATA": f"Metadata-Version: 2.1\nName: privately\nVersion: {version}\n",
            f"{about}/RECORD": "privately.py,,\n",
            f"{about}/direct_url.json": json.dumps({"url": url, **kind}),
            **({} if editable else {"privately.py": f"def scale(step):\n    return step * {version}\n"}),
        },
    )


def wheel(version: str) -> Change:
    """Return what installs this version of the private package beside the project."""
    return lambda root: install(root.parent / "site", version, f"file:///home/me/privately-{version}.whl")


def install_in_place(root: Path) -> None:
    """Install the package that lies in the project itself."""
    install(root.parent / "site", "1.0", root.as_uri(), editable=True)


def save_state(root: Path) -> None:
    """Train up to a state that a later run goes on from."""
    put(root, {"state.json": '{"step": 4}'})


SITE = {"PYTHONPATH": "../site"}

OTHERS: Sequence[Planted] = (
    Planted("a notebook", "python execute.py", committed={"execute.py": NOTEBOOK}),
    Planted(
        "a private package that was installed from a wheel",
        "python train.py",
        committed={"train.py": USES_PACKAGE},
        prepare=wheel("1.0"),
        environ=SITE,
    ),
    Planted(
        "a private package in another version than then",
        "python train.py",
        committed={"train.py": USES_PACKAGE},
        prepare=wheel("1.0"),
        change=wheel("2.0"),
        environ=SITE,
        verdict="different",
        cause="packages",
    ),
    Planted(
        "a package of the project that is imported in place, and was changed since",
        "python train.py",
        committed={"train.py": USES_PACKAGE, "src/privately.py": "def scale(step):\n    return step * 3\n"},
        prepare=install_in_place,
        change=lambda root: put(root, {"src/privately.py": "def scale(step):\n    return 0\n"}),
        environ={"PYTHONPATH": "src:../site"},
    ),
    Planted(
        "a run that goes on from a state which was saved before",
        "python train.py",
        committed={"train.py": RESUMED, ".gitignore": "runs/\nreproduced/\nstate.json\n"},
        prepare=save_state,
    ),
    Planted(
        "a job in the middle of a sweep",
        "autotrack run sweep.py",
        committed={"sweep.py": SWEEP},
        which=lambda run: run.params.get("alpha") == 0.1,
    ),
    Planted(
        "another machine and user, with a clone elsewhere and only the store copied",
        "python train.py 3",
        committed={"train.py": TRAIN, "model.py": MODEL},
        files={"model.py": MODEL.replace("0.9", "0.8")},
        change=second_machine.move,
        store=second_machine.store,
        again=second_machine.repeat,
    ),
    Planted(
        "a constant of the script that is changed by --param",
        "python train.py",
        committed={"train.py": CONSTANT},
        options={"params": {"lr": "0.2"}},
        verdict="different",
        cause="params",
    ),
)
