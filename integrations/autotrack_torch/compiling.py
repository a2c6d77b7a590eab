"""Keeps the compiler of PyTorch out of what autotrack adds, and autotrack out of what is compiled.

While a function that was given to `torch.compile` runs, Python hands every frame to the compiler, so also those of
hooks. It is told to leave them alone, with whatever they call. Where the compiler follows a call into a hook instead,
as it does with `optimizer.step()`, the hook has to return at once: `is_compiling` is a constant to the compiler, so
that nothing of the hook is left in what it makes.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch.compiler import is_compiling

_Function = TypeVar("_Function", bound=Callable[..., Any])

__all__ = ["is_compiling", "not_compiled"]


def not_compiled(function: _Function) -> _Function:
    """Tell the compiler to run this function, and all that it calls, as it is. The function stays the same object.

    `torch.compiler.disable` says the same, but imports the whole compiler, and makes every call slower.
    """
    frames = torch._C._dynamo.eval_frame
    if hasattr(frames, "set_code_exec_strategy"):  # torch 2.7
        skip = frames._FrameAction.SKIP
        frames.set_code_exec_strategy(_code(function), frames._FrameExecStrategy(skip, skip))
    elif hasattr(frames, "skip_code"):
        frames.skip_code(_code(function))
    return function


def _code(function: Any) -> Any:
    while hasattr(function, "__wrapped__") and not hasattr(function, "__code__"):
        function = function.__wrapped__
    return function.__code__
