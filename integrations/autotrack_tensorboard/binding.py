"""Which run gets what a writer writes: the one that is being recorded, or else one of the writer's own."""

import os
import sys
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import autotrack
from autotrack.integrations import RunOptions, attempt, end_run, is_worker

STARTED_BY = "tensorboard"


@dataclass(frozen=True, slots=True)
class Bound:
    """The run that a writer wrote to last; None when one could not be started.

    `is_own` says that the run was started for this writer, `during` which exception was being handled then, by its
    identity: the training may take place in an `except` block, and has not failed by that.
    """

    run: "autotrack.Run | None"
    is_own: bool = False
    during: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it is a run of the writer's own, and goes on."""
        return self.is_own and self.run is not None and self.run.status == "running"


_bound: WeakKeyDictionary[Any, Bound] = WeakKeyDictionary()
_opening = threading.Lock()
_home = os.getpid()


def run_of(writer: Any) -> "autotrack.Run | None":
    """Return the run for what a writer writes now.

    That is the run which is being recorded here; or else the one that the writer wrote to last, also when it has
    ended, as what is written after a training belongs to it; or else a new one, which goes on until the writer is
    closed. None in a process that works for another one, and where no run can be started.
    """
    current, bound = autotrack.current_run(), _bound.get(writer)
    if current is not None:
        if bound is None or (bound.run is not current and not bound.is_open):
            _bound[writer] = Bound(current)
        return current
    return bound.run if bound is not None else _open(writer)


def bind(writer: Any) -> None:
    """Remember the run that is being recorded here, if there is one, as that of the writer."""
    if autotrack.current_run() is not None:
        run_of(writer)


def close(writer: Any) -> None:
    """End the run that a writer has of its own, with the exception that is being handled, if there is a new one."""
    bound = _bound.get(writer)
    if bound is not None and bound.run is not None and bound.is_open and os.getpid() == _home:
        error = sys.exc_info()[1]
        if id(error) == bound.during:
            error = None
        end_run(bound.run, error, is_own=True)


def _open(writer: Any) -> "autotrack.Run | None":
    with _opening:
        if writer in _bound:  # another thread was quicker
            return _bound[writer].run
        if is_worker():
            return None
        try:
            # Not the current run: a fit that begins later must not take this run for one that it is a part of.
            options, frameworks = RunOptions.of_autolog(), dict(_frameworks(writer))
            run = options.start_run(started_by=STARTED_BY, frameworks=frameworks, is_current=False)
        except BaseException:
            _bound[writer] = Bound(None)  # what failed is not tried again at every call
            raise
        _bound[writer] = Bound(run, is_own=True, during=id(sys.exc_info()[1]))
    weakref.finalize(writer, _finish_abandoned, run, os.getpid()).atexit = False  # the run sees to that itself
    if folder := log_dir_of(writer):
        run.log_tags({"log_dir": folder})
    return run


def log_dir_of(writer: Any) -> str:
    """Return the folder that a writer writes to, which every library has another name for, TensorFlow none."""
    return str(getattr(writer, "log_dir", None) or getattr(writer, "logdir", ""))


def _finish_abandoned(run: "autotrack.Run", pid: int) -> None:
    """Nobody has the writer any more: it has been replaced by the next one, in a loop for example."""
    if os.getpid() == pid and run.status == "running":
        with attempt("tensorboard"):
            run.finish()


def _frameworks(writer: Any) -> Iterator[tuple[str, str]]:
    packages = {cls.__module__.partition(".")[0] for cls in type(writer).__mro__}
    known = [name for name in ("torch", "tensorboardX", "tensorflow") if name in packages]
    yield from ((name, str(sys.modules[name].__version__)) for name in known)
