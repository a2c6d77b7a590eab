"""Train a small net on the digits of scikit-learn in a plain PyTorch loop that writes to TensorBoard itself.

One line of it is about tracking: what the writer gets is recorded as well, with everything around it.
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split
from torch.utils.tensorboard import SummaryWriter

import autotrack

autotrack.autolog(experiment="digits")


def accuracy(model: nn.Module, loader: DataLoader[tuple[torch.Tensor, ...]]) -> float:
    with torch.no_grad():
        right = sum(int((model(images).argmax(dim=1) == labels).sum()) for images, labels in loader)
    return right / len(loader.dataset)  # type: ignore[arg-type]  # torch does not say that a data set has a length


if __name__ == "__main__":
    torch.manual_seed(7)
    torch.set_num_threads(1)  # the net is too small for more to help
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    train, validate = random_split(TensorDataset(images, torch.tensor(digits.target)), [0.8, 0.2])
    batches = DataLoader(train, batch_size=32, shuffle=True)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    with SummaryWriter("tensorboard/plain") as writer:
        writer.add_images("digits", images[:16], 0)
        for epoch in range(10):
            for inputs, labels in batches:
                loss = nn.functional.cross_entropy(model(inputs), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            writer.add_scalar("train/loss", loss, epoch)
            writer.add_scalar("validate/accuracy", accuracy(model, DataLoader(validate, batch_size=256)), epoch)
            writer.add_histogram("weights/first", model[1].weight, epoch)
        final = accuracy(model, DataLoader(validate, batch_size=256))
        writer.add_hparams({"lr": 3e-3, "width": 32, "batch_size": 32}, {"final_accuracy": final})
