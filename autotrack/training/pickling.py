"""Pickles models with the code that nobody could import: what the script itself defines goes by value."""

import io
import sys
from collections.abc import Iterable
from contextlib import suppress
from types import CodeType, FunctionType, ModuleType
from typing import Any

from autotrack.training.values import is_on_cuda


class OverBudgetError(Exception):
    """What is pickled is larger than what is kept."""


class _BoundedFile:
    """Passes on so many bytes and no more."""

    def __init__(self, file: Any, most_bytes: int) -> None:
        self._file = file
        self._left = most_bytes

    def write(self, data: Any) -> Any:
        self._left -= memoryview(data).nbytes
        if self._left < 0:
            raise OverBudgetError
        return self._file.write(data)


def pickle_module(*, most_bytes: int, most_tensor_bytes: int) -> Any:
    """Return what stands for the module `pickle` where a framework asks for one to write with.

    Classes and functions that cannot be imported are pickled by value. What is on a GPU is taken to memory, so that it
    can be loaded anywhere. Writing raises `OverBudgetError` for more than so many bytes, and so many of tensors.
    """
    import cloudpickle  # only when a model is written

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # no types are published with it
        def __init__(self, file: io.BytesIO, protocol: int | None = None, **options: Any) -> None:
            super().__init__(_BoundedFile(file, most_bytes), protocol, **options)

            self._left = most_tensor_bytes

        def reducer_override(self, value: Any) -> Any:
            if type(value).__name__ == "Tensor":
                self._left -= value.numel() * value.element_size()
                if self._left < 0:
                    raise OverBudgetError
                if is_on_cuda(value):
                    return value.cpu().__reduce_ex__(2)
            return super().reducer_override(value)

    with suppress(AttributeError):  # another version of cloudpickle, which takes a millisecond more for each function
        Pickler._dynamic_function_reduce = _quick_reduce(cloudpickle.cloudpickle)
    module: Any = ModuleType("pickle")
    module.Pickler = Pickler
    return module


def _quick_reduce(functions: Any) -> Any:
    """Return how cloudpickle reduces functions, without its search through all modules of the process for each.

    That is most of what writing a module takes. Nothing of cloudpickle itself is replaced.
    """
    known = {**vars(functions), "_find_imported_submodules": imported_submodules}
    known["_function_getstate"] = FunctionType(functions._function_getstate.__code__, known)
    return FunctionType(functions.Pickler._dynamic_function_reduce.__code__, known)


def imported_submodules(code: CodeType, dependencies: Iterable[Any]) -> list[ModuleType]:
    """Return the imported submodules of packages that code can address, as cloudpickle's own function does."""
    waiting = [one.__name__ for one in dependencies if isinstance(one, ModuleType) and one.__package__]
    found = []
    while waiting:
        package = waiting.pop()
        for name in dict.fromkeys(code.co_names):
            if (inner := sys.modules.get(f"{package}.{name}")) is not None:
                found.append(inner)
                waiting.append(f"{package}.{name}")
    return found
