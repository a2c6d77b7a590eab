"""What a fit and a search of scikit-learn take with autotrack and with MLflow's autolog, beside the same alone."""

import json
import os
import random
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter, sleep

from tests.benchmarks import peers, tables

ROUNDS = 5
FITS = 50
SEARCHES = 15
CANDIDATES = 60

_MLFLOW = "import mlflow; mlflow.set_experiment('benchmark'); mlflow.sklearn.autolog({arguments}, silent=True)"
_LEANEST = "log_models=False, log_post_training_metrics=False, log_datasets=False, log_model_signatures=False"


@dataclass(frozen=True)
class Contender:
    """Who looks on: what it takes to switch it on, and what of it can be waited for in a round."""

    name: str
    code: str = ""
    needs: str = "sklearn"
    fits: int = FITS // ROUNDS
    searches: int = SEARCHES // ROUNDS


NONE = Contender("nobody")
OURS = Contender("autotrack", "import autotrack; autotrack.autolog(frameworks='sklearn')")
CONTENDERS = [
    NONE,
    Contender("nobody, once more"),
    OURS,
    Contender(
        "autotrack, no model kept", "import autotrack; autotrack.autolog(frameworks='sklearn', checkpoints=False)"
    ),
    Contender("MLflow autolog", _MLFLOW.format(arguments="log_models=True"), "mlflow", fits=2, searches=1),
    Contender("MLflow autolog, no models", _MLFLOW.format(arguments="log_models=False"), "mlflow", fits=2, searches=1),
    Contender("MLflow autolog, leanest", _MLFLOW.format(arguments=_LEANEST), "mlflow", fits=2, searches=1),
]


@dataclass(frozen=True)
class Measured:
    """Seconds of every fit and of every search, and autotrack's own in one."""

    fits: list[float]
    searches: list[float]
    own_seconds: float
    own_seconds_of_search: float


def measure(folder: Path, *, quick: bool = False) -> str:
    """Measure in processes of their own, in another order each round; return the tables."""
    if not peers.is_installed("sklearn"):
        return "### A fit of scikit-learn\n\nscikit-learn is not installed here, and this part is left out."
    here = [contender for contender in CONTENDERS if peers.is_installed(contender.needs)]
    absent = [contender.name for contender in CONTENDERS if contender not in here]
    found: dict[Contender, list[Measured]] = {contender: [] for contender in here}
    dice = random.Random(0)
    for number in range(1 if quick else ROUNDS):
        for contender in dice.sample(here, k=len(here)):
            place = folder / f"{here.index(contender)}-{number}"
            fits, searches = (2, 1) if quick else (contender.fits, contender.searches)
            found[contender].append(_run(contender, place, fits=fits, searches=searches))
    kept = _kept_candidates(folder, here.index(OURS))
    title = f"### A LogisticRegression, and a grid of {CANDIDATES} candidates in 3 folds"
    return "\n\n".join(filter(None, [title, _table(found), _about_ours(found, kept), tables.left_out(absent)]))


def _run(contender: Contender, folder: Path, *, fits: int, searches: int) -> Measured:
    folder.mkdir(parents=True)
    environment = {**os.environ, **peers.environment(folder), "OMP_NUM_THREADS": "1", "AUTOTRACK_TO": str(folder)}
    command = [sys.executable, "-m", "tests.benchmarks.sklearn_fit", contender.code, str(fits), str(searches)]
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{contender.name} failed: {done.stderr[-2000:]}")
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def _train(code: str, fits: int, searches: int) -> Measured:
    """Fit and search in this process, with somebody looking on."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.preprocessing import scale

    from autotrack import meter

    features, target = load_breast_cancer(return_X_y=True)
    features = scale(features)
    exec(code, {})
    LogisticRegression().fit(features, target)  # imports, schemas and caches
    sleep(2)  # a sidecar has to start
    own, seconds = meter.seconds(), []
    for _ in range(fits):
        began = perf_counter()
        LogisticRegression().fit(features, target)
        seconds.append(perf_counter() - began)
    own = (meter.seconds() - own) / fits
    grid = {"C": [10 ** (power / 10) for power in range(-15, 15)], "class_weight": [None, "balanced"]}
    before, seconds_of_searches = meter.seconds(), []
    for _ in range(searches):
        search = GridSearchCV(LogisticRegression(max_iter=300), grid, cv=3)
        began = perf_counter()
        search.fit(features, target)
        seconds_of_searches.append(perf_counter() - began)
    return Measured(seconds, seconds_of_searches, own, (meter.seconds() - before) / searches)


def _kept_candidates(folder: Path, ours: int) -> int:
    import autotrack

    runs = autotrack.runs(folder / f"{ours}-0").where("tags.estimator == 'sklearn.model_selection.GridSearchCV'")
    return len(runs[0].trials)


def _table(found: dict[Contender, list[Measured]]) -> str:
    rows = []
    alone = _fit(found[NONE])
    for contender, rounds in found.items():
        more = "" if contender is NONE else f"{(_fit(rounds) - alone) * 1000:.1f}"
        compared = "" if contender is NONE else f"{_search(rounds) / _search(found[NONE]) - 1:+.1%}"
        rows.append([contender.name, f"{_fit(rounds) * 1000:.1f}", more, f"{_search(rounds):.2f}", compared])
    return tables.table(["looking on", "ms a fit", "ms more", "s a grid", "more"], rows)


def _fit(rounds: list[Measured]) -> float:
    return tables.median([seconds for one in rounds for seconds in one.fits])


def _search(rounds: list[Measured]) -> float:
    return tables.median([seconds for one in rounds for seconds in one.searches])


def _about_ours(found: dict[Contender, list[Measured]], kept: int) -> str:
    more = (_fit(found[OURS]) - _fit(found[NONE])) * 1000
    own = tables.median([one.own_seconds for one in found[OURS]]) * 1000
    share = _search(found[OURS]) / _search(found[NONE]) - 1
    own_share = tables.median([one.own_seconds_of_search / tables.median(one.searches) for one in found[OURS]])
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
    measured = _train(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    print(json.dumps(asdict(measured)))
