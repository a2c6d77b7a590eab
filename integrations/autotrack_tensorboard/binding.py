"""Chooses the run for what a writer writes: the one that is being recorded, or else one of the writer's own."""

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
    """The run that a writer wrote to last; None if one could not be started.

    `is_own` says that the run was started for this writer. `during` is the id of the exception that was being handled
    at that moment: a training inside an `except` block has not failed because of that exception.
    """

    run: "autotrack.Run | None"
    is_own: bool = False
    during: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it is a run of the writer's own that has not ended."""
        return self.is_own and self.run is not None and self.run.status == "running"


_bound: WeakKeyDictionary[Any, Bound] = WeakKeyDictionary()
_waiting: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()
_opening = threading.Lock()
_home = os.getpid()


def run_of(writer: Any) -> "autotrack.Run | None":
    """Return the run for what a writer writes now.

    That is the run which is being recorded here. Without one, it is the run that the writer wrote to last, even if it
    has ended: what is written after a training belongs to it. Without that, it is a new run, which goes on until the
    writer is closed. None in a worker process, and if no run can be started.
    """
    current, bound = autotrack.current_run(), _bound.get(writer)
    if current is not None:
        if bound is None or (bound.run is not current and not bound.is_open):
            _bound[writer] = Bound(current)
        _log_waiting(writer, current)
        return current
    return bound.run if bound is not None else _open(writer)


def log_params(writer: Any, params: dict[str, Any], *, can_wait: bool) -> None:
    """Record hyperparameters in the run of the writer. If they can wait, no run is started for them alone."""
    if can_wait and autotrack.current_run() is None and writer not in _bound:
        _waiting[writer] = {**_waiting.get(writer, {}), **params}
    elif (run := run_of(writer)) is not None:
        run.log_params(params, STARTED_BY)


def waiting_writers() -> list[Any]:
    """Return the writers whose hyperparameters wait for a run."""
    return list(_waiting) if _waiting else []


def _log_waiting(writer: Any, run: "autotrack.Run") -> None:
    """Record the hyperparameters that have waited for a run of the writer."""
    if _waiting and (params := _waiting.pop(writer, None)):
        run.log_params(params, STARTED_BY)


def bind(writer: Any) -> bool:
    """Remember the run that is being recorded here as that of the writer; return False if there is none."""
    return autotrack.current_run() is not None and run_of(writer) is not None


def close(writer: Any) -> None:
    """End the writer's own run, if it has one, with the exception that is being handled, if that is a new one."""
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
            options, frameworks = RunOptions.of_autolog(), dict(_frameworks(writer))
            enclosing = options.enclosing_run()  # that of a script under `autotrack run`
            if enclosing is not None:
                _bound[writer] = Bound(enclosing)
                return enclosing
            # Not the current run: otherwise a fit that begins later would become part of it.
            run = options.start_run(started_by=STARTED_BY, frameworks=frameworks, is_current=False)
        except BaseException:
            _bound[writer] = Bound(None)  # do not try again at every call
            raise
        _bound[writer] = Bound(run, is_own=True, during=id(sys.exc_info()[1]))
    weakref.finalize(writer, _finish_abandoned, run, os.getpid()).atexit = False  # at exit, the run ends itself
    _log_waiting(writer, run)
    if folder := log_dir_of(writer):
        run.log_tags({"log_dir": folder})
    return run


def log_dir_of(writer: Any) -> str:
    """Return the folder that a writer writes to, or an empty string: TensorFlow's writers do not tell."""
    return str(getattr(writer, "log_dir", None) or getattr(writer, "logdir", ""))


def _finish_abandoned(run: "autotrack.Run", pid: int) -> None:
    """Finish the run of a writer that nothing refers to any more, for example one replaced in a loop."""
    if os.getpid() == pid and run.status == "running":
        with attempt("tensorboard"):
            run.finish()


def _frameworks(writer: Any) -> Iterator[tuple[str, str]]:
    packages = {cls.__module__.partition(".")[0] for cls in type(writer).__mro__}
    for name in ("torch", "tensorboardX", "tensorflow"):
        if name in packages:
            yield name, str(sys.modules[name].__version__)
