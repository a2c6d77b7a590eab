"""The same without autolog: give the Trainer a callback, and say a word about the run."""

import torch
from lightning.pytorch import LightningModule, Trainer
from sklearn.datasets import load_wine
from sklearn.preprocessing import scale
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

from autotrack_lightning import AutotrackCallback


class WineNet(LightningModule):
    def __init__(self, width: int = 32, lr: float = 1e-2) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(nn.Linear(13, width), nn.ReLU(), nn.Linear(width, 3))

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        features, labels = batch
        loss = nn.functional.cross_entropy(self.net(features), labels)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: list[torch.Tensor], _: int) -> None:
        features, labels = batch
        self.log("val_acc", (self.net(features).argmax(dim=1) == labels).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=self.hparams["lr"])


if __name__ == "__main__":
    wine = load_wine()
    features = torch.tensor(scale(wine.data), dtype=torch.float32)
    train, validate = random_split(TensorDataset(features, torch.tensor(wine.target)), [0.8, 0.2])
    callback = AutotrackCallback(experiment="wine", tags={"why": "smallest net that works"})
    trainer = Trainer(max_epochs=10, accelerator="cpu", callbacks=[callback], log_every_n_steps=1)
    trainer.fit(WineNet(), DataLoader(train, batch_size=16, shuffle=True), DataLoader(validate, batch_size=36))
    print(f"recorded in {callback.run.folder}" if callback.run else "nothing was recorded")
