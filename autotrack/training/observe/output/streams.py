"""Gets hold of everything that a run prints.

The streams stay what they are: the `write` of the present `sys.stdout` and `sys.stderr` is set to a function that
calls the original and then hands the text on. print, logging, warnings, progress bars and tracebacks all end there.
Not seen is what goes around it: bytes written to `sys.stdout.buffer` or to the descriptors by C code and child
programs, what spawned (not forked) workers print, and what goes to another object that takes the place of `sys.stdout`
while a run is on, as with `contextlib.redirect_stdout`.
"""

import contextlib
import functools
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from autotrack.interactive import ipython_shell
from autotrack.training.hooks.current_run import innermost_run
from autotrack.training.observe.output.log import OutputLog


class _Tee:
    """Listens to the `write` of one stream object.

    Raises `TypeError` for an object that has no attributes of its own, or whose class does not let them count.
    """

    def __init__(self, name: str, stream: Any) -> None:
        self.stream = stream
        self.is_on = True
        self._name = name
        self._attributes = vars(stream)  # for objects round a stream hand `setattr` on to what they wrap
        self._before = self._attributes.get("write")  # another tracker was here first
        self._original = stream.write
        self._put = self._attributes["write"] = self._wrap()
        if stream.write is not self._put:
            self.remove()
            raise TypeError(f"{type(stream).__name__}.write cannot be replaced")

    @property
    def is_in_place(self) -> bool:
        """Whether what is written still goes through here: as it does when somebody has put his own around it."""
        return "write" in self._attributes

    @property
    def is_outermost(self) -> bool:
        """Whether nobody has put his own around it, or in its place."""
        return self._attributes.get("write") is self._put

    def remove(self) -> bool:
        """Put back what was there; where somebody has put his own around it, switch it off in place instead."""
        self.is_on = False
        if self._attributes.get("write") is not self._put:
            return False
        if self._before is None:
            del self._attributes["write"]
        else:
            self._attributes["write"] = self._before
        return True

    def _wrap(self) -> Callable[..., Any]:
        original, name = self._original, self._name

        def write(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            if self.is_on:
                try:
                    _hand_on(name, args[0] if args else next(iter(kwargs.values()), None))
                except RecursionError:  # of the program, a few calls later if it were not for ours
                    return result
            return result

        return functools.update_wrapper(write, original)


_listening: list[OutputLog] = []
_tees: list[_Tee] = []
_change = threading.RLock()


def listen(log: OutputLog) -> None:
    """Give this log what is printed from now on.

    A stream that does not exist, is closed or cannot be changed is not captured; the log reports it.
    """
    with _change:
        if log not in _listening:
            _listening.append(log)
        problems = [problem for name in ("stdout", "stderr") if (problem := _attach(name, getattr(sys, name, None)))]
        _watch_cells(on=True)
    if problems:
        log.report(f"not captured: {', '.join(problems)}")


def forget(log: OutputLog) -> None:
    """Give this log nothing any more; with the last one, leave the streams as they were found."""
    with _change:
        if log in _listening:
            _listening.remove(log)
        if not _listening:
            _tees[:] = [tee for tee in _tees if not tee.remove()]
            _watch_cells(on=False)


def receivers(listening: Sequence[OutputLog], chain: Iterable[OutputLog]) -> Sequence[OutputLog]:
    """Which logs get a text: those of the runs around it that listen, otherwise, as in another thread, all."""
    return [log for log in chain if log in listening] or listening


def _watch_cells(*, on: bool) -> None:
    """In IPython, listen anew at every cell: from 9 on it puts a `write` of its own back when a cell has ended."""
    shell = ipython_shell()
    if shell is None:
        return
    with contextlib.suppress(ValueError):  # it was not registered
        shell.events.unregister("pre_run_cell", _listen_anew)
    if on:
        shell.events.register("pre_run_cell", _listen_anew)


def _listen_anew(_: object) -> None:
    with _change:
        for tee in [tee for tee in _tees if not tee.is_outermost]:
            tee.is_on = False  # should it still be there further in, it hands nothing on a second time
            _tees.remove(tee)
        for name in ("stdout", "stderr"):
            _attach(name, getattr(sys, name, None))


def _attach(name: str, stream: Any) -> str:
    """Listen to a stream; return why that is not possible, if so."""
    try:
        if stream is None or stream.closed:
            return f"sys.{name} is {'None' if stream is None else 'closed'}"
    except (AttributeError, ValueError):  # not every stream says so, and a detached one raises
        pass
    for tee in _tees:
        if tee.stream is stream and tee.is_in_place:
            tee.is_on = True
            return ""
    try:
        _tees.append(_Tee(name, stream))
    except (AttributeError, TypeError):
        return f"sys.{name} is a {type(stream).__name__}, whose write cannot be replaced"
    return ""


def _hand_on(name: str, text: object) -> None:
    if not isinstance(text, str):
        return
    try:
        logs = tuple(_listening if len(_listening) == 1 else receivers(_listening, _chain()))
    except Exception:  # noqa: BLE001  a fault of ours never reaches the print
        return
    for log in logs:
        try:
            log.take(name, text)
        except (RecursionError, MemoryError):  # the program's own trouble: what it prints of it comes next
            continue
        except Exception as fault:  # noqa: BLE001  a fault of ours never reaches the print
            forget(log)
            with contextlib.suppress(Exception):
                log.give_up(fault)


def _chain() -> Iterator[OutputLog]:
    run = innermost_run()
    while run is not None:
        log = getattr(run, "output", None)
        if log is not None:
            yield log
        run = run.outer
