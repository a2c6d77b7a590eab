"""What is under way in this thread: a call of a writer that makes summaries, or one that is recorded elsewhere."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """The call of a writer that was made by the user; `kind` says what to read from the summaries in it."""

    writer: Any
    kind: str
    tag: str = ""


call: ContextVar[Call | None] = ContextVar("autotrack_tensorboard_call", default=None)

is_recorded_elsewhere: ContextVar[Callable[[str], bool] | None] = ContextVar(
    "autotrack_tensorboard_recorded_elsewhere", default=None
)
"""Tells from a scalar's tag whether another integration records it at its source; None if none does."""
