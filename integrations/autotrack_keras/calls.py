"""The call of `fit`, `evaluate` or `predict` that is under way, and how Keras resolved its arguments."""

import inspect
import sys
from collections.abc import Generator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from types import FrameType, ModuleType
from typing import Any

from autotrack.integrations import Hook, Outcome

Running = Generator[None, Outcome, None]
"""What a hook returns: a generator that is suspended while the original runs."""

HookPoint = tuple[type | ModuleType, str, Hook]
"""A hook and what it is applied to: the class or module, the name of its attribute, the hook."""


@dataclass(eq=False)
class Call:
    """A call of a method of a model. `callback` records it, once Keras has made its list of callbacks.

    `first_batch` is the number of rows of the first batch, if Keras inspected it before the fit began.
    """

    method: str
    model: Any
    arguments: Mapping[str, Any]
    outer: "Call | None" = None
    callback: Any = None
    has_callbacks: bool = False
    first_batch: int | None = None

    def enter(self) -> None:
        """Make this the call that is under way in this thread or task."""
        self.outer = _current.get()
        _current.set(self)

    def leave(self) -> None:
        """Make the call around this one the current one again."""
        _current.set(self.outer)

    def is_within(self, method: str) -> bool:
        """Whether it was made inside a call of this method, of any model."""
        outer = self.outer
        while outer is not None:
            if outer.method == method:
                return True
            outer = outer.outer
        return False


_current: ContextVar[Call | None] = ContextVar("autotrack_keras_call", default=None)


def current_call() -> Call | None:
    """Return the innermost call that is under way here."""
    return _current.get()


@dataclass(frozen=True, kw_only=True)
class Fitting:
    """What `fit` works with: its arguments as Keras resolved them, its iterator over the data, its callbacks.

    Nothing but the arguments is known of a training loop that is not Keras's own.
    """

    arguments: Mapping[str, Any]
    iterator: Any = None
    validation: Any = None


_RESOLVED = ("x", "y", "sample_weight", "epochs", "batch_size", "shuffle", "class_weight", "initial_epoch",
             "validation_steps", "validation_batch_size", "validation_freq")  # fmt: skip


def inspect_fit(model: Any, call: Call | None) -> Fitting:
    """Return what the `fit` of this model works with; to be called from inside that `fit`.

    Keras passes next to nothing of it to callbacks. The local variables of its own `fit` hold it, under names that
    have been the same since Keras 3.0 on every backend.
    """
    given = dict(call.arguments) if call is not None else {}
    frame = _frame_of_fit(model)
    if frame is None:
        return Fitting(arguments=given, validation=given.get("validation_data"))
    local = frame.f_locals
    resolved = {name: local[name] for name in _RESOLVED if name in local}
    if "validation_split" not in given:
        given["validation_split"] = local.get("validation_split", 0.0)
    elif given.get("validation_data") is not None:
        given["validation_split"] = 0.0  # Keras ignores it
    resolved["initial_epoch"] = getattr(model, "_initial_epoch", None) or resolved.get("initial_epoch", 0)
    validation = (local.get("val_x"), local.get("val_y")) if local.get("validation_data") is not None else None
    return Fitting(arguments={**given, **resolved}, iterator=local.get("epoch_iterator"), validation=validation)


def _frame_of_fit(model: Any) -> FrameType | None:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "fit" and frame.f_globals.get("__name__", "").startswith("keras.src.backend."):
            return frame if frame.f_locals.get("self") is model else None
        frame = frame.f_back
    return None


def bind(signature: inspect.Signature, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
    """Return the arguments of a call by name, with defaults; None if they do not fit, for which Keras will raise."""
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError:
        return None
    bound.apply_defaults()
    return dict(bound.arguments)
