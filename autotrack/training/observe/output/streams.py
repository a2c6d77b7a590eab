"""Captures what a run prints.

The stream objects stay what they are. Only the `write` of the current `sys.stdout` and `sys.stderr` is replaced by a
function that calls the original and then passes the text on. print, logging, warnings, progress bars and tracebacks
all end there.

Not captured is what bypasses these methods: bytes written to `sys.stdout.buffer`, or to the file descriptors by C code
and child programs; what spawned (not forked) workers print; and what is written to another object that replaces
`sys.stdout` during the run, as with `contextlib.redirect_stdout`.
"""

import contextlib
import functools
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from autotrack.interactive import ipython_shell
from autotrack.training.hooks.current_run import innermost_run


class TextReceiver(Protocol):
    """What takes the texts of one run."""

    def take(self, stream_name: str, text: str) -> None:
        """Take a text that was written to a stream."""

    def report(self, message: str) -> None:
        """Say what is not captured."""

    def give_up(self, fault: Exception) -> None:
        """Take nothing more after a fault of ours."""

    def pause(self) -> None:
        """Complete what was taken so far; more may come."""

    def close(self) -> None:
        """Take nothing more."""


class _StreamHook:
    """Listens to the `write` of one stream object.

    Raises `TypeError` for an object without attributes of its own, or whose class ignores them.
    """

    def __init__(self, name: str, stream: Any) -> None:
        self.stream = stream
        self.is_on = True
        self._name = name
        self._attributes = vars(stream)  # not `setattr`, which wrappers pass on to the stream that they wrap
        self._before = self._attributes.get("write")  # another tracker was here first
        self._original = stream.write
        self._hook = self._attributes["write"] = self._wrap()
        if stream.write is not self._hook:
            self.remove()
            raise TypeError(f"{type(stream).__name__}.write cannot be replaced")

    @property
    def is_in_place(self) -> bool:
        """Whether writes still pass through this hook, possibly inside somebody else's."""
        return "write" in self._attributes

    @property
    def is_outermost(self) -> bool:
        """Whether nobody has wrapped or replaced this hook."""
        return self._attributes.get("write") is self._hook

    def remove(self) -> bool:
        """Restore what was there before. If somebody else has wrapped the hook, only switch it off."""
        self.is_on = False
        if self._attributes.get("write") is not self._hook:
            return False
        if self._before is None:
            del self._attributes["write"]
        else:
            self._attributes["write"] = self._before
        return True

    def _wrap(self) -> Callable[..., Any]:
        original, name = self._original, self._name

        def write(*args: Any, **kwargs: Any) -> Any:
            try:
                result = original(*args, **kwargs)
            except BaseException as error:  # of a full disk or a closed pipe, where a traceback should not name us
                if error.__traceback__ is not None:
                    error.__traceback__ = error.__traceback__.tb_next
                raise  # which adds no frame a second time
            if self.is_on:
                try:
                    _pass_on(name, args[0] if args else next(iter(kwargs.values()), None))
                except RecursionError:  # without us, the program would have met it a few calls later
                    return result
            return result

        return functools.update_wrapper(write, original)


_receivers: list[TextReceiver] = []
_between_runs: list[TextReceiver] = []  # at most one: it gets what is printed while there is no other receiver
_silent_threads: set[int] = set()
_hooks: list[_StreamHook] = []
_change = threading.RLock()


def listen(receiver: TextReceiver) -> None:
    """Give this receiver what is printed from now on.

    A stream that does not exist, is closed or cannot be changed is not captured; the receiver is told.
    """
    with _change:
        if receiver not in _receivers:
            _receivers.append(receiver)
        problems = _attach_all()
        _listen_in_cells(on=True)
    if problems:
        receiver.report(f"not captured: {', '.join(problems)}")


def count() -> int:
    """Return how many receivers are given what is printed."""
    return len(_receivers)


def forget(receiver: TextReceiver) -> None:
    """Give this receiver nothing more."""
    with _change:
        if receiver in _receivers:
            _receivers.remove(receiver)
        _leave_streams_alone()


def listen_between_runs(receiver: TextReceiver | None) -> None:
    """Give this receiver what is printed from now on while there is no other; None takes it away."""
    with _change:
        _between_runs[:] = [] if receiver is None else [receiver]
        if receiver is None:
            _leave_streams_alone()
        else:
            _attach_all()
            _listen_in_cells(on=True)


def is_run_listening() -> bool:
    """Whether there is a receiver other than the one between runs."""
    return bool(_receivers)


@contextlib.contextmanager
def not_captured() -> Iterator[None]:
    """Let nobody have what this thread prints in the block."""
    thread = threading.get_ident()
    _silent_threads.add(thread)
    try:
        yield
    finally:
        _silent_threads.discard(thread)


def choose_receivers(listening: Sequence[TextReceiver], chain: Iterable[TextReceiver]) -> Sequence[TextReceiver]:
    """Return who gets a text: the listening ones among the surrounding runs or, as in another thread, all."""
    return [receiver for receiver in chain if receiver in listening] or listening


def _listen_in_cells(*, on: bool) -> None:
    """In IPython, attach again at every cell: since version 9 it restores its own `write` after each of them."""
    events = getattr(ipython_shell(), "events", None)
    if events is None:
        return
    with contextlib.suppress(ValueError):  # it was not registered
        events.unregister("pre_run_cell", _attach_again)
    if on:
        events.register("pre_run_cell", _attach_again)


def _attach_again(_: object) -> None:
    with _change:
        for hook in [hook for hook in _hooks if not hook.is_outermost]:
            hook.is_on = False  # if it is still in place further in, it passes nothing on a second time
            _hooks.remove(hook)
        _attach_all()


def _leave_streams_alone() -> None:
    """Restore the streams as they were found, if nobody listens."""
    if not _receivers and not _between_runs:
        _hooks[:] = [hook for hook in _hooks if not hook.remove()]
        _listen_in_cells(on=False)


def _attach_all() -> list[str]:
    return [problem for name in ("stdout", "stderr") if (problem := _attach(name, getattr(sys, name, None)))]


def _attach(name: str, stream: Any) -> str:
    """Listen to a stream. Return why that is not possible, or an empty text."""
    try:
        if stream is None or stream.closed:
            return f"sys.{name} is {'None' if stream is None else 'closed'}"
    except (AttributeError, ValueError):  # some streams have no `closed`, and a detached one raises
        pass
    for hook in _hooks:
        if hook.stream is stream and hook.is_in_place:
            hook.is_on = True
            return ""
    try:
        _hooks.append(_StreamHook(name, stream))
    except (AttributeError, TypeError):
        return f"sys.{name} is a {type(stream).__name__}, whose write cannot be replaced"
    return ""


def _pass_on(name: str, text: object) -> None:
    if not isinstance(text, str) or (_silent_threads and threading.get_ident() in _silent_threads):
        return
    try:
        chosen = _receivers if len(_receivers) == 1 else tuple(choose_receivers(_receivers, _chain())) or _between_runs
    except Exception:  # noqa: BLE001  a fault of ours never reaches the print
        return
    for receiver in chosen:
        try:
            receiver.take(name, text)
        except (RecursionError, MemoryError):  # the program's own problem, which it is about to print
            continue
        except Exception as fault:  # noqa: BLE001  a fault of ours never reaches the print
            forget(receiver)
            with contextlib.suppress(Exception):
                receiver.give_up(fault)


def _chain() -> Iterator[TextReceiver]:
    run = innermost_run()
    while run is not None:
        receiver = getattr(run, "output", None)
        if receiver is not None:
            yield receiver
        run = run.outer
