"""Small projects that train for real: one for each framework, with code, data, a config and a package beside it."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits, load_wine

FEATURES = """
import os
import numpy as np
import scalekit

SCALE = float(os.environ.get("FEATURE_SCALE", "1"))
KEEP = list

def prepare(x, noise):
    names = [f"column{index}" for index in range(x.shape[1])]
    order = [names.index(name) for name in KEEP(names)]
    x = scalekit.scale(x)[:, order] * SCALE
    return x + noise * np.sin(np.arange(x.size)).reshape(x.shape)
"""

UNUSED = '''
"""Draws pictures for a paper; no training imports it."""

WIDTH = 8
'''

SKLEARN = """
import argparse, json
import autotrack
autotrack.autolog()
import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
import features

parser = argparse.ArgumentParser()
parser.add_argument("--trees", type=int, default=20)
parser.add_argument("--depth", type=int, default=6)
parser.add_argument("--leaf", type=int, default=1)
parser.add_argument("--test-size", type=float, default=0.3)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--verbose", type=int, default=0)
args = parser.parse_args()
config = json.load(open("conf.json"))
rows = np.loadtxt("data.csv", delimiter=",")
x, y = features.prepare(rows[:, :-1], config["noise"]), rows[:, -1]
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=args.test_size, random_state=args.seed)
model = RandomForestClassifier(args.trees, max_depth=args.depth, min_samples_leaf=args.leaf, random_state=args.seed,
                               verbose=args.verbose)
model.fit(x_train, y_train)
print(log_loss(y_test, model.predict_proba(x_test)))
"""

TORCH = """
import argparse, json
import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset
import features

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--batch-size", type=int, default=64)
parser.add_argument("--weight-decay", type=float, default=0.0)
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--width", type=int, default=32)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--workers", type=int, default=0)
args = parser.parse_args()
if args.seed >= 0:
    torch.manual_seed(args.seed)
config = json.load(open("conf.json"))
rows = np.loadtxt("data.csv", delimiter=",", dtype=np.float32)
x = torch.tensor(features.prepare(rows[:, :-1], config["noise"]), dtype=torch.float32)
y = torch.tensor(rows[:, -1], dtype=torch.long)
train, test = TensorDataset(x[:500], y[:500]), TensorDataset(x[500:], y[500:])
model = torch.nn.Sequential(torch.nn.Linear(x.shape[1], args.width), torch.nn.ReLU(), torch.nn.Linear(args.width, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.5, weight_decay=args.weight_decay)
order = torch.Generator().manual_seed(7) if args.seed >= 0 else None
loader = DataLoader(train, batch_size=args.batch_size, shuffle=True, generator=order, num_workers=args.workers)
for epoch in range(args.epochs):
    for a, b in loader:
        loss = torch.nn.functional.cross_entropy(model(a), b)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        val_loss = torch.nn.functional.cross_entropy(model(test.tensors[0]), test.tensors[1])
    print(f"epoch {epoch} val_loss={val_loss.item():.6f}")
"""

NET = """
import torch
from lightning.pytorch import LightningModule

class Net(LightningModule):
    def __init__(self, inputs: int = 64, lr: float = 0.1, hidden: int = 32, dropout: float = 0.1):
        super().__init__()
        self.save_hyperparameters()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(inputs, hidden), torch.nn.ReLU(), torch.nn.Dropout(dropout), torch.nn.Linear(hidden, 10)
        )

    def loss(self, batch):
        return torch.nn.functional.cross_entropy(self.layers(batch[0]), batch[1])

    def training_step(self, batch, batch_idx):
        return self.loss(batch)

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", self.loss(batch))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.hparams.lr)
"""

LIGHTNING = """
import argparse, json
import autotrack
autotrack.autolog()
import numpy as np
import torch
from lightning.pytorch import Trainer, seed_everything
from torch.utils.data import DataLoader, TensorDataset
import features
from net import Net

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--hidden", type=int, default=32)
parser.add_argument("--dropout", type=float, default=0.1)
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--bar", action="store_true")
args = parser.parse_args()
seed_everything(args.seed)
config = json.load(open("conf.json"))
rows = np.loadtxt("data.csv", delimiter=",", dtype=np.float32)
x = torch.tensor(features.prepare(rows[:, :-1], config["noise"]), dtype=torch.float32)
y = torch.tensor(rows[:, -1], dtype=torch.long)
train = DataLoader(TensorDataset(x[:500], y[:500]), batch_size=50, shuffle=True)
validation = DataLoader(TensorDataset(x[500:], y[500:]), batch_size=100)
trainer = Trainer(max_epochs=args.epochs, accelerator="cpu", logger=False, enable_checkpointing=False,
                  enable_progress_bar=args.bar, enable_model_summary=False)
trainer.fit(Net(x.shape[1], args.lr, args.hidden, args.dropout), train, validation)
"""

KERAS = """
import argparse, json
import autotrack
autotrack.autolog()
import keras
import numpy as np
import features

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.05)
parser.add_argument("--optimizer", default="SGD")
parser.add_argument("--batch-size", type=int, default=64)
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--verbose", type=int, default=0)
args = parser.parse_args()
keras.utils.set_random_seed(args.seed)
config = json.load(open("conf.json"))
rows = np.loadtxt("data.csv", delimiter=",", dtype=np.float32)
x, y = features.prepare(rows[:, :-1], config["noise"]).astype("float32"), rows[:, -1]
model = keras.Sequential([keras.layers.Dense(32, activation="relu"), keras.layers.Dense(10, activation="softmax")])
optimizer = getattr(keras.optimizers, args.optimizer)(args.lr)
model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x[:500], y[:500], validation_data=(x[500:], y[500:]), batch_size=args.batch_size, epochs=args.epochs,
          verbose=args.verbose)
"""

SCRIPTS = {"sklearn": SKLEARN, "torch": TORCH, "lightning": LIGHTNING, "keras": KERAS}

PACKAGE = """
def scale(x):
    spread = x.std(axis=0)
    return (x - x.mean(axis=0)) / (spread + (spread == 0)) * {factor}
"""


def files_of(framework: str) -> dict[str, str]:
    """The files of a project, by path."""
    data = load_wine(return_X_y=True) if framework == "sklearn" else load_digits(return_X_y=True)
    rows = np.column_stack(data)
    if framework != "sklearn":
        rows = rows[:700]
    text = "\n".join(",".join(f"{value:g}" for value in row) for row in rows)
    files = {"train.py": SCRIPTS[framework], "features.py": FEATURES, "figures.py": UNUSED, "README.md": "# Digits\n",
             "data.csv": text + "\n", "conf.json": '{"noise": 0.0}\n', "other.json": "{}\n"}  # fmt: skip
    return {**files, "net.py": NET} if framework == "lightning" else files


def install(site: Path, name: str, version: str, code: str) -> None:
    """Put a package of one file where Python finds it, as an installer does."""
    for old in site.glob(f"{name}-*.dist-info"):
        for file in old.iterdir():
            file.unlink()
        old.rmdir()
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (folder / "RECORD").write_text(f"{name}.py,,\n")
    (site / f"{name}.py").write_text(code)
