"""Records a project before a planted change and after it, with harmless differences, and asks for the cause."""

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from autotrack.readers import recorded_run
from autotrack.readers.compare.cause import Cause
from autotrack.readers.compare.comparison import RunComparison
from autotrack.readers.recorded_run import RecordedRun
from tests.planted_causes.projects import PACKAGE, files_of, install

_QUIET = {"AUTOTRACK_QUIET": "1", "AUTOTRACK_TENSORBOARD": "off", "AUTOTRACK_CHECKPOINTS": "off",
          "AUTOTRACK_EXPERIMENT": "planted", "AUTOTRACK_SYSTEM_SECONDS": "0",
          "KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "2", "PYTHONDONTWRITEBYTECODE": "1",
          "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}  # fmt: skip
_LAUNCH = {"torch": ["-m", "autotrack", "run"]}


@dataclass
class Project:
    """A project in a folder, and how it is started."""

    folder: Path
    framework: str
    has_git: bool = True
    arguments: list[str] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=dict)

    @classmethod
    def new(cls, top: Path, framework: str, *, has_git: bool = True) -> "Project":
        project = cls(top / "project", framework, has_git)
        for name, content in files_of(framework).items():
            project.write(name, content)
        install(top / "site", "scalekit", "1.0", PACKAGE.format(factor=1.0))
        install(top / "site", "leftpad", "1.0", "")
        if has_git:
            project.git("init", "--quiet")
            project.commit()
        return project

    @property
    def site(self) -> Path:
        return self.folder.parent / "site"

    def read(self, name: str) -> str:
        return (self.folder / name).read_text()

    def write(self, name: str, content: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    def replace(self, name: str, old: str, new: str) -> None:
        assert old in self.read(name)
        self.write(name, self.read(name).replace(old, new))

    def git(self, *words: str) -> None:
        who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *who, *words], cwd=self.folder, check=True, capture_output=True)

    def commit(self) -> None:
        if self.has_git:
            self.git("add", "--all")
            self.git("commit", "--quiet", "--allow-empty", "--message", "work")

    def copy_to(self, top: Path) -> "Project":
        shutil.copytree(self.folder.parent, top, ignore=shutil.ignore_patterns("runs*"))
        return Project(top / "project", self.framework, self.has_git, [*self.arguments], dict(self.environ))

    def train(self, store: Path) -> RecordedRun:
        """Train in a process of its own, as a user would; return the run."""
        known = set(store.glob("planted/*/journal"))
        launch = _LAUNCH.get(self.framework, [])
        environ = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACK_")}
        environ |= {**_QUIET, "AUTOTRACK_TO": str(store), "PYTHONPATH": str(self.site), **self.environ}
        done = subprocess.run([sys.executable, *launch, "train.py", *self.arguments], cwd=self.folder, env=environ,
                              capture_output=True, text=True, timeout=600, check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr
        (journal,) = set(store.glob("planted/*/journal")) - known
        return recorded_run.load(journal.parent)


Change = Callable[[Project], None]


@dataclass(frozen=True)
class Planted:
    """One known change of a project.

    Attributes:
        name: What is changed, in short.
        framework: What trains.
        change: Makes the change.
        expected: What the first cause has to name: one of these texts.
        kinds: Of which kinds it may be.
        both: What is different from the usual project in both runs.
        repeats: With how many seeds the earlier project is run besides.
        has_git: Whether the project is in a repository.
    """

    name: str
    framework: str
    change: Change
    expected: tuple[str, ...]
    kinds: tuple[str, ...]
    both: Change | None = None
    repeats: int = 0
    has_git: bool = True


@dataclass(frozen=True)
class Answer:
    """What was said of a planted change, and whether it is right."""

    planted: Planted
    causes: list[Cause]
    metric: str | None
    values: list[float | None]

    @property
    def place(self) -> int | None:
        """The place of the true cause, from 1; None if it was not found."""
        for place, cause in enumerate(self.causes, 1):
            if cause.kind in self.planted.kinds and any(text in cause.cause for text in self.planted.expected):
                return place
        return None


def harmless(project: Project, name: str) -> None:
    """Change things that make no difference: a few of many, other ones for each name."""
    dice = random.Random(name)
    changes: list[Change] = [
        lambda one: one.write("README.md", "# Digits\n\nHow to train: see train.py.\n"),
        lambda one: one.write("figures.py", one.read("figures.py").replace("8", "9") + "# a comment\n"),
        lambda one: one.write("other.json", '{"unused": 1}\n'),
        lambda one: one.write("notes/today.py", "print('no training imports this')\n"),
        lambda one: install(one.site, "leftpad", "1.1", ""),
        lambda one: one.environ.update(MPLBACKEND="agg", LANG="C"),
        lambda one: one.write("features.py", "# Features, and how they are scaled.\n" + one.read("features.py")),
        lambda one: one.commit(),
    ]
    for change in dice.sample(changes[:-1], 3) + ([changes[-1]] if dice.random() < 0.4 else []):
        change(project)


def on_another_host(run: RecordedRun) -> RecordedRun:
    """Have a run that was recorded here say that it was recorded on a machine of another name."""
    for path in (run.folder / "journal").glob("*.jsonl"):
        text = path.read_text().replace(f'"hostname":"{os.uname().nodename}"', '"hostname":"other"')
        path.write_text(text.replace(f'"host":"{os.uname().nodename}"', '"host":"other"'))
    (run.folder / "run.json").unlink(missing_ok=True)
    return recorded_run.load(run.folder)


class Laboratory:
    """Makes the runs of planted changes below a folder. What is there already is not made again."""

    def __init__(self, top: Path) -> None:
        self._top = top

    def base(self, planted: Planted) -> tuple[Project, list[RecordedRun]]:
        """Return the project before a change, with its run and the repeats of that."""
        name = planted.framework + ("" if planted.has_git else "-no-git")
        name += f"-{planted.name.replace(' ', '-')}" if planted.both else ""
        top = self._top / name
        if not top.exists():
            project = Project.new(top, planted.framework, has_git=planted.has_git)
            if planted.both:
                planted.both(project)
                project.commit()
        project = Project(top / "project", planted.framework, planted.has_git)
        if planted.both:
            planted.both(project)
        runs = [self._run(project, top / "runs")]
        for seed in range(1, planted.repeats + 1):
            repeated = Project(project.folder, project.framework, project.has_git, ["--seed", str(seed)])
            runs.append(self._run(repeated, top / f"runs-{seed}"))
        return project, runs

    def ask(self, planted: Planted) -> Answer:
        """Return what is said to be the cause of the difference that a planted change makes."""
        project, (before, *repeats) = self.base(planted)
        top = self._top / f"{planted.framework} - {planted.name}"
        if not list(top.glob("runs/planted/*/journal")):
            shutil.rmtree(top, ignore_errors=True)
            changed = project.copy_to(top)
            harmless(changed, planted.name)
            planted.change(changed)
            on_another_host(changed.train(top / "runs"))
        now = self._run(project, top / "runs")
        comparison = RunComparison([before, now], others=[before, now, *repeats])
        values = comparison.values(comparison.metric) if comparison.metric else []
        return Answer(planted, comparison.causes, comparison.metric, values)

    def _run(self, project: Project, store: Path) -> RecordedRun:
        for journal in store.glob("planted/*/journal"):
            return recorded_run.load(journal.parent)
        return project.train(store)
