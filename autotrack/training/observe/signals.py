"""Notes the signal that ends this process, without a handler that could change what the signal does.

`faulthandler` writes the Python stack from inside the signal, whatever the process is doing, and then lets the signal
take its course. Python's own table of handlers stays as it is. The sidecar has the files open too; after the process
has died, it reads there which signal it was and where it struck.
"""

import faulthandler
import os
import signal
from collections.abc import Callable
from typing import Any

from autotrack.protocol import FATAL, nameless_file
from autotrack.training.hooks.patch import Patch

_DEADLY = ("SIGTERM", "SIGHUP", "SIGXCPU", "SIGUSR1", "SIGUSR2")

_watched: dict[str, int] = {}  # of the whole process, as faulthandler and the table of signals are
_disable = faulthandler.disable


class _FatalSignals:
    """Whether `faulthandler` is on for us, which the script cannot tell.

    Scripts ask before they switch it on themselves, to see the stack of a crash on the terminal.
    """

    def __init__(self) -> None:
        self._is_ours = False
        self._patches = [
            Patch(faulthandler, "is_enabled", wrap=self._wrap_is_enabled),
            Patch(faulthandler, "enable", wrap=self._wrap_enable),
            Patch(faulthandler, "disable", wrap=self._wrap_disable),
        ]

    def hide(self) -> None:
        self._is_ours = True
        for patch in self._patches:
            patch.apply()

    def give_up(self) -> None:
        if self._is_ours:
            self._is_ours = False
            _disable()

    def _wrap_is_enabled(self, original: Callable[..., Any], _guard: object) -> Callable[..., Any]:
        return lambda: not self._is_ours and original()

    def _wrap_enable(self, original: Callable[..., Any], _guard: object) -> Callable[..., Any]:
        def enable(*args: Any, **options: Any) -> Any:
            original(*args, **options)
            self._is_ours = False

        return enable

    def _wrap_disable(self, original: Callable[..., Any], _guard: object) -> Callable[..., Any]:
        return lambda: not self._is_ours and original()


_fatal = _FatalSignals()


def watch() -> dict[str, int]:
    """Start to note deadly signals. Return the descriptors of the files they are noted in, by the name of the signal.

    Signals that have a handler or are ignored are left alone, and so is `faulthandler` if it is already on. A handler
    that is set later replaces ours.
    """
    if _watched or not hasattr(faulthandler, "register"):  # not on Windows
        return dict(_watched)
    for name in _DEADLY:
        number = getattr(signal, name)
        if signal.getsignal(number) is signal.SIG_DFL:
            _watched[name] = nameless_file(name)
            faulthandler.register(number, file=_watched[name], all_threads=False, chain=True)
    if not faulthandler.is_enabled():
        _watched[FATAL] = nameless_file(FATAL)
        faulthandler.enable(file=_watched[FATAL], all_threads=False)
        _fatal.hide()
    os.register_at_fork(after_in_child=_forget)  # how a forked worker ends is not how the training ends
    return dict(_watched)


def _forget() -> None:
    for name in _watched:
        if name == FATAL:
            _fatal.give_up()
        else:
            faulthandler.unregister(getattr(signal, name))
    _watched.clear()
