"""A small module and its data, also for scripts: importing this takes no more than Lightning itself."""

from typing import Any

import torch
from torch.utils.data import DataLoader, TensorDataset


def module_class(pl: Any) -> Any:
    """A module with everything that a training may have."""

    class Net(pl.LightningModule):  # type: ignore[misc]
        def __init__(self, width: int = 4, lr: float = 0.05, fail_at: int | None = None) -> None:
            super().__init__()
            self.lr = lr
            self.fail_at = fail_at
            self.layer = torch.nn.Linear(4, width)
            self.head = torch.nn.Linear(width, 1)

        def loss(self, batch: list[torch.Tensor]) -> torch.Tensor:
            return self.head(self.layer(batch[0])).pow(2).mean()  # type: ignore[no-any-return]

        def training_step(self, batch: list[torch.Tensor], batch_idx: int) -> torch.Tensor:
            if self.fail_at is not None and self.global_step >= self.fail_at:
                raise LookupError("planted")
            loss = self.loss(batch)
            self.log("loss", loss)
            return loss

        def validation_step(self, batch: list[torch.Tensor], batch_idx: int, dataloader_idx: int = 0) -> None:
            self.log("val_loss", self.loss(batch))

        def test_step(self, batch: list[torch.Tensor], batch_idx: int) -> None:
            self.log("test_loss", self.loss(batch))

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=self.lr)

    return Net


def make_loader(samples: int = 20, batch_size: int = 4, **options: Any) -> Any:
    data = torch.linspace(-1, 1, samples * 4).reshape(samples, 4)
    return DataLoader(TensorDataset(data), batch_size=batch_size, **options)
