"""The planted projects that take longer: frameworks, searches, several processes, and what is by chance."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.reproduce.planted import EARLY, MODEL, NUMBERS, QUICK, READ_DATA, TRAIN, Planted
from tests.reproduce.planted_others import OTHERS
from tests.support.repositories import put

NEARLY = TRAIN.replace('{"loss": loss}', '{"loss": loss * (1 + int.from_bytes(os.urandom(2)) * 1e-14)}').replace(
    "import random", "import os, random"
)

LIGHTNING = """
import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from torch.utils.data import DataLoader, TensorDataset
import autotrack
autotrack.autolog()
seed_everything(1)
class Line(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
    def training_step(self, batch, _):
        loss = torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1])
        self.log("train_loss", loss)
        return loss
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)
x = torch.linspace(-1, 1, 64).unsqueeze(1)
loader = DataLoader(TensorDataset(x, 3 * x), batch_size=8, shuffle=True)
Trainer(max_epochs=2, accelerator="cpu", logger=False, enable_progress_bar=False).fit(Line(), loader)
"""

KERAS = """
import keras, numpy
import autotrack
autotrack.autolog()
keras.utils.set_random_seed(1)
x = numpy.linspace(-1, 1, 64).reshape(-1, 1)
model = keras.Sequential([keras.layers.Dense(4, activation="relu"), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(x, 3 * x, epochs=3, verbose=0)
"""

SEARCH = """
import numpy
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
import autotrack
autotrack.autolog()
rng = numpy.random.default_rng(1)
x = rng.normal(size=(60, 3))
GridSearchCV(Ridge(), {"alpha": [0.1, 1.0, 10.0]}, cv=3).fit(x, x @ [1.0, 2.0, 3.0] + rng.normal(size=60))
"""

PROCESSES = """
from multiprocessing import get_context
import autotrack
def square(number):
    return number**2
if __name__ == "__main__":
    with autotrack.start_run() as run, get_context("spawn").Pool(2) as pool:
        for step, value in enumerate(pool.map(square, range(5))):
            run.log({"square": value}, step=step)
"""

CONFIG = """
import json, sys
from pathlib import Path
import autotrack
config = json.loads((Path(__file__).parent / "conf" / f"{sys.argv[1]}.json").read_text())
with autotrack.start_run(params=config) as run:
    run.log({"cost": config["lr"] * 2})
"""


def forget_the_data(root: Path) -> None:
    """Rename the folder of the data."""
    shutil.move(root / "data", root / "renamed")


MORE: Sequence[Planted] = (
    Planted(
        "noise far below the tolerance",
        "python train.py 3",
        committed={"train.py": NEARLY, "model.py": MODEL},
        verdict="same",
    ),
    Planted(
        "nothing is seeded, and other runs tell what seeds make of it",
        "python train.py",
        committed={"train.py": EARLY, "model.py": MODEL},
        runs=12,
        verdict="within_seeds",
        cause="seed",
    ),
    Planted(
        "the data was renamed",
        "python train.py",
        committed={"train.py": READ_DATA},
        files={"data/numbers.csv": NUMBERS},
        change=forget_the_data,
        verdict="different",
        cause="data",
    ),
    Planted(
        "no git, and the script is elsewhere than one stands",
        "python code/train.py 3",
        files={"code/train.py": TRAIN, "code/model.py": MODEL},
        change=lambda root: put(root, {"code/model.py": "raise SystemExit"}),
    ),
    Planted("a search of scikit-learn", "python train.py", committed={"train.py": SEARCH}),
    Planted("several processes", "python train.py", committed={"train.py": PROCESSES}),
    Planted(
        "a config that is named on the command line and not committed",
        "python train.py small",
        committed={"train.py": CONFIG},
        files={"conf/small.json": '{"lr": 0.5}'},
    ),
    Planted("Lightning", "python train.py", committed={"train.py": LIGHTNING}),
    Planted("Keras on torch", "python train.py", committed={"train.py": KERAS}, environ={"KERAS_BACKEND": "torch"}),
    Planted("Keras on JAX", "python train.py", committed={"train.py": KERAS}, environ={"KERAS_BACKEND": "jax"}),
)

ALL: Sequence[Planted] = (*QUICK, *MORE, *OTHERS)
