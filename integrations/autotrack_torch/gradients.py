"""Gradient clipping and mixed precision: their settings, and the norm that clipping computes anyway."""

from collections.abc import Generator
from typing import Any

import torch

from autotrack.integrations import Outcome
from autotrack_torch.capturing import is_capturing
from autotrack_torch.compiling import is_compiling
from autotrack_torch.spread import is_spread
from autotrack_torch.watch import watch


def is_not_compiling(_args: object, _kwargs: object) -> bool:
    """Tell `Patch` that a hook is to be passed over where the compiler follows the call."""
    return not is_compiling()


def clip_with_norm(
    parameters: Any, max_norm: Any = None, total_norm: Any = None, *_: Any, **__: Any
) -> Generator[None, Outcome, None]:
    """Hook around the second half of `clip_grad_norm_`, to which the norm is given."""
    _note_norm(parameters, max_norm, total_norm)
    yield


def clip_norm(parameters: Any, max_norm: Any = None, *_: Any, **__: Any) -> Generator[None, Outcome, None]:
    """Hook around `clip_grad_norm_` where that is one function."""
    outcome = yield
    _note_norm(parameters, max_norm, outcome.result)


def _note_norm(parameters: Any, max_norm: Any, norm: Any) -> None:
    if is_capturing():  # there is no norm yet
        return
    if isinstance(norm, torch.Tensor) and norm.device.type in ("cpu", "cuda") and not is_spread(norm):
        clipped = parameters if isinstance(parameters, (list, tuple)) and parameters else [parameters]
        watch.gradient_norms[id(clipped[0]), id(clipped[-1])] = norm.detach() if norm.is_cuda else norm.item()
        watch.settings.setdefault("gradient_clip_val", max_norm)
        watch.settings.setdefault("gradient_clip_algorithm", "norm")


def clip_value(_parameters: Any, clip_value: Any = None, *_: Any, **__: Any) -> Generator[None, Outcome, None]:
    """Hook around `clip_grad_value_`."""
    watch.settings.setdefault("gradient_clip_val", clip_value)
    watch.settings.setdefault("gradient_clip_algorithm", "value")
    yield


def autocast(context: Any, *_: Any, **__: Any) -> Generator[None, Outcome, None]:
    """Hook around the start of a block under `autocast`."""
    if context._enabled:
        watch.settings["autocast"] = str(context.fast_dtype).removeprefix("torch.")
    yield


def note_scaler(scaler: Any) -> None:
    """Note that losses are scaled."""
    if "grad_scaler" not in watch.settings and scaler.is_enabled():
        watch.settings["grad_scaler"] = type(scaler).__name__


def has_losses(_args: object, _kwargs: object) -> bool:
    """Tell `Patch` whether `backward` was called since the last step."""
    return bool(watch.losses or watch.earlier)


def update(_scaler: Any, *_: Any, **__: Any) -> Generator[None, Outcome, None]:
    """Hook around `GradScaler.update` where a step should have followed losses: the scaler has left it out.

    It does so when gradients are infinite, and the next step follows none of them.
    """
    outcome = yield
    if outcome.error is None:
        watch.losses, watch.earlier, watch.gradient_norms = {}, {}, {}
