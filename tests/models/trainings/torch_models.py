"""Trains models of PyTorch, by loops: `python torch_models.py FOLDER NAME…`."""
# ruff: noqa: N806  features are called X; the names say what is trained

from collections.abc import Callable
from typing import Any

import torch
from common import Trained, main  # type: ignore[import-not-found]
from parts import net, nets, points, predicting  # type: ignore[import-not-found]
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def _loop(model: Any, step: Callable[[Any], Any]) -> None:
    """Train by hand; `step` returns the loss of a batch of points and classes."""
    X, y = map(torch.from_numpy, points())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _epoch in range(2):
        for batch in DataLoader(TensorDataset(X, y), batch_size=20):
            optimizer.zero_grad()
            step(batch).backward()
            optimizer.step()


def torch_of_layers() -> Trained:
    model = net()
    _loop(model, lambda batch: model(batch[0]).pow(2).mean())
    return predicting(model), points()[0]


def torch_of_the_script() -> Trained:
    class Doubled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net()

        def forward(self, x: Any) -> Any:
            return 2 * self.net(x)

    model = Doubled()
    _loop(model, lambda batch: model(batch[0]).pow(2).mean())
    return predicting(model), points()[0]


def torch_of_other_files() -> Trained:
    model = nets().Net()
    _loop(model, lambda batch: model(batch[0]).pow(2).mean())
    return predicting(model), points()[0]


def torch_scripted() -> Trained:
    script: Any = torch.jit.script
    model = script(net())
    _loop(model, lambda batch: model(batch[0]).pow(2).mean())
    return predicting(model), points()[0]


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(2, 1), nn.Linear(2, 1)

    def forward(self, left: Any, right: Any, scale: Any = None) -> Any:
        made = self.left(left) + self.right(right)
        return {"sum": made if scale is None else made * scale, "left": self.left(left)}


def torch_with_two_inputs() -> Trained:
    model, X = Pair(), points()[0]
    _loop(model, lambda batch: model(batch[0][:, :2], right=batch[0][:, 2:])["sum"].pow(2).mean())
    return predicting(model, by_name=True), {"left": X[:, :2].copy(), "right": X[:, 2:].copy()}


def torch_of_tokens() -> Trained:
    class Tagger(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.memory = nn.Embedding(10, 4), nn.LSTM(4, 3, batch_first=True)

        def forward(self, tokens: Any) -> Any:
            return self.memory(self.words(tokens))[0]

    model, X = Tagger(), (abs(points()[0]) * 3).astype("int64") % 10
    _loop(model, lambda batch: model((batch[0].abs() * 3).long() % 10).pow(2).mean())
    return predicting(model), X


if __name__ == "__main__":
    main(globals())
