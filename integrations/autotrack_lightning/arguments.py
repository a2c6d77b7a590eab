"""The arguments that modules and schedulers were made with, also when nobody has saved them."""

import inspect
import sys
from collections.abc import Generator
from types import FrameType
from typing import Any

import torch
from torch.utils.weak import WeakIdKeyDictionary

from autotrack.integrations import Outcome, Patch, flatten

_remembered: Any = WeakIdKeyDictionary()  # by identity: a data module that is a dataclass has no hash


def remember_arguments(module: Any, *_args: Any, **_kwargs: Any) -> Generator[None, Outcome, None]:
    """Hook around the `__init__` of a base class, which that of the object's own class calls: note its arguments.

    The arguments are turned into plain values at once, so that nothing is kept alive.
    """
    yield
    init = type(module).__init__
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code is getattr(init, "__code__", None) and _first_local(frame) is module:
            _remembered[module] = flatten(_arguments(frame))
            return
        frame = frame.f_back


def arguments_of(module: Any) -> dict[str, Any]:
    """Return the plain arguments that a module or data module was made with.

    A module that was made without autolog being on is read instead: an attribute with the name of an argument of its
    `__init__`, and a plain value, is taken for that argument.
    """
    if (remembered := remembered_of(module)) is not None:
        return remembered
    parameters = inspect.signature(type(module).__init__).parameters
    held = {name: vars(module)[name] for name in list(parameters)[1:] if name in vars(module)}
    return flatten({name: value for name, value in held.items() if isinstance(value, _PLAIN)})


def remembered_of(made: Any) -> dict[str, Any] | None:
    """Return the plain arguments that an object was made with, if it was made while somebody took note of them."""
    found: dict[str, Any] | None = _remembered.get(made)
    return found


def note_schedulers() -> Patch:
    """Take note of the arguments of learning-rate schedulers that are made from now on, until the patch is reverted.

    Many do not keep them: a OneCycleLR has turned them into phases.
    """
    _schedulers.apply()
    return _schedulers


_schedulers = Patch(torch.optim.lr_scheduler.LRScheduler, "__init__", remember_arguments)

_PLAIN = (str, int, float, bool, list, tuple, dict, type(None))


def _first_local(frame: FrameType) -> Any:
    names = frame.f_code.co_varnames
    return frame.f_locals.get(names[0]) if names else None


def _arguments(frame: FrameType) -> dict[str, Any]:
    code, local = frame.f_code, frame.f_locals
    named = code.co_argcount + code.co_kwonlyargcount
    values = {name: local[name] for name in code.co_varnames[1:named] if name in local}
    rest = named
    if code.co_flags & inspect.CO_VARARGS:
        positional = local.get(code.co_varnames[rest], ())
        values.update({code.co_varnames[rest]: list(positional)} if positional else {})
        rest += 1
    if code.co_flags & inspect.CO_VARKEYWORDS:
        values.update(local.get(code.co_varnames[rest], {}))
    return values
