"""Trains models of Lightning: `python lightning_models.py FOLDER NAME…`."""
# ruff: noqa: N806  features are called X; the names say what is trained

from collections.abc import Callable
from typing import Any

import torch
from common import Trained, main  # type: ignore[import-not-found]
from lightning.pytorch import LightningModule, Trainer
from parts import net, nets, points, predicting  # type: ignore[import-not-found]
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def _lightning(inner: Any, pack: Callable[[Any], Any] = lambda x: x) -> Any:
    class Module(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = inner

        def forward(self, x: Any) -> Any:
            return self.net(x)

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            made = self(pack(batch[0]))
            return (made[0] if isinstance(made, tuple) else made).pow(2).mean()

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    data = DataLoader(TensorDataset(*map(torch.from_numpy, points())), batch_size=20)
    module = Module()
    Trainer(max_epochs=1, accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False).fit(
        module, data
    )
    return module


def lightning_of_the_script() -> Trained:
    return predicting(_lightning(net())), points()[0]


def lightning_of_other_files() -> Trained:
    return predicting(_lightning(nets().Net())), points()[0]


class OfParts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = net()

    def forward(self, parts: Any) -> Any:
        left, right = parts.values() if isinstance(parts, dict) else parts
        made = self.net(torch.cat([left, right], 1))
        return made if isinstance(parts, dict) else (made, left.sum(1))


def lightning_of_dicts() -> Trained:
    X = points()[0]
    module = _lightning(OfParts(), lambda x: {"left": x[:, :2], "right": x[:, 2:]})
    return predicting(module), {"left": X[:, :2].copy(), "right": X[:, 2:].copy()}


def lightning_of_tuples() -> Trained:
    X = points()[0]
    return predicting(_lightning(OfParts(), lambda x: (x[:, :2], x[:, 2:]))), (X[:, :2].copy(), X[:, 2:].copy())


if __name__ == "__main__":
    main(globals())
