"""What has happened in this thread since the last step, and the loop that is recorded in it.

Two threads may train at the same time, and then each has a loop of its own.
"""

import threading
import weakref
from typing import Any


class _Watch(threading.local):
    """The state of one thread; the module's `watch` gives each its own."""

    def __init__(self) -> None:
        self.loop: Any = None
        """The `autotrack_torch.loop.Loop` of this thread, also after its end; None before the first one."""

        self.losses: dict[tuple[int, int], Any] = {}
        """An `autotrack_torch.losses.Backward` for each place where `backward` was called since the last step."""

        self.functions: dict[tuple[int, int], str | None] = {}
        """The names of the functions that made the losses, by the place where `backward` was called."""

        self.first_pass: Any = None
        """The `autotrack_torch.passes.Pass` that was the first one to give a batch since the last step."""

        self.gradient_norm: Any = None
        self.settings: dict[str, Any] = {}
        """What was seen of clipping, mixed precision and the like, and is not recorded yet."""

        self.scaled: tuple[weakref.ref[Any], Any] | None = None
        """What `GradScaler.scale` returned last, and what it was given."""


watch = _Watch()
