"""What becomes of failures inside autotrack: a `Notice` in the run and one warning, never an exception."""

import functools
import warnings
from collections import deque
from collections.abc import Callable
from threading import get_ident
from time import perf_counter, thread_time
from typing import Any, TypeVar, cast

from autotrack.errors import AutotrackError, AutotrackWarning
from autotrack.escapes import printable
from autotrack.training.hooks.current_run import CurrentRun, innermost_run
from autotrack.training.hooks.overhead import MAIN, overhead
from autotrack.training.hooks.user_code import user_frame

_Method = TypeVar("_Method", bound=Callable[..., None])

unplaced_faults: deque[tuple[str, str]] = deque(maxlen=20)
"""Faults that happened outside any run; the next run takes them."""


kinds_warned_of: set[tuple[str, str]] = set()
"""Each kind of fault is one warning in a process, whatever the user's filters say: what it is about, and its class.

A mistake is one wherever it shows."""


def report_fault(
    about: str, fault: BaseException | str, *, run: CurrentRun | None = None, with_warning: bool = True
) -> None:
    """Turn a failure of autotrack into a `Notice` and, the first time, a warning at the user's line. Never raises."""
    message = fault if isinstance(fault, str) else _described(fault)
    try:
        run = run or innermost_run()
        if run is None:
            unplaced_faults.append((about, message))
        else:
            run.notice(about, message)
    except Exception as second:  # noqa: BLE001  perhaps it is the journal that fails; the warning below still says so
        message = f"{message} ({second})"
    if with_warning and is_new(about, fault):
        whose = f"run {run.name}: " if run is not None else ""
        what = "this is not recorded" if is_mistake(fault) else about
        _warn(printable(f"{whose}{what}: {message}; training is not affected"))


def is_mistake(fault: BaseException | str) -> bool:
    """Whether the fault is a mistake that the user can correct; its message says how, in the user's words."""
    return isinstance(fault, AutotrackError)


def is_new(about: str, fault: BaseException | str) -> bool:
    """Whether nobody has been told of this kind of fault in this process; from now on, somebody has been."""
    kind = ("" if is_mistake(fault) else about, fault if isinstance(fault, str) else type(fault).__name__)
    is_known = kind in kinds_warned_of
    kinds_warned_of.add(kind)
    return not is_known


def _described(fault: BaseException) -> str:
    return str(fault) if is_mistake(fault) else f"{type(fault).__name__}: {fault}"


def _warn(message: str) -> None:
    frame = user_frame()
    try:
        if frame is None:
            warnings.warn(message, AutotrackWarning, stacklevel=2)
            return
        names = frame.f_globals
        registry = names.setdefault("__warningregistry__", {})
        filename = frame.f_code.co_filename
        warnings.warn_explicit(
            message, AutotrackWarning, filename, frame.f_lineno, module=names.get("__name__"), registry=registry
        )
    except Exception:  # noqa: BLE001  warnings are errors, or standard error takes no text: training goes on
        return


def guarded(method: _Method) -> _Method:
    """Make a method safe for a framework to call: if it fails, the failure becomes a `Notice`.

    The time it takes counts as autotrack's own.
    """

    @functools.wraps(method)
    def safe(self: Any, *args: Any, **kwargs: Any) -> None:
        thread = get_ident()
        outermost = thread not in overhead.began  # as `overhead.start` and `stop` do, which would be two calls a hook
        if outermost:
            overhead.began[thread] = perf_counter() if thread == MAIN else thread_time()
        try:
            method(self, *args, **kwargs)
        except Exception as fault:  # noqa: BLE001  the method is ours, and must not stop the user's training
            report_fault(method.__qualname__, fault)
        finally:
            if outermost:
                now = perf_counter() if thread == MAIN else thread_time()
                overhead.total += now - overhead.began.pop(thread)

    return cast("_Method", safe)


class attempt:  # noqa: N801  it reads as a statement: `with attempt("git"):`
    """Let a part fail alone: an exception in the block becomes a `Notice` in `run`, or else in the current run.

    There is a warning as well, except with `of_user`: an object of the user's that cannot be read is nobody's fault.
    """

    def __init__(self, about: str, *, run: CurrentRun | None = None, of_user: bool = False) -> None:
        self._about = about
        self._run = run
        self._of_user = of_user

    def __enter__(self) -> None:
        return

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if not isinstance(error, Exception):
            return False
        report_fault(self._about, error, run=self._run, with_warning=not self._of_user)
        return True
