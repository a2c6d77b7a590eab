"""Train a small convolutional net on the digits of scikit-learn. One line of it is about tracking."""

import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

import autotrack

autotrack.autolog(experiment="digits")


class DigitsNet(LightningModule):
    def __init__(self, channels: int = 16, dropout: float = 0.2, lr: float = 3e-3) -> None:
        super().__init__()
        self.lr = lr
        self.net = nn.Sequential(
            nn.Conv2d(1, channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(channels, 2 * channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Dropout(dropout), nn.Linear(2 * channels * 4, 10),
        )  # fmt: skip

    def _step(self, stage: str, batch: list[torch.Tensor]) -> torch.Tensor:
        images, labels = batch
        scores = self.net(images)
        loss = nn.functional.cross_entropy(scores, labels)
        self.log(f"{stage}_loss", loss)
        self.log(f"{stage}_acc", (scores.argmax(dim=1) == labels).float().mean())
        return loss

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        return self._step("train", batch)

    def validation_step(self, batch: list[torch.Tensor], _: int) -> None:
        self._step("val", batch)

    def test_step(self, batch: list[torch.Tensor], _: int) -> None:
        self._step("test", batch)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.lr)


if __name__ == "__main__":
    seed_everything(7, verbose=False)
    torch.set_num_threads(1)  # the net is too small for more to help
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    data = TensorDataset(images, torch.tensor(digits.target))
    train, validate, test = random_split(data, [0.7, 0.15, 0.15])
    callbacks = [
        EarlyStopping("val_loss", min_delta=0.005, patience=3),
        ModelCheckpoint(monitor="val_loss", save_last=True),
    ]
    trainer = Trainer(max_epochs=20, accelerator="cpu", callbacks=callbacks, log_every_n_steps=5)
    model = DigitsNet()
    trainer.fit(model, DataLoader(train, batch_size=32, shuffle=True), DataLoader(validate, batch_size=256))
    trainer.test(model, DataLoader(test, batch_size=256), ckpt_path="best", verbose=False)
