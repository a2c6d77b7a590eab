"""What a fit and a search of scikit-learn take with autotrack and with MLflow's autolog, beside the same alone.

All contenders are there at once, each in a process of its own, and take turns: the speed of a machine that others use
as well changes within minutes, and what is compared has to be of the same minute.
"""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep

from tests.benchmarks import peers, tables

PROCESSES, ROUNDS = 3, 4
"""How many processes each contender has, one after the other, for some are quicker than others; rounds in each."""

FITS = 20
CANDIDATES = 60
PAUSE_SECONDS = 1.5
"""After the fits and after the search, for what a contender still does beside it."""

_MLFLOW = "import mlflow; mlflow.set_experiment('benchmark'); mlflow.sklearn.autolog({arguments}, silent=True)"
_LEANEST = "log_models=False, log_post_training_metrics=False, log_datasets=False, log_model_signatures=False"


@dataclass(frozen=True)
class Contender:
    """Who looks on: what it takes to switch it on, and how much of it can be waited for."""

    name: str
    code: str = ""
    needs: str = "sklearn"
    fits: int = FITS
    rounds: int = ROUNDS


NONE = Contender("nobody")
OURS = Contender("autotrack", "import autotrack; autotrack.autolog(frameworks='sklearn')")
CONTENDERS = [
    NONE,
    Contender("nobody, once more"),
    OURS,
    Contender(
        "autotrack, no model kept", "import autotrack; autotrack.autolog(frameworks='sklearn', checkpoints=False)"
    ),
    Contender("MLflow autolog", _MLFLOW.format(arguments="log_models=True"), "mlflow", fits=2, rounds=1),
    Contender("MLflow autolog, no models", _MLFLOW.format(arguments="log_models=False"), "mlflow", fits=2, rounds=1),
    Contender("MLflow autolog, leanest", _MLFLOW.format(arguments=_LEANEST), "mlflow", fits=2, rounds=1),
]


@dataclass(frozen=True)
class Turn:
    """Seconds of every fit and of the search, and what autotrack counted as its own in a fit and in the search."""

    fits: list[float]
    search: float
    own_seconds: float
    own_seconds_of_search: float

    @property
    def fit(self) -> float:
        """Seconds of a fit."""
        return tables.median(self.fits)


Turns = dict[Contender, dict[tuple[int, int], Turn]]
"""By contender, and by process and round."""


def measure(folder: Path, *, quick: bool = False) -> str:
    """Let them take turns, in another order each round; return the tables."""
    if not peers.is_installed("sklearn"):
        return "### A fit of scikit-learn\n\nscikit-learn is not installed here, and this part is left out."
    here = [contender for contender in CONTENDERS if peers.is_installed(contender.needs)]
    absent = [contender.name for contender in CONTENDERS if contender not in here]
    found: Turns = {contender: {} for contender in here}
    dice = random.Random(0)
    for process in range(1 if quick else PROCESSES):
        with ExitStack() as stack:
            folders = {one: folder / f"{here.index(one)}-{process}" for one in here}
            players = {one: stack.enter_context(_playing(one, folders[one])) for one in here}
            for number in range(1 if quick else ROUNDS):
                playing = [one for one in here if number < one.rounds]
                for one in dice.sample(playing, k=len(playing)):
                    found[one][process, number] = _take_turn(players[one], fits=2 if quick else one.fits)
    kept = _kept_candidates(folder, here.index(OURS))
    title = f"### A LogisticRegression, and a grid of {CANDIDATES} candidates in 3 folds"
    return "\n\n".join(filter(None, [title, _table(found), _about_ours(found, kept), tables.left_out(absent)]))


@contextmanager
def _playing(contender: Contender, folder: Path) -> Iterator[subprocess.Popen[str]]:
    folder.mkdir(parents=True)
    environment = {**os.environ, **peers.environment(folder), "OMP_NUM_THREADS": "1", "AUTOTRACK_TO": str(folder)}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    command = [sys.executable, "-m", "tests.benchmarks.sklearn_fit", contender.code]
    with (folder / "stderr").open("w") as said:
        player = subprocess.Popen(
            command, cwd=folder, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said
        )
        with player:
            yield player  # the end of its stdin tells it to go


def _take_turn(player: "subprocess.Popen[str]", *, fits: int) -> Turn:
    assert player.stdin is not None
    assert player.stdout is not None
    print(fits, file=player.stdin, flush=True)
    for line in player.stdout:
        if line.startswith("{"):
            return Turn(**json.loads(line))
    raise RuntimeError(f"{player.args!r} ended with {player.wait()}")


def _play(code: str) -> None:
    """Fit and search in this process, with somebody looking on, whenever a line on stdin says how many fits."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.preprocessing import scale

    from autotrack.training.hooks.overhead import overhead

    features, target = load_breast_cancer(return_X_y=True)
    features = scale(features)
    grid = {"C": [10 ** (power / 10) for power in range(-15, 15)], "class_weight": [None, "balanced"]}
    exec(code, {})
    LogisticRegression().fit(features, target)  # imports, schemas and caches
    for line in sys.stdin:
        seconds, owns = [], [overhead.seconds()]
        for _ in range(int(line)):
            began = perf_counter()
            LogisticRegression().fit(features, target)
            seconds.append(perf_counter() - began)
        owns.append(overhead.seconds())
        sleep(PAUSE_SECONDS)
        search = GridSearchCV(LogisticRegression(max_iter=300), grid, cv=3)
        began = perf_counter()
        search.fit(features, target)
        searched = perf_counter() - began
        owns.append(overhead.seconds())
        turn = {"fits": seconds, "search": searched, "own_seconds": (owns[1] - owns[0]) / len(seconds)}
        sleep(PAUSE_SECONDS)
        print(json.dumps({**turn, "own_seconds_of_search": owns[2] - owns[1]}), flush=True)


def _kept_candidates(folder: Path, ours: int) -> int:
    import autotrack

    runs = autotrack.runs(folder / f"{ours}-0").where("tags.estimator == 'sklearn.model_selection.GridSearchCV'")
    return len(runs[0].trials)


def _table(found: Turns) -> str:
    rows = []
    for contender, turns in found.items():
        fit, search = (tables.median([getattr(turn, what) for turn in turns.values()]) for what in ("fit", "search"))
        more = "" if contender is NONE else f"{_more_a_fit(found, contender) * 1000:.1f}"
        compared = "" if contender is NONE else f"{_more_a_search(found, contender):+.1%}"
        rows.append([contender.name, f"{fit * 1000:.1f}", more, f"{search:.2f}", compared])
    return tables.table(["looking on", "ms a fit", "ms more", "s a grid", "more"], rows)


def _more_a_fit(found: Turns, contender: Contender) -> float:
    """Seconds more than nobody takes in the same round."""
    return tables.median([turn.fit - found[NONE][number].fit for number, turn in found[contender].items()])


def _more_a_search(found: Turns, contender: Contender) -> float:
    """The share that it takes more than nobody in the same round."""
    return tables.median([turn.search / found[NONE][number].search for number, turn in found[contender].items()]) - 1


def _about_ours(found: Turns, kept: int) -> str:
    more, share = _more_a_fit(found, OURS) * 1000, _more_a_search(found, OURS)
    own = tables.median([turn.own_seconds for turn in found[OURS].values()]) * 1000
    own_share = tables.median([turn.own_seconds_of_search / turn.search for turn in found[OURS].values()])
    return "\n".join(
        [
            tables.goal("Goal: under 5 ms more a fit, start and finish of the run included",
                        f"{more:.1f} ms, {own:.1f} ms by its own count", met=more < 5),
            tables.goal(f"Goal: under 2 % more for the grid, with all {CANDIDATES} candidates kept",
                        f"{share:+.1%}, {own_share:.1%} by its own count, with {kept}",
                        met=share < 0.02 and kept == CANDIDATES),
        ]
    )  # fmt: skip


if __name__ == "__main__":
    _play(sys.argv[1])
