"""The call of `fit`, `evaluate` or `predict` that is under way, and what Keras made of its arguments."""

import inspect
import sys
from collections.abc import Generator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from types import FrameType, ModuleType
from typing import Any

from autotrack.integrations import Hook, Outcome

Running = Generator[None, Outcome, None]
"""What a hook is while the original runs."""

Place = tuple[type | ModuleType, str, Hook]
"""Where a hook goes: the class or module, the name of what it is put round, and the hook."""


@dataclass(eq=False)
class Call:
    """A call of a method of a model. `callback` records it, once Keras has made its list of callbacks.

    `first_batch` is the number of rows of the first batch, if Keras looked at it before it began.
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
        """Go back to the call that this one was made in."""
        _current.set(self.outer)

    def is_within(self, method: str) -> bool:
        """Whether it was made in a call of this method, of whatever model."""
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

    Of a training loop that is not Keras's own nothing is known but the callbacks' `params`.
    """

    arguments: Mapping[str, Any]
    iterator: Any = None
    validation: Any = None


_RESOLVED = ("x", "y", "sample_weight", "epochs", "batch_size", "shuffle", "class_weight", "initial_epoch",
             "validation_steps", "validation_batch_size", "validation_freq")  # fmt: skip


def look_at_fit(model: Any, call: Call | None) -> Fitting:
    """Look up what the `fit` of this model, from which we are called, works with.

    Keras tells a callback next to nothing of that; its own `fit` has it in its local variables, which have had the
    same names since Keras 3.0, on every backend.
    """
    given = dict(call.arguments) if call is not None else {}
    frame = _frame_of_fit(model)
    if frame is None:
        return Fitting(arguments=given, validation=given.get("validation_data"))
    found = frame.f_locals
    resolved = {name: found[name] for name in _RESOLVED if name in found}
    if "validation_split" not in given:
        given["validation_split"] = found.get("validation_split", 0.0)
    elif given.get("validation_data") is not None:
        given["validation_split"] = 0.0  # it is not used then
    resolved["initial_epoch"] = getattr(model, "_initial_epoch", None) or resolved.get("initial_epoch", 0)
    validation = (found.get("val_x"), found.get("val_y")) if found.get("validation_data") is not None else None
    return Fitting(arguments={**given, **resolved}, iterator=found.get("epoch_iterator"), validation=validation)


def _frame_of_fit(model: Any) -> FrameType | None:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "fit" and frame.f_globals.get("__name__", "").startswith("keras.src.backend."):
            return frame if frame.f_locals.get("self") is model else None
        frame = frame.f_back
    return None


def bind(signature: inspect.Signature, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
    """Return the arguments of a call by name, defaults included; None when they do not fit, which Keras will say."""
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError:
        return None
    bound.apply_defaults()
    return dict(bound.arguments)
