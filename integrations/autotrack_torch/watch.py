"""What has happened in this thread since the last step, and the loop that is recorded in it.

Two threads may train at the same time, and then each has a loop of its own.
"""

import threading
import weakref
from collections.abc import Callable
from typing import Any


class _Watch(threading.local):
    """The state of one thread; the module's `watch` gives each its own."""

    at_first: Callable[[], Callable[..., None]] | None = None
    """Makes what is called for each loss of a thread until an optimizer has made a step there."""

    def __init__(self) -> None:
        self.loop: Any = None
        """The `autotrack_torch.loop.Loop` of this thread, also after its end; None before the first one."""

        self.losses: dict[tuple[int, int], Any] = {}
        """An `autotrack_torch.losses.Backward` for each place where `backward` was called since the last step."""

        self.earlier: dict[tuple[int, int], Any] = {}
        """Those of them from before the latest optimizer was made: they may be left over from another training."""

        self.after_backward: Callable[..., None] | None = self.at_first and self.at_first()
        """What to call with the place of each loss, where steps cannot be seen, or none has been seen yet."""

        self.compiled: weakref.ref[Any] | None = None
        """The optimizer whose steps these are, once it is known."""

        self.unseen_steps: Any = None
        """An `autotrack_torch.unseen_steps.UnseenSteps` where neither steps nor losses can be seen."""

        self.functions: dict[tuple[int, int], str | None] = {}
        """The names of the functions that made the losses, by the place where `backward` was called."""

        self.first_pass: Any = None
        """The `autotrack_torch.passes.Pass` that was the first one to give a batch since the last step."""

        self.gradient_norms: dict[tuple[int, int], Any] = {}
        """What clipping has computed since the last step, by the first and the last of the tensors that it clipped."""

        self.settings: dict[str, Any] = {}
        """What was seen of clipping, mixed precision and the like, and is not recorded yet."""

        self.scaled: tuple[weakref.ref[Any], Any] | None = None
        """What `GradScaler.scale` returned last, and what it was given."""

    def set_aside(self) -> None:
        """Note that an optimizer was made, with which another training may begin."""
        if self.loop is not None:
            self.loop.usual_step = None
        if self.losses:
            self.earlier = self._all_losses()
            self.losses = {}

    def take_losses(self, *, of_new_training: bool) -> dict[tuple[int, int], Any]:
        """Return what a step follows, and forget it. One that begins a training follows nothing from before it."""
        if not self.earlier:  # the usual case
            losses, self.losses = self.losses, {}
            return losses
        losses = self.losses if of_new_training and self.losses else self._all_losses()
        self.losses, self.earlier = {}, {}
        return losses

    def _all_losses(self) -> dict[tuple[int, int], Any]:
        together = self.earlier
        for site, loss in self.losses.items():
            if site in together:
                together[site].add(loss.total, calls=loss.calls)
            else:
                together[site] = loss
        return together


watch = _Watch()
