"""What goes into a model and what comes out of it, by the calls that a training makes; none is made for us."""

import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakSet, ref

from autotrack.training.hooks.faults import guarded
from autotrack.training.input_examples import rows_of

_MOST_PARTS = 100
"""A longer list is data, not a structure of inputs."""

_DEEPEST = 4


_HOOKS = "torch.nn.modules.module"


class _Hooks:
    """Who has a hook on, waiting for a call, and whether the script compiles, after which nobody may have one."""

    def __init__(self) -> None:
        self.waiting: WeakSet[ModelCalls] = WeakSet()
        self.script_compiles = False


_hooks = _Hooks()


class ModelCalls:
    """What is known of the inputs and outputs of one module of PyTorch.

    Args:
        module: The module; it is not kept alive.
        keeps_rows: Whether the first rows of an input are kept, as an example.
    """

    def __init__(self, module: Any, *, keeps_rows: bool) -> None:
        self._module = ref(module)
        self._keeps_rows = keeps_rows
        self._remove: Callable[[], None] | None = None
        self._is_to_watch = True
        self._calls = 0
        self.next_look = 0
        self._rows: Any = None
        self.takes: list[str] | None = None
        """The names of the arguments, where there are several; of a single one, `inputs` describes the value."""

        self.inputs: Any = None
        self.outputs: Any = None

    @property
    def is_known(self) -> bool:
        """Whether there was any call."""
        return self._calls > 0

    @property
    def are_single_tensors(self) -> bool:
        """Whether a tensor goes in and a tensor comes out."""
        return self.takes is None and all(_is_tensor(one) for one in (self.inputs, self.outputs))

    def described(self) -> dict[str, Any]:
        """Return what is known, as plain data."""
        return {"inputs": self.inputs, "outputs": self.outputs, "takes": self.takes}

    def rows(self) -> Any:
        """Return the first rows of an input, in the structure it has; None if none were kept."""
        return self._rows

    def after_step(self, step: int) -> None:
        """Now and then, learn from a call that follows a step; `next_look` is the step to call this after."""
        if step < self.next_look:
            return
        self.stop()
        if self._is_to_watch and not (_hooks.script_compiles or _has_compiled()):  # with hooks, it would compile anew
            self._watch()
        self._is_to_watch = not self._is_to_watch
        self.next_look = step + (max(step, 1) if self._is_to_watch else 1)

    def _watch(self) -> None:
        """Learn from the next call. No object of the user's changes for that: the hook is one for all modules."""
        hooks: Any = sys.modules[_HOOKS]
        try:
            handle = hooks.register_module_forward_hook(self._called, with_kwargs=True)
        except TypeError:  # versions of PyTorch that do not tell hooks about arguments by name
            return

        def remove() -> None:
            handle.remove()
            hooks._global_forward_hooks_with_kwargs.pop(handle.id, None)  # the handle forgets it

        self._remove = remove
        _hooks.waiting.add(self)

    def stop(self) -> None:
        """Do not wait for a call any longer."""
        remove, self._remove = self._remove, None
        if remove is not None:
            remove()

    @guarded
    def _called(self, module: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any) -> None:
        if module is not self._module() or _is_traced():
            return
        self.stop()
        given = _given(type(module), args, kwargs)
        if given is None:
            return
        takes, value = given
        inputs, outputs = described(value), described(result)
        if not self._calls:
            self.takes, self.inputs, self.outputs = takes, inputs, outputs
            self._rows = rows_of(value) if self._keeps_rows else None
        elif takes == self.takes:
            self.inputs, self.outputs = merged(self.inputs, inputs), merged(self.outputs, outputs)
        self._calls += 1


def script_compiles() -> None:
    """Watch no calls from now on: the script is about to have something compiled, and hooks would be part of that."""
    _hooks.script_compiles = True
    for calls in list(_hooks.waiting):
        calls.stop()


def _is_traced() -> bool:
    """Whether a call only shows what a module does, as for an export: to read sizes would make constants of them."""
    torch = sys.modules["torch"]
    return bool(torch.jit.is_tracing() or torch.compiler.is_compiling())


def _has_compiled() -> bool:
    """Whether the compiler of PyTorch has been at work in this process."""
    frames = sys.modules.get("torch._dynamo.convert_frame")
    return frames is not None and bool(getattr(frames, "FRAME_COUNTER", 1))


def _given(kind: type, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[list[str] | None, Any] | None:
    """Return the names of the arguments of a call, if there are several, and their values; None if names lack."""
    if len(args) == 1 and not kwargs:
        return None, args[0]
    names = _argument_names(kind) if args else []
    if len(names) < len(args) or not (args or kwargs):
        return None
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    return list(given), given


def _argument_names(kind: Any) -> list[str]:
    try:
        parameters = inspect.signature(kind.forward).parameters.values()
    except (AttributeError, TypeError, ValueError):
        return []
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD,)
    return [one.name for one in parameters if one.kind in by_name][1:]


def described(value: Any, depth: int = 0) -> Any:
    """Describe tensors without their number of rows, in the structure they are in, and anything else by its class."""
    if value is None:
        return None
    if depth < _DEEPEST and isinstance(value, Mapping):
        return {str(key): described(part, depth + 1) for key, part in value.items()}
    if depth < _DEEPEST and isinstance(value, (list, tuple)) and len(value) < _MOST_PARTS:
        return [described(part, depth + 1) for part in value]
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if dtype is None or not isinstance(shape, (tuple, list)):
        return {"class": type(value).__name__}
    return {"shape": [None, *map(int, shape[1:])] if shape else [], "dtype": str(dtype).rpartition(".")[2]}


def merged(one: Any, two: Any) -> Any:
    """Return what describes both: sizes that differ are unknown, and what is not always there is optional."""
    if one is None or two is None:
        there = two if one is None else one
        return {**there, "optional": True} if isinstance(there, dict) else there
    if _is_tensor(one) and _is_tensor(two):
        if len(one["shape"]) != len(two["shape"]) or one["dtype"] != two["dtype"]:
            return one
        sizes = [size if size == other else None for size, other in zip(one["shape"], two["shape"], strict=True)]
        is_optional = one.get("optional") or two.get("optional")
        return {**one, "shape": sizes, **({"optional": True} if is_optional else {})}
    if isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        return [merged(part, other) for part, other in zip(one, two, strict=True)]
    if isinstance(one, dict) and isinstance(two, dict) and not (_is_tensor(one) or _is_tensor(two)):
        return {name: merged(one.get(name), two.get(name)) for name in (one | two)}
    return one


def _is_tensor(description: Any) -> bool:
    return isinstance(description, dict) and isinstance(description.get("shape"), list)
