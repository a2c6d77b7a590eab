"""Planted projects: small repositories with a run in each, what happens to them, and what its repetition has to say.

`python -m tests.reproduce` tries all of them; the quick ones are part of `make test`.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autotrack.readers import recorded_run
from autotrack.readers.recorded_run import RecordedRun
from autotrack.readers.scan import run_folders
from autotrack.reproduce.reproduction import Choices, reproduce
from tests.support.repositories import commit, new, put, run_git

QUIET = {"AUTOTRACK_TENSORBOARD": "off", "AUTOTRACK_QUIET": "1", "AUTOTRACK_SYSTEM_SECONDS": "0"}
"""What runs of tests do not need. The environment and the output are recorded, as users do."""

Change = Callable[[Path], object]
Again = Callable[[RecordedRun, Path, Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Planted:
    """One project.

    Attributes:
        name: What it is about.
        committed: The files in the repository; without any, the project has no git.
        files: The files that are put there afterwards, and not committed.
        command: The command line, as the user types it; `python` is that of the tests, `autotrack` its command.
        verdict: What a repetition has to come to.
        cause: The kind of the cause that has to be named first, if it does not come out the same.
        folder: Where the command is started.
        prepare: What else happens before the run.
        change: What happens between the run and its repetition.
        environ: Environment variables of the run.
        options: How the run is repeated.
        runs: How often the command runs before the repetition.
        which: Which run is repeated: the first one for which this holds.
        store: Where the runs are when one is repeated.
        again: What repeats a run of the project in a folder with `options`, and returns what `--json` says of it.
        quick: Whether it is part of `make test`.
        needs: A module without which it is not tried.
    """

    name: str
    command: str
    committed: Mapping[str, str | bytes] = field(default_factory=dict)
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    verdict: str = "identical"
    cause: str | None = None
    folder: str = "."
    prepare: Change = lambda _: None
    change: Change = lambda _: None
    environ: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    runs: int = 1
    which: Callable[[RecordedRun], bool] = lambda _: True
    store: Callable[[Path], Path] = lambda root: root / "runs"
    again: Again = lambda original, _, options: _here(original, options)
    quick: bool = False
    needs: str | None = None

    def record(self, top: Path) -> Path:
        """Make the project below a folder, and record its run; return the folder of the project."""
        root = top / "project"
        if self.committed:
            new(root, {".gitignore": "runs/\nreproduced/\n__pycache__/\ndata/\n", **self.committed})
        put(root, self.files)
        root.mkdir(parents=True, exist_ok=True)
        self.prepare(root)
        for _ in range(self.runs):
            done = subprocess.run(
                words(self.command),
                cwd=root / self.folder,
                env={**environ_of_users(), **self.environ, "AUTOTRACK_TO": str(root / "runs")},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{self.name}: {done.stderr}"
        return root

    def repeat(self, root: Path) -> dict[str, Any]:
        """Let happen what happens, repeat the run, and return what `--json` says of it."""
        self.change(root)
        runs = sorted(map(recorded_run.load, run_folders(self.store(root))), key=lambda run: run.summary.started)
        first = next(run for run in runs if self.which(run))
        options = {name: value(root) if callable(value) else value for name, value in self.options.items()}
        return self.again(first, root, options)


def _here(original: RecordedRun, options: Mapping[str, Any]) -> dict[str, Any]:
    return reproduce(original, Choices(**{"environment": "here", **options}), output_to_stderr=True).as_dict()


def words(command: str) -> list[str]:
    """Return a command line with the Python of the tests in it."""
    first, *others = shlex.split(command)
    start = {"python": [sys.executable], "autotrack": [sys.executable, "-m", "autotrack"]}
    return [*start.get(first, [first]), *others]


def environ_of_users() -> dict[str, str]:
    """Return an environment in which runs are recorded as those of users."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACK_")} | QUIET


TRAIN = """
import random, sys
import autotrack
from model import step
seed = int(sys.argv[1]) if len(sys.argv) > 1 else None
random.seed(seed)
with autotrack.start_run(params={"seed": seed} if seed is not None else {}) as run:
    loss = 1.0
    for number in range(20):
        loss = step(loss, random.random())
        run.log({"loss": loss}, step=number)
"""
EARLY = TRAIN.replace("with autotrack", "first = random.random()\nwith autotrack").replace(
    "loss = 1.0", "loss = first"
)
MODEL = "def step(loss, noise):\n    return loss * (0.9 + noise / 100)\n"

READ_DATA = """
import csv
from pathlib import Path
import autotrack
path = Path("data") / "numbers.csv"
with autotrack.start_run() as run:
    run.log_dataset("train", path)
    for number, row in enumerate(csv.reader(path.open())):
        run.log({"total": sum(map(float, row))}, step=number)
"""
NUMBERS = "1,2,3\n4,5,6\n7,8,9\n"

SKLEARN = """
import argparse
import numpy
from sklearn.linear_model import SGDClassifier
from .data import make
parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float, default=0.1)
parser.add_argument("--seed", type=int, default=0)
arguments = parser.parse_args()
x, y = make(numpy.random.default_rng(arguments.seed))
model = SGDClassifier(alpha=arguments.alpha, random_state=arguments.seed).fit(x, y)
print(f"accuracy: {model.score(x, y)}")
"""
SKLEARN_DATA = """
def make(rng):
    x = rng.normal(size=(200, 4))
    return x, (x[:, 0] > 0).astype(int)
"""

WITH_VARIABLES = """
import os
import autotrack, helper
with autotrack.start_run() as run:
    run.log({"threads": int(os.environ["OMP_NUM_THREADS"]), "hash": helper.digest() % 10_000})
    run.log({"scale": float(os.environ["SCALE"])})
"""


def amend(root: Path) -> None:
    """Replace the commit of the run by another one, as a rebase does."""
    put(root, {"model.py": MODEL.replace("0.9", "0.5")})
    run_git(root, "add", "--all", "--", "model.py")
    run_git(root, "commit", "--quiet", "--amend", "--message", "rewritten")


def with_submodule(root: Path) -> None:
    """Put the model into a submodule, with an uncommitted change in it."""
    inner = new(root.parent / "inner", {"__init__.py": "", "model.py": MODEL})
    allowed = ("-c", "protocol.file.allow=always")
    run_git(root, *allowed, "submodule", "--quiet", "add", str(inner), "inner")
    commit(root)
    put(root, {"inner/model.py": MODEL.replace("0.9", "0.8")})


QUICK: Sequence[Planted] = (
    Planted(
        "uncommitted changes, an untracked module, a commit that is rewritten later, a subfolder to start in",
        "python ../train.py 3",
        committed={"train.py": TRAIN, "scripts/readme.txt": "start here"},
        files={"model.py": MODEL, "train.py": TRAIN.replace("range(20)", "range(10)")},
        folder="scripts",
        change=amend,
        quick=True,
    ),
    Planted(
        "a package of a scikit-learn training, started by autotrack run -m",
        "autotrack run -m lab.train --alpha 0.01",
        committed={"lab/__init__.py": "", "lab/train.py": SKLEARN, "lab/data.py": SKLEARN_DATA},
        quick=True,
    ),
    Planted(
        "no git, and environment variables that matter",
        "python train.py",
        files={"train.py": WITH_VARIABLES, "helper.py": "def digest():\n    return hash('a text')\n"},
        environ={"OMP_NUM_THREADS": "3", "PYTHONHASHSEED": "5", "SCALE": "2.5"},
        change=lambda root: put(root, {"helper.py": "def digest():\n    return 0\n"}),
        quick=True,
    ),
    Planted(
        "nothing is seeded, but numbers are drawn only after the start of the run, whose random states are set again",
        "python train.py",
        committed={"train.py": TRAIN, "model.py": MODEL},
        quick=True,
    ),
    Planted(
        "nothing is seeded",
        "python train.py",
        committed={"train.py": EARLY, "model.py": MODEL},
        verdict="different",
        cause="seed",
        quick=True,
    ),
    Planted(
        "data that git ignores was changed after the run",
        "python train.py",
        committed={"train.py": READ_DATA},
        files={"data/numbers.csv": NUMBERS},
        change=lambda root: put(root, {"data/numbers.csv": NUMBERS.replace("5", "50")}),
        verdict="different",
        cause="data",
        quick=True,
    ),
    Planted(
        "a submodule with an uncommitted change",
        "python train.py 3",
        committed={"train.py": TRAIN.replace("from model", "from inner.model")},
        prepare=with_submodule,
        quick=True,
    ),
)
