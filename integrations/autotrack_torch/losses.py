"""The values that `backward` is called on."""

import threading
from collections.abc import Callable
from typing import Any

import torch

from autotrack.integrations import guarded


class _Losses(threading.local):
    """The losses of this thread since the last step."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}


_losses = _Losses()


def wrap_engine(original: Callable[..., Any], guard: Any) -> Callable[..., Any]:
    """Wrap what both `Tensor.backward` and `torch.autograd.backward` call, and `torch.autograd.grad` as well."""

    def run_backward(tensors: Any, *args: Any, **kwargs: Any) -> Any:
        if guard.is_on and kwargs.get("accumulate_grad"):
            note(tensors)
        return original(tensors, *args, **kwargs)

    return run_backward


@guarded
def note(tensors: Any) -> None:
    """Keep the value of a loss until the next step."""
    if len(tensors) == 1 and isinstance(loss := tensors[0], torch.Tensor) and loss.numel() == 1:
        _losses.values["loss"] = loss.detach() if loss.is_cuda else loss.item()


def take() -> dict[str, Any]:
    """Return the losses since the last step, and forget them."""
    taken, _losses.values = _losses.values, {}
    return taken
