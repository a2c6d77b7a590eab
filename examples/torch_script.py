"""A script in plain PyTorch, without a line about tracking: autotrack run examples/torch_script.py --epochs 5"""

import argparse
from typing import Any

import torch
from sklearn.datasets import load_digits
from torch.nn import Linear, Module, ReLU, Sequential, functional
from torch.utils.data import DataLoader, TensorDataset, random_split
from tqdm import tqdm


def train(model: Module, loader: DataLoader[Any], optimizer: torch.optim.Optimizer) -> None:
    total = 0.0
    for images, labels in tqdm(loader):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"train loss: {total / len(loader):.4f}")


@torch.no_grad()
def validate(model: Module, loader: DataLoader[Any]) -> float:
    total, correct, seen = 0.0, 0, 0
    for images, labels in loader:
        scores = model(images)
        total += functional.cross_entropy(scores, labels).item()
        correct += int((scores.argmax(dim=1) == labels).sum())
        seen += len(labels)
    print(f"valid loss: {total / len(loader):.4f} / accuracy: {100 * correct / seen:.2f} %")
    return 100 * correct / seen


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--lr_init", type=float, default=1e-3)
    args = parser.parse_args()
    torch.manual_seed(7)
    digits = load_digits()
    data = TensorDataset(torch.tensor(digits.data, dtype=torch.float32) / 16, torch.tensor(digits.target))
    train_data, valid_data = random_split(data, [0.8, 0.2])
    train_loader = DataLoader(train_data, args.batch_size, shuffle=True, drop_last=True)
    valid_loader = DataLoader(valid_data, 2 * args.batch_size)
    model: Any = torch.jit.script(Sequential(Linear(64, 64), ReLU(), Linear(64, 10)))
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr_init)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, max(args.epochs // 4, 1), gamma=0.5)
    best = 0.0
    for epoch in range(args.epochs):
        print(f"Epoch {epoch + 1}/{args.epochs}, learning rate {optimizer.param_groups[0]['lr']:g}")
        train(model, train_loader, optimizer)
        accuracy = validate(model, valid_loader)
        scheduler.step()
        if accuracy > best:
            best = accuracy
            print(f"best accuracy: {best:.2f} %")
            torch.jit.save(model, "digits.pt")
