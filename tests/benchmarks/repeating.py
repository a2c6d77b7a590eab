"""What `autotrack reproduce` adds to a training: the first time, when its environment is made, and afterwards.

Seconds are those of a processor, of the command and all that it starts and waits for. Waiting for downloads is not in
them. Milliseconds are those of a clock, for the check of what would be missing.
"""

import json
import os
import platform
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

from autotrack.readers.recorded_run import load
from autotrack.readers.reproducibility.score import reproducibility_of
from autotrack.readers.scan import run_folders
from autotrack.reproduce.environment import environment_for, own_requirements
from autotrack.reproduce.lock import Lock
from tests.benchmarks import tables
from tests.support.repositories import new

ROUNDS = 3
CHECKS = 20
TRAIN = """
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier
x, y = load_digits(return_X_y=True)
MLPClassifier(max_iter=100, tol=0.0, n_iter_no_change=100, random_state=0).fit(x, y)
"""


@dataclass(frozen=True)
class Project:
    """A repository with a run in it, which was recorded by one Python."""

    root: Path
    python: str
    packages: int
    seconds: float

    def added(self, *options: str, path: str, cache: Path) -> float:
        """Repeat the run; return the seconds besides those that the training takes."""
        environ = {**os.environ, "PATH": path, "XDG_CACHE_HOME": str(cache)}
        command = [self.python, "-m", "autotrack", "reproduce", "latest", "--json", *options]
        began = _cpu_seconds()
        done = subprocess.run(command, cwd=self.root, env=environ, capture_output=True, text=True, check=False)
        seconds = _cpu_seconds() - began
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["verdict"] == "identical"
        return seconds - self.seconds

    def check_milliseconds(self) -> float:
        """Return how long it takes to find out what would be missing, which the process beside training does."""
        run = load(next(iter(run_folders(self.root / "runs"))))
        taken = []
        for _ in range(CHECKS):
            began = perf_counter()
            reproducibility_of(run.folder, run.summary)
            taken.append(1000 * (perf_counter() - began))
        return tables.median(taken)


def measure(folder: Path, *, quick: bool) -> str:
    """Return the table: an environment of some packages, and the one that this Python has, by each installer."""
    os.environ["OMP_NUM_THREADS"] = "1"  # a training in several threads waits in them when the machine is busy
    projects = {"of these tests": _recorded(folder / "whole", sys.executable)}
    if not quick:
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        projects = {"of scikit-learn": _recorded(folder / "small", _small_environment()), **projects}
    rows = [row for name, one in projects.items() for row in _rows(f"packages {name}", one, folder, quick=quick)]
    header = ["", "packages", "training, s", "first, s", "again, s", "`--here`, s", "check, ms"]
    return tables.table(header, rows)


def _rows(name: str, project: Project, folder: Path, *, quick: bool) -> Iterator[Sequence[str]]:
    here = _median(project, "--here", path=os.environ["PATH"], cache=folder / "cache", rounds=1 if quick else ROUNDS)
    known = [name, str(project.packages), f"{project.seconds:.1f}"]
    check = f"{project.check_milliseconds():.1f}"
    if quick:
        yield [*known, "", "", f"{here:.1f}", check]
        return
    for tool in ("uv", "pip"):
        path = _path(with_uv=tool == "uv")
        if tool == "uv" and shutil.which("uv", path=path) is None:
            continue
        cache = folder / f"cache-{tool}-{project.packages}"
        first = project.added(path=path, cache=cache)
        again = _median(project, path=path, cache=cache, rounds=ROUNDS)
        shutil.rmtree(cache)
        yield [f"{name}, by {tool}", *known[1:], f"{first:.1f}", f"{again:.1f}", f"{here:.1f}", check]


def _median(project: Project, *options: str, path: str, cache: Path, rounds: int) -> float:
    return tables.median([project.added(*options, path=path, cache=cache) for _ in range(rounds)])


def _path(*, with_uv: bool) -> str:
    folders = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(one for one in folders if with_uv or not Path(one, "uv").exists())


def _small_environment() -> str:
    lock = Lock(python=platform.python_version(), requirements="", in_place={}, missing=())
    named = [f"{name}=={version(name)}" for name in ("scikit-learn", "numpy", "scipy")]
    return str(environment_for(lock, also=["pip", *named, *own_requirements(lock)]))


def _recorded(root: Path, python: str) -> Project:
    new(root, {"train.py": TRAIN, ".gitignore": "runs/\nreproduced/\n"})
    command = [python, "-m", "autotrack", "run", "train.py"]
    seconds = []
    for _ in range(2):
        began = _cpu_seconds()
        subprocess.run(command, cwd=root, capture_output=True, check=True)
        seconds.append(_cpu_seconds() - began)
    shown = subprocess.run(
        [python, "-m", "autotrack", "show", "latest", "--json"], cwd=root, capture_output=True, check=True
    )
    count = json.loads(shown.stdout)["environment"]["packages"]["count"]
    return Project(root, python, count, min(seconds))


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
