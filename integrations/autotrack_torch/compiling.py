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

__all__ = ["at_compile_time", "is_compiling", "not_compiled"]


def not_compiled(function: _Function, *, with_calls: bool = True) -> _Function:
    """Tell the compiler to run this function as it is, and return it. `with_calls`: also all that it calls.

    `torch.compiler.disable` says the same, but imports the whole compiler, and makes every call slower.
    """
    frames = torch._C._dynamo.eval_frame
    code = function.__code__
    if hasattr(frames, "set_code_exec_strategy"):  # torch 2.7
        actions = frames._FrameAction
        inside = actions.SKIP if with_calls else actions.DEFAULT
        frames.set_code_exec_strategy(code, frames._FrameExecStrategy(actions.SKIP, inside))
    elif hasattr(frames, "skip_code"):
        frames.skip_code(code)
    return function


def at_compile_time(function: _Function) -> _Function:
    """Tell the compiler to call this function itself where it follows a call of it, and to leave nothing of it.

    `torch.compiler.assume_constant_result` says the same, but imports the whole compiler.
    """
    function._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return function
