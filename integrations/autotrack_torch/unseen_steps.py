"""Counts batches where neither the steps of an optimizer nor calls of `backward` can be seen.

So it is where `torch.compile` has made one piece of both. What is left to be seen is that batches come from a data
loader while gradients are enabled, and the learning rates that there are then.
"""

import weakref
from typing import Any

from autotrack.integrations import guarded
from autotrack_torch import steps
from autotrack_torch.compiling import not_compiled
from autotrack_torch.loop import Loop
from autotrack_torch.members import Member
from autotrack_torch.watch import watch


class UnseenSteps:
    """Takes each batch of one thread for a step of an optimizer, which it holds weakly."""

    def __init__(self, optimizer: Any) -> None:
        self._optimizer = weakref.ref(optimizer)
        self._rates: dict[str, Any] = {}

    @guarded
    def begin(self, others: list[Any]) -> None:
        """Begin to record, while the first step is compiled; `others` are optimizers that make it as well."""
        found = self._find()
        if found is None:
            return
        loop, member, _ = found
        with loop.lock:
            for other in others:
                if loop.members.get(other) is None:
                    loop.add(other)
        watch.unseen_steps = self
        self.batch_comes()
        loop.run.notice(
            "torch.compile",
            f"the step of {member.name} is compiled, and no call of backward is seen: there are no losses, and each "
            "batch of a data loader counts as a step",
        )

    @not_compiled
    @guarded
    def batch_comes(self) -> None:
        """Note the learning rates that the next step is going to be made with."""
        if (found := self._find()) is not None:
            self._rates = {}
            found[1].add_rates(self._optimizer(), self._rates)

    @not_compiled
    @guarded
    def batch_is_over(self) -> None:
        """Record a step: the batch that came last has been trained on, as far as can be told."""
        found = self._find()
        if found is None:
            watch.unseen_steps = None
            return
        loop, member, is_first = found
        optimizer = self._optimizer()
        with loop.lock:
            losses = steps.count(loop, member, optimizer, maker=id(optimizer), is_first=is_first)
            loop.record({**losses, **self._rates})

    def _find(self) -> tuple[Loop, Member, bool] | None:
        optimizer = self._optimizer()
        return None if optimizer is None else steps.find(optimizer)
