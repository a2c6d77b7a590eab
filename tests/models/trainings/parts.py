"""What both kinds of models of PyTorch are made of."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from made_data import arrays  # type: ignore[import-not-found]
from torch import nn


def _tensors(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _tensors(part) for name, part in value.items()}
    return tuple(map(_tensors, value)) if isinstance(value, tuple) else torch.from_numpy(value)


def _arrays(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _arrays(part) for name, part in value.items()}
    return list(map(_arrays, value)) if isinstance(value, (tuple, list)) else value.numpy()


def predicting(model: Any, *, by_name: bool = False) -> Callable[[Any], Any]:
    def predict(data: Any) -> Any:
        with torch.no_grad():
            return _arrays(model.eval()(**_tensors(data)) if by_name else model.eval()(_tensors(data)))

    return predict


def points() -> tuple[Any, Any]:
    x, y = arrays()
    return x.astype("float32"), y.astype("float32")


def net() -> Any:
    return nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 1))


def nets() -> Any:
    here = Path(__file__).parent
    (here / "nets.py").write_text(NETS)
    (here / "net_parts.py").write_text(PARTS)
    import nets as own  # type: ignore[import-not-found]

    return own


NETS = """
import torch
from net_parts import Doubled


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(4, 3), Doubled(), torch.nn.Linear(3, 1))

    def forward(self, x):
        return self.layers(x)
"""

PARTS = """
import torch


class Doubled(torch.nn.Module):
    def forward(self, x):
        return 2 * x
"""
