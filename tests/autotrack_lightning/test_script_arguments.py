"""The arguments of a script that trains with Lightning are recorded beside what Lightning itself is given."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.support.recorded_scripts import Recorded, run_recorded

pytestmark = pytest.mark.slow

NET = """
import torch
from lightning.pytorch import LightningModule, Trainer

class Net(LightningModule):
    def __init__(self, width: int = 4, lr: float = 0.1, config=None):
        super().__init__()
        self.save_hyperparameters()
        self.lr = lr
        self.layer = torch.nn.Linear(1, 1)
    def training_step(self, batch, batch_idx):
        return self.layer(batch[0]).mean()
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.lr)
    def train_dataloader(self):
        return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(4, 1)), batch_size=2)

QUIET = dict(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
             enable_model_summary=False)
"""


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., Recorded]:
    return partial(run_recorded, tmp_path)


def test_what_lightning_cli_was_given_is_a_source_of_its_own(script: Callable[..., Recorded], tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("model: {width: 8}\n")
    found = script(
        NET
        + """
from lightning.pytorch.cli import LightningCLI
LightningCLI(Net, trainer_defaults=QUIET, save_config_callback=None)
""",
        "fit", "--config", "config.yaml", "--model.lr", "0.3", "--trainer.max_epochs", "1",
    )  # fmt: skip
    values, given, defaults = found.of("LightningCLI")
    assert values == {
        "subcommand": "fit", "config": ["config.yaml"], "model.width": 8, "model.lr": 0.3, "trainer.max_epochs": 1,
    }  # fmt: skip
    assert set(given) == set(values)
    assert (defaults["model.width"], defaults["model.lr"]) == (4, 0.1)
    [run] = found.runs
    assert (run.params["width"], run.params["lr"], run.params["max_epochs"]) == (8, 0.3, 1)
    assert "jsonargparse" not in run.params_by_source
    assert "argparse" not in run.params_by_source


def test_saved_hyperparameters_do_not_collide_with_arguments(script: Callable[..., Recorded]) -> None:
    found = script(
        NET
        + """
import argparse, dataclasses

@dataclasses.dataclass
class Config:
    depth: int = 2

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--width", type=int, default=4)
parser.add_argument("--model", default="small")
parser.add_argument("--max-epochs", type=int, default=1)
args = parser.parse_args()
trainer = Trainer(max_epochs=args.max_epochs, **QUIET)
trainer.fit(Net(args.width, args.lr / 2, Config()))
trainer.fit(Net(args.width, args.lr, Config()))
""",
        "--lr", "0.3",
    )  # fmt: skip
    first, second = found.runs
    assert (first.params["lr"], first.params["model.hparams.lr"]) == (0.3, 0.15)
    assert second.params["lr"] == 0.3
    assert "model.hparams.lr" not in second.params
    assert [run.params["config.depth"] for run in found.runs] == [2, 2]
    assert second.is_default("width")
    assert not second.is_default("lr")
    assert second.params["model"] == "small"
    assert second.params_by_source["model"]["model"] == "script.Net"
