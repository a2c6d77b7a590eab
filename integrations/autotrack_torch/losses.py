"""The values that `backward` is called on."""

import re
import sys
import weakref
from collections.abc import Callable, Generator
from types import CodeType
from typing import Any

import torch

from autotrack.integrations import Outcome, guarded
from autotrack_torch.capturing import is_capturing
from autotrack_torch.compiling import not_compiled
from autotrack_torch.elsewhere import is_run_of_another
from autotrack_torch.frames.reading import innermost_of_user
from autotrack_torch.gradients import note_scaler
from autotrack_torch.spread import is_spread
from autotrack_torch.watch import watch

Site = tuple[int, int]
"""A place in the user's code: the identity of a code object, and the number of an instruction in it."""


class Backward:
    """The calls of `backward` at one place since the last step."""

    __slots__ = ("calls", "code", "first", "total")

    def __init__(self, value: Any, code: CodeType | None) -> None:
        self.first = self.total = value
        self.calls = 1
        self.code = code

    def add(self, value: Any, *, calls: int = 1) -> None:
        """Add the value of another call, or several: what the step follows is the gradient of the sum."""
        self.total = self.total + value
        self.calls += calls


def wrap_engine(original: Callable[..., Any], guard: Any) -> Callable[..., Any]:
    """Wrap what both `Tensor.backward` and `torch.autograd.backward` call, and `torch.autograd.grad` as well.

    So neither of them is replaced: TorchScript knows them by identity, and the compiler by name.
    """

    def run_backward(tensors: Any, *args: Any, **kwargs: Any) -> Any:
        is_to_note = guard.is_on and kwargs.get("accumulate_grad") and len(tensors) <= _MOST_AT_ONCE
        if is_to_note:
            note(tensors)
        return original(tensors, *args, **kwargs)

    return not_compiled(run_backward, with_calls=False)


def wrap_backward(original: Callable[..., Any], guard: Any) -> Callable[..., Any]:
    """Wrap `torch.autograd.backward`, which `Tensor.backward` calls."""

    def backward(tensors: Any, *args: Any, **kwargs: Any) -> Any:
        given = (tensors,) if isinstance(tensors, torch.Tensor) else tensors
        is_to_note = guard.is_on and isinstance(given, (tuple, list)) and len(given) <= _MOST_AT_ONCE
        if is_to_note:
            note(given)
        return original(tensors, *args, **kwargs)

    return not_compiled(backward, with_calls=False)


_MOST_AT_ONCE = 8
_CALLER = 3
"""How far what was called to go backward is from `note`, with what guards that and the wrapper in between."""


@not_compiled
@guarded
def note(tensors: Any) -> None:
    """Keep the values of losses until the next step."""
    follow, loop = watch.after_backward, watch.loop
    usual = None if loop is None or follow is not None else loop.usual_step
    if usual is not None and usual.note_loss(tensors, _CALLER + 1):
        return
    if is_run_of_another():
        return
    if follow is not None and watch.losses:  # of the step that was compiled just now
        follow(next(reversed(watch.losses)), None, is_over=True)
    caller = sys._getframe(_CALLER)
    frame = innermost_of_user(caller)
    code, place = (None, -1) if frame is None else (frame.f_code, frame.f_lasti)
    for index, loss in enumerate(tensors):
        value = _value(loss)
        if value is None:
            continue
        site = (id(code), place if not index else -index * 2**20 - place)
        known = watch.losses.get(site)
        if known is None:
            watch.losses[site] = Backward(value, code)
            if site not in watch.functions:
                watch.functions[site] = function_of(loss)
        else:
            known.add(value)
        if follow is not None:
            follow(site, loss, is_over=False)
    if usual is not None:
        usual.note_caller(caller, frame)


def _value(loss: Any) -> Any:
    """Return the value of a loss, as it is on the device if that is CUDA; None if it cannot be had without waiting."""
    scaled = watch.scaled
    if scaled is not None and scaled[0]() is loss:
        loss, watch.scaled = scaled[1], None
    if loss.__class__ is not torch.Tensor and is_spread(loss):
        return None
    try:
        if loss.is_cpu:
            return loss.item()
        if loss.is_cuda and loss.numel() == 1 and not is_capturing():
            return loss.detach().reshape(())
    except (AttributeError, RuntimeError):  # an edge of the graph, or a tensor with several numbers or none
        return None
    return None


def function_of(loss: Any) -> str | None:
    """Return the name of the function that made a loss, as the graph has it; None if that is no loss function."""
    name = type(loss.grad_fn).__name__
    found = re.fullmatch(r"(\w*?(?:Loss|BinaryCrossEntropy|KlDiv|Huber)\w*?)(2D|ND)?Backward\d*", name)
    return found[1] if found else None


def scale(scaler: Any, outputs: Any = None, *_: Any, **__: Any) -> Generator[None, Outcome, None]:
    """Hook around `GradScaler.scale`: remember what the scaled loss was before."""
    outcome = yield
    note_scaler(scaler)
    if isinstance(outputs, torch.Tensor) and isinstance(outcome.result, torch.Tensor):
        watch.scaled = (weakref.ref(outcome.result), outputs.detach())
