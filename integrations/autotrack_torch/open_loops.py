"""The loops of all threads. A training may go on in another thread, as when a pool of threads trains each epoch."""

import os
import sys
import weakref
from threading import RLock, current_thread
from typing import Any

import autotrack
from autotrack_torch.members import parameters_of

meeting = RLock()
"""Held while an optimizer makes its first step, so that two threads do not both begin the loop of a run."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=meeting._at_fork_reinit)  # type: ignore[attr-defined]

_loops: "weakref.WeakSet[Any]" = weakref.WeakSet()
"""Each `autotrack_torch.loop.Loop` that still lives."""


def note(loop: Any) -> None:
    """Note that a loop has begun."""
    _loops.add(loop)


def loop_of(optimizer: Any) -> Any:
    """Return the loop that has recorded steps of an optimizer, in whichever thread."""
    return next((loop for loop in _open() if loop.members.get(optimizer) is not None), None)


def loop_of_its_model(optimizer: Any) -> Any:
    """Return a loop that trains some of what an optimizer trains, as threads do that share a model."""
    trained = parameters_of(optimizer)
    return next((loop for loop in _open() if loop.members.share_parameters(trained)), None)


def loops_in(run: autotrack.Run) -> list[Any]:
    """Return the loops that add to a run."""
    return [loop for loop in _open() if loop.run is run]


def is_under_way(loop: Any) -> bool:
    """Whether another thread, which has made the last step of a loop, has not left it."""
    thread = loop.thread()
    if thread is None or thread is current_thread() or thread.ident is None or not thread.is_alive():
        return False
    frame = sys._current_frames().get(thread.ident)
    return frame is not None and not loop.is_left_by(frame)


def _open() -> list[Any]:
    return [loop for loop in list(_loops) if loop.is_open and loop.run.status == "running"]
