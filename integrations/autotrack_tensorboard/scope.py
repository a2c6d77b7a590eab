"""What is under way in this thread: a call of a writer that makes summaries, or one that is recorded elsewhere."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """The call of a writer that was made by the user; `kind` says what to read from the summaries in it."""

    writer: Any
    kind: str
    tag: str = ""


call: ContextVar[Call | None] = ContextVar("autotrack_tensorboard_call", default=None)


@dataclass(eq=False, slots=True)
class Elsewhere:
    """Says which scalars another integration records at their source: those whose tag `covers`, or all.

    `bound` are the identities of writers whose run is known, so that there is nothing left to do for their scalars.
    """

    covers: Callable[[str], bool] | None = None
    bound: set[int] = field(default_factory=set)

    def records(self, tag: str) -> bool:
        """Whether the scalar with this tag is recorded at its source."""
        return self.covers is None or self.covers(tag)


elsewhere: ContextVar[Elsewhere | None] = ContextVar("autotrack_tensorboard_elsewhere", default=None)
"""What is recorded elsewhere of what is written now; None if nothing is."""
