"""The values that `backward` is called on, and their names."""

import ast
import linecache
import re
import sys
import weakref
from collections.abc import Callable, Generator
from types import CodeType, FrameType
from typing import Any

import torch

from autotrack.integrations import Outcome, guarded
from autotrack_torch.compiling import not_compiled
from autotrack_torch.elsewhere import is_run_of_another
from autotrack_torch.frames import innermost_of_user
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

    def add(self, value: Any) -> None:
        """Add the value of another call: what the step follows is the gradient of the sum."""
        self.total = self.total + value
        self.calls += 1


def wrap_engine(original: Callable[..., Any], guard: Any) -> Callable[..., Any]:
    """Wrap what both `Tensor.backward` and `torch.autograd.backward` call, and `torch.autograd.grad` as well.

    So neither of them is replaced: TorchScript knows them by identity, and the compiler by name.
    """

    def run_backward(tensors: Any, *args: Any, **kwargs: Any) -> Any:
        is_to_note = guard.is_on and kwargs.get("accumulate_grad") and len(tensors) <= _MOST_AT_ONCE
        if is_to_note and not is_run_of_another():
            note(tensors, sys._getframe(1))
        return original(tensors, *args, **kwargs)

    return not_compiled(run_backward, with_calls=False)


def wrap_backward(original: Callable[..., Any], guard: Any) -> Callable[..., Any]:
    """Wrap `torch.autograd.backward`, which `Tensor.backward` calls."""

    def backward(tensors: Any, *args: Any, **kwargs: Any) -> Any:
        given = (tensors,) if isinstance(tensors, torch.Tensor) else tensors
        is_to_note = guard.is_on and isinstance(given, (tuple, list)) and len(given) <= _MOST_AT_ONCE
        if is_to_note and not is_run_of_another():
            note(given, sys._getframe(1))
        return original(tensors, *args, **kwargs)

    return not_compiled(backward, with_calls=False)


_MOST_AT_ONCE = 8


@not_compiled
@guarded
def note(tensors: Any, frame: FrameType | None) -> None:
    """Keep the values of losses until the next step."""
    frame = innermost_of_user(frame)
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
        if loss.is_cuda and loss.numel() == 1 and not torch.cuda.is_current_stream_capturing():
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


class LossNames:
    """Names for the losses of one loop. A single one is `loss`, several are told apart by their variables."""

    def __init__(self) -> None:
        self._names: dict[Site, str] = {}
        self._codes: list[CodeType | None] = []  # kept, so that their identities stay their own
        self._variables: dict[str, str | None] = {}

    def known(self, losses: dict[Site, Backward]) -> dict[Site, Backward]:
        """Return those of the losses that steps have followed before."""
        return {site: loss for site, loss in losses.items() if site in self._names}

    def of(self, losses: dict[Site, Backward], are_several: Callable[[], bool]) -> dict[str, Backward]:
        """Return the losses of one step by name. `are_several` tells whether other optimizers have losses as well."""
        if len(losses) == 1:  # the usual case
            ((site, loss),) = losses.items()
            if (known := self._names.get(site)) is not None:
                return {known: loss}
        if not (self._names.keys() >= losses.keys()):
            self._name_new(losses, is_one_of_several=len(losses) > 1 or are_several())
        named: dict[str, Backward] = {}
        for site, loss in losses.items():
            name = self._names[site]
            if name in named:  # several places share a name, because only one of them is used in most steps
                named[name].add(loss.total)
            else:
                named[name] = loss
        return named

    def _name_new(self, losses: dict[Site, Backward], *, is_one_of_several: bool) -> None:
        for site, loss in losses.items():
            if site in self._names:
                continue
            variable = variable_at(loss.code, site[1])
            name = self._name(variable, loss.code, site[1], losses, is_one_of_several=is_one_of_several)
            self._names[site] = name
            self._variables.setdefault(name, variable)
            self._codes.append(loss.code)

    def _name(
        self,
        variable: str | None,
        code: CodeType | None,
        place: int,
        losses: dict[Site, Backward],
        *,
        is_one_of_several: bool,
    ) -> str:
        if not is_one_of_several:
            return "loss"
        taken = {name for site, name in self._names.items() if site in losses or self._variables.get(name) != variable}
        label = label_of(variable)
        if not label and "loss" not in taken:
            return "loss"
        function = code.co_name if code is not None and not code.co_name.startswith("<") else ""
        for choice in (label, function, f"{label or function}{'-' * bool(label or function)}line{_line(code, place)}"):
            if choice and f"loss/{choice}" not in taken:
                return f"loss/{choice}"
        return f"loss/{len(self._names)}"


def variable_at(code: CodeType | None, place: int) -> str | None:
    """Return the variable that a call of `backward` is made on, as the source has it; None where there is none."""
    if code is None or place < 0:
        return None
    try:
        line, end_line, start, end = list(code.co_positions())[place // 2]
    except (AttributeError, IndexError):
        return None
    if line is None or end_line is None or start is None or end is None:
        return None
    lines = [linecache.getline(code.co_filename, number) for number in range(line, end_line + 1)]
    source = "".join(lines).encode()
    last = len(source) - len(lines[-1].encode()) + end
    try:
        call = ast.parse(source[start:last].decode(), mode="eval").body
    except (SyntaxError, UnicodeDecodeError):
        return None
    return _variable_of_call(call)


def _variable_of_call(call: ast.expr) -> str | None:
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return None
    base: ast.expr = call.func.value
    if isinstance(base, ast.Call) and isinstance(base.func, ast.Attribute) and base.func.attr == "scale" and base.args:
        base = base.args[0]  # of a GradScaler
    elif call.args and not isinstance(base, ast.Call):  # fabric.backward(loss), torch.autograd.backward(loss)
        base = call.args[0]
    return _variable(base)


def _variable(value: ast.expr) -> str | None:
    match value:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=key)):
            return str(key)
        case ast.Subscript(value=inner) | ast.UnaryOp(operand=inner):
            return _variable(inner)
        case ast.BinOp(left=left, right=right):
            return _variable(left) or _variable(right)
        case ast.Call(func=ast.Attribute(value=inner, attr=method)) if method in _OF_TENSORS:
            return _variable(inner)
    return None  # such as a function that is called on the spot


_OF_TENSORS = {"abs", "clone", "cuda", "double", "float", "mean", "pow", "sqrt", "square", "squeeze", "sum", "to"}


_LOSS = re.compile(r"(?i:(?<![a-z])loss(es)?(?![a-z]))|^loss(?=[A-Z0-9])|(?<=[a-z0-9])Loss$")


def label_of(variable: str | None) -> str:
    """Return what a variable says beyond that it is a loss.

    >>> [label_of(name) for name in ("loss", "loss_G", "generator_loss", "lossD", "errD_real")]
    ['', 'G', 'generator', 'D', 'errD_real']
    """
    words = [word for word in re.split(r"_+", _LOSS.sub("_", variable or "")) if word]
    return "_".join(words)


def _line(code: CodeType | None, place: int) -> int:
    if code is None:
        return 0
    lines = [line for start, end, line in code.co_lines() if start <= place < end and line is not None]
    return lines[0] if lines else code.co_firstlineno
