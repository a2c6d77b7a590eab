"""What it costs to keep a model: with autotrack, by hand, and with MLflow's autolog, in time and in bytes.

By hand, the model is only saved, as its framework does that. What autotrack keeps besides (a signature, an example of
an input, requirements, code) is to cost a fit under 5 ms more; the process beside training writes most of it.
"""

import json
import os
import random
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

from tests.benchmarks import peers, tables

ROUNDS, FITS = 4, 6
PAUSE_SECONDS = 0.5
"""After each fit, for what a contender still does beside it."""

_MLFLOW = (
    "import mlflow; mlflow.set_experiment('benchmark'); mlflow.{flavor}.autolog(log_models={models}, silent=True)"
)


@dataclass(frozen=True)
class Contender:
    """Who keeps a model: what is executed before fit number `{number}`, and whether the model is saved after it."""

    name: str
    code: str = ""
    saves: bool = False
    needs: str = ""
    fits: int = FITS
    rounds: int = ROUNDS


NONE = Contender("nobody")
BY_HAND = Contender("saved by hand", saves=True)
LEAN = Contender("autotrack, no model", "autotrack.autolog(experiment='fit {number}', checkpoints=False)")
OURS = Contender("autotrack", "autotrack.autolog(experiment='fit {number}')")
"""Each fit has an experiment of its own, because of many short runs in one less is kept."""

CONTENDERS = [
    NONE,
    Contender("nobody, once more"),
    BY_HAND,
    LEAN,
    OURS,
    Contender("MLflow autolog, no models", _MLFLOW.replace("{models}", "False"), needs="mlflow", fits=2, rounds=2),
    Contender("MLflow autolog", _MLFLOW.replace("{models}", "True"), needs="mlflow", fits=2, rounds=2),
]

FRAMEWORKS = {"sklearn": "sklearn", "keras": "keras torch", "lightning": "lightning torch"}
"""What is trained with, and what has to be installed for it."""


@dataclass(frozen=True)
class Turn:
    """Medians of the fits in one process: seconds, those of subprocesses that were waited for, bytes of the model."""

    seconds: float
    children_seconds: float
    model_bytes: int


def measure(folder: Path, *, quick: bool = False) -> str:
    """Let them take turns, for each framework; return the tables."""
    here = {name: needs for name, needs in FRAMEWORKS.items() if peers.is_installed(needs)}
    parts = [_measure(framework, folder / framework, quick=quick) for framework in here]
    absent = [contender.name for contender in CONTENDERS if not peers.is_installed(contender.needs)]
    missing = [name for name in FRAMEWORKS if name not in here]
    return "\n\n".join(filter(None, ["### Keeping a model", *parts, tables.left_out([*absent, *missing])]))


def _measure(framework: str, folder: Path, *, quick: bool) -> str:
    here = [contender for contender in CONTENDERS if peers.is_installed(contender.needs)]
    found: dict[Contender, list[Turn]] = {contender: [] for contender in here}
    dice = random.Random(0)
    for number in range(1 if quick else ROUNDS):
        playing = [one for one in here if number < one.rounds]
        for one in dice.sample(playing, k=len(playing)):
            place = folder / f"{here.index(one)}-{number}"
            found[one].append(_take_turn(framework, one, place, fits=2 if quick else one.fits))
    return f"{_table(framework, found)}\n\n{_about_ours(found)}"


def _take_turn(framework: str, contender: Contender, folder: Path, *, fits: int) -> Turn:
    folder.mkdir(parents=True)
    environment = {
        **os.environ, **peers.environment(folder), "OMP_NUM_THREADS": "1", "KERAS_BACKEND": "torch",
        "AUTOTRACK_TO": str(folder / "runs"),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")])),
    }  # fmt: skip
    code = contender.code.replace("{flavor}", {"lightning": "pytorch"}.get(framework, framework))
    command = [
        sys.executable, "-W", "ignore", "-m", "tests.benchmarks.kept_models", framework, code, str(fits),
        str(int(contender.saves)),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        raise RuntimeError(f"{contender.name} with {framework} ended with {done.returncode}: {done.stderr[-2000:]}")
    return Turn(**json.loads(lines[-1]))


def _play(framework: str, code: str, fits: int, *, saves: bool) -> Turn:
    """Fit several times in this process, after a fit for imports and caches."""
    import autotrack

    prepare, save = _TRAININGS[framework]()
    seconds, children = list[float](), list[float]()
    for number in range(fits + 1):
        exec(code.replace("{number}", str(number)), {"autotrack": autotrack})
        fit = prepare()
        before, began = _seconds_of_children(), perf_counter()
        model = fit()
        if saves:
            save(model, Path(f"saved-{number}"))
        seconds.append(perf_counter() - began)
        children.append(_seconds_of_children() - before)
        sleep(PAUSE_SECONDS)
    return Turn(tables.median(seconds[1:]), tables.median(children[1:]), max(_model_sizes(), default=0))


def _seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _model_sizes() -> Iterator[int]:
    """Yield how many bytes the folder of each model has that was kept below this one, or the file that was saved."""
    for described in Path().rglob("MLmodel"):
        with suppress(FileNotFoundError):  # MLflow removes what it writes temporarily
            yield sum(path.stat().st_size for path in described.parent.rglob("*") if path.is_file())
    yield from (path.stat().st_size for path in Path().glob("saved-*"))


_Training = tuple[Callable[[], Callable[[], Any]], Callable[[Any, Path], object]]
"""What makes a model ready to be fitted, and what saves it."""


def _sklearn() -> _Training:
    import joblib
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import scale

    features, target = load_breast_cancer(return_X_y=True)
    features = scale(features)
    return lambda: lambda: LogisticRegression().fit(features, target), joblib.dump


def _keras() -> _Training:
    import keras
    import numpy as np

    x = np.random.default_rng(0).normal(size=(640, 64)).astype("float32")

    def prepare() -> Callable[[], Any]:
        layers = [keras.Input((64,)), keras.layers.Dense(128, "relu"), keras.layers.Dense(1)]
        model = keras.Sequential(layers)
        model.compile("adam", "mse")
        return lambda: (model, model.fit(x, x[:, :1], epochs=2, verbose=0))[0]

    return prepare, lambda model, path: (model.save(f"{path}.keras"), Path(f"{path}.keras").rename(path))


def _lightning() -> _Training:
    import cloudpickle
    import torch
    from lightning.pytorch import LightningModule, Trainer

    class Net(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.layers = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.ReLU(), torch.nn.Linear(128, 1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            made: torch.Tensor = self.layers(x)
            return made

        def training_step(self, batch: list[torch.Tensor], _index: int) -> torch.Tensor:
            return self(batch[0]).pow(2).mean()  # type: ignore[no-any-return]

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters())

    torch.set_num_threads(1)
    data: Any = torch.utils.data.TensorDataset(torch.randn(640, 64))

    def prepare() -> Callable[[], Any]:
        module, loader = Net(), torch.utils.data.DataLoader(data, batch_size=32)
        trainer = Trainer(
            max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False,
        )  # fmt: skip

        def train() -> Any:
            trainer.fit(module, loader)
            return module

        return train

    return prepare, lambda module, path: torch.save(module, path, pickle_module=cloudpickle)


_TRAININGS = {"sklearn": _sklearn, "keras": _keras, "lightning": _lightning}


def _table(framework: str, found: dict[Contender, list[Turn]]) -> str:
    rows = []
    for contender, turns in found.items():
        milliseconds = tables.median([turn.seconds for turn in turns]) * 1000
        more = "" if contender is NONE else f"{_more(found, contender) * 1000:.1f}"
        children = tables.median([turn.children_seconds for turn in turns])
        size = max(turn.model_bytes for turn in turns) / 1000
        rows.append([contender.name, f"{milliseconds:.1f}", more, f"{children:.1f}", f"{size:.1f}" if size else ""])
    header = [framework, "ms a fit", "ms more", "s of subprocesses waited for", "kB of the model"]
    return tables.table(header, rows)


def _more(found: dict[Contender, list[Turn]], contender: Contender, than: Contender = NONE) -> float:
    """Seconds that a fit takes more than another contender's in the same round."""
    return tables.median(
        [one.seconds - other.seconds for one, other in zip(found[contender], found[than], strict=False)]
    )


def _about_ours(found: dict[Contender, list[Turn]]) -> str:
    milliseconds = (_more(found, OURS, LEAN) - _more(found, BY_HAND)) * 1000
    goal = "Goal: under 5 ms a fit for the model, beyond what it takes to save it by hand"
    return tables.goal(goal, f"{milliseconds:.1f} ms", met=milliseconds < 5)


if __name__ == "__main__":
    print(json.dumps(vars(_play(sys.argv[1], sys.argv[2], int(sys.argv[3]), saves=sys.argv[4] == "1"))), flush=True)
