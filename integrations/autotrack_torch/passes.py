"""Passes over data loaders: how many batches and samples they gave, how long one waited for them, how they ended."""

import weakref
from collections.abc import Callable, Generator
from time import perf_counter
from typing import Any

import torch

from autotrack.integrations import EpochClock, Outcome, guarded
from autotrack_torch import elsewhere
from autotrack_torch.compiling import not_compiled
from autotrack_torch.frames.reading import EpochVariable, epoch_variable
from autotrack_torch.watch import watch

_CONTAINERS = (list, tuple, dict)

_open: dict[int, "Pass"] = {}
"""By the identity of the iterator of a data loader, for as long as it lives."""


class Pass:
    """One pass over a data loader. Its iterator is not kept alive, and the loader no longer than its iterator.

    A loader that is made in the `for` line would be gone with the first batch, before anything can be asked of it. One
    whose workers are persistent keeps its iterator itself.
    """

    __slots__ = (
        "__weakref__", "_kept", "batches", "began", "clock", "ended", "has_steps", "is_complete", "is_evaluation",
        "loader", "name", "samples", "step_before", "variable",
    )  # fmt: skip

    def __init__(self, loader: Any) -> None:
        self.loader: weakref.ref[Any] = weakref.ref(loader)
        self._kept = None if getattr(loader, "persistent_workers", False) else loader
        self.began = perf_counter()
        self.clock = EpochClock()
        self.clock.waited_seconds = 0.0
        self.ended = False
        self.is_complete = False
        """Whether it ended because there were no more batches."""

        self.batches = 0
        self.samples = 0
        self.is_evaluation = False
        self.has_steps = False
        self.variable: EpochVariable | None = None
        self.name: str | None = None
        """What the script calls the data loader, if that tells what it is for."""

        self.step_before = -1
        """The number of the last step that was made before the pass."""

    @not_compiled
    @guarded
    def end(self, _reference: Any = None) -> None:
        """Note that the pass is over: all batches were asked for, or the loop was left before."""
        if not self.ended:
            self.ended = True
            is_single = (
                self.batches == 1 and not self.has_steps
            )  # `next(iter(loader))`, or the next one is asked ahead
            if watch.first_pass is self and not is_single:
                _take_unseen_step()
                watch.first_pass = None
            try:
                if watch.loop is not None:
                    watch.loop.pass_ends(self)
            finally:
                self._kept = None


def begin(loader: Any, *_: Any, **__: Any) -> Generator[None, Outcome, None]:
    """Hook around `DataLoader.__iter__`: a pass begins."""
    if elsewhere.is_at_work():
        return
    one = Pass(loader)
    one.variable = epoch_variable(None)
    if watch.loop is not None:
        watch.loop.pass_begins(one)
    if watch.unseen_steps is not None:
        watch.unseen_steps.batch_comes()
    outcome = yield
    if outcome.error is not None:
        return
    iterator = outcome.result
    if (previous := _open.get(id(iterator))) is not None:  # with persistent workers, it is always the same iterator
        previous.end()
    _open[id(iterator)] = one
    weakref.finalize(iterator, _forget, id(iterator)).atexit = False


def wrap_next(original: Callable[..., Any], guard: Any) -> Callable[..., Any]:
    """Wrap `__next__` of the iterators of data loaders, to count batches: one call of ours for each is enough."""

    def __next__(self: Any) -> Any:  # noqa: N807  that is its name
        one = _open.get(id(self)) if guard.is_on else None
        if one is None:
            return original(self)
        began = perf_counter()
        try:
            batch = original(self)
        except StopIteration:
            one.is_complete = True
            one.end()
            raise
        one.clock.waited_seconds += perf_counter() - began  # type: ignore[operator]  # it is a number here
        one.batches += 1
        if not one.is_evaluation:
            if not torch.is_grad_enabled():
                one.is_evaluation = True
            elif (first := watch.first_pass) is None:
                watch.first_pass = one
            elif first.ended or watch.unseen_steps is not None:
                _take_unseen_step()
                watch.first_pass = one
        sample = batch
        try:
            while sample.__class__ in _CONTAINERS and sample:
                sample = next(iter(sample.values())) if sample.__class__ is dict else sample[0]
            one.samples += sample.size(0)  # `len` and `shape` take several times as long
        except (AttributeError, TypeError, IndexError):  # no tensor, or one without dimensions
            return batch
        return batch

    return not_compiled(__next__, with_calls=False)


@not_compiled
def _take_unseen_step() -> None:
    """Count the batch before as a step, where steps cannot be seen."""
    if (unseen := watch.unseen_steps) is not None:
        unseen.batch_is_over()
        unseen.batch_comes()


def _forget(iterator: int) -> None:
    if (one := _open.pop(iterator, None)) is not None:
        one.end()
