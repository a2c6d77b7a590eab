"""The quick way to record a step that is like the one before.

To record a step in general takes some thirty calls of Python functions: whose it is, whose turn, which epoch, which
names. But in most loops a step differs from the one before in its numbers only. So what the last one came to is kept
in a `UsualStep`, which tells by a few comparisons whether the next one is like it, in one function for `backward` and
one for the step of the optimizer. Each of these comparisons stands for something that the general way would have done.
Whatever differs is left to the general way. Both work on the same state: a step may begin in one and end in the other.
"""

import sys
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

import torch

import autotrack
from autotrack_torch.frames.call_paths import CallPath
from autotrack_torch.losses import Backward, Site
from autotrack_torch.members import Member
from autotrack_torch.watch import watch

if TYPE_CHECKING:
    from autotrack_torch.loop import Loop

_TO_STEP = 3
"""How far what has called the hook is from `steps.record`, which is guarded."""


def site_of_only_loss() -> Site | None:
    """Return the place of the one loss that the next step follows; None if there are several, or none."""
    return next(iter(watch.losses)) if len(watch.losses) == 1 and not watch.earlier else None


def usual_after(loop: "Loop", member: Member, site: Site | None) -> "UsualStep | None":
    """Return what the step that was just recorded has in common with the next one, if that may be like it."""
    if site is None or len(loop.members) > 1 or not (loop.epochs.is_settled and loop.has_settled_turns):
        return None
    name, code = loop.loss_names.settled(site, member)
    return UsualStep(loop, member, site=site, code=code, loss_name=name) if name is not None else None


class UsualStep:
    """A step of the only optimizer of a loop, after one loss, within an epoch."""

    __slots__ = (
        "_code", "_current_run", "_depth", "_is_each_recorded", "_loss", "_loss_name", "_member", "_optimizer",
        "_others", "_path", "_place", "_rate_name", "_run", "_settings", "_site",
    )  # fmt: skip

    def __init__(self, loop: "Loop", member: Member, *, site: Site, code: CodeType | None, loss_name: str) -> None:
        self._run = loop.run
        self._current_run = autotrack.current_run()
        self._is_each_recorded = loop.records_each_step
        self._member = member
        self._optimizer = member.reference
        self._rate_name, self._others = member.names[0], member.others[0].given
        self._loss = Backward(0.0, code)
        self._loss_name = loss_name
        self._settings = loop.description.known_settings
        self._site = site
        self._code, self._place = code, site[1]
        self._depth = sys.maxsize
        is_by_variable = not loop.epochs.has_loader
        self._path = CallPath(sys._getframe(_TO_STEP + 2), loop.epochs.followed) if is_by_variable else None

    def _is_in_same_epoch(self) -> bool:
        """Whether a step that no batch of a data loader came before, belongs to the epoch of the last one."""
        return self._path is None or self._path.is_path_to(sys._getframe(_TO_STEP + 2))

    def note_caller(self, frame: FrameType | None, caller: FrameType | None) -> None:
        """Learn how far the `caller` of `backward` is from `frame`, which is looked at before it."""
        depth = 0
        while frame is not None and frame is not caller:
            frame, depth = frame.f_back, depth + 1
        self._depth = depth

    def note_loss(self, tensors: Any, depth: int) -> bool:
        """Keep the value that `backward` was called on, as `losses.note` does; False if that has to do it."""
        loss = tensors[0]
        if len(tensors) != 1 or loss.__class__ is not torch.Tensor or watch.scaled is not None or not loss.is_cpu:
            return False
        try:
            caller = sys._getframe(depth + self._depth)
            if caller.f_code is not self._code or caller.f_lasti != self._place:
                return False
            value = loss.item()
        except (ValueError, OverflowError, RuntimeError):  # there are fewer callers, or several numbers
            return False
        known = watch.losses.get(self._site)
        if known is None:
            known = watch.losses[self._site] = self._loss  # to make another one would be a call
            known.first = known.total = value
            known.calls = 1
        else:
            known.total += value
            known.calls += 1
        return True

    def record(self, loop: "Loop", optimizer: Any, args: Any, kwargs: Any) -> bool:
        """Record a step, as `steps.record` does; False if that has to do it.

        No lock is held: a thread that takes part in the loop as well takes `loop.usual_step` away before.
        """
        epochs, losses, first_pass, groups = loop.epochs, watch.losses, watch.first_pass, optimizer.param_groups
        if (
            self._optimizer() is not optimizer
            or len(args) > 1
            or kwargs
            or not self._settings.issuperset(watch.settings)
            or len(losses) != 1
            or (loss := losses.get(self._site)) is None
            or (first_pass is not epochs.current_pass if first_pass is not None else not self._is_in_same_epoch())
            or self._run.status != "running"
            or autotrack.current_run() is not self._current_run
        ):
            return False
        values = {self._loss_name: loss.total}
        rate = groups[0].get("lr")
        is_as_made = len(groups) == 1 and rate.__class__ is float
        for name, given in self._others:
            if groups[0].get(name) is not given:
                is_as_made = False
        if is_as_made:
            values[self._rate_name] = rate
        else:
            self._member.add_rates(optimizer, values)
        losses.clear()
        watch.settings.clear()
        watch.first_pass = None
        step = loop.step = epochs.last_step = loop.step + 1
        if step == loop.trained_modules.next_look:
            loop.trained_modules.after_step()
        if watch.gradient_norms:
            loop.gradient_norms.add(self._member, values)
        if self._is_each_recorded:
            self._run.log(values, step, epoch=epochs.number, stage="train")
        else:
            loop.record(values)
        return True
