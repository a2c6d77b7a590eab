"""Notes the signal that ends this process, without a handler of its own that could change what the signal does.

`faulthandler` writes the Python stack from inside the signal, whatever the process is doing, and then lets the signal
take its course; Python's own table of handlers stays as it is. Whoever holds the other end of the files reads there,
after the process has died, which signal it was and where it struck.
"""

import faulthandler
import os
import signal

from autotrack.protocol import FATAL, nameless_file

_DEADLY = ("SIGTERM", "SIGHUP", "SIGXCPU", "SIGUSR1", "SIGUSR2")

_watched: dict[str, int] = {}


def watch() -> dict[str, int]:
    """Begin to note deadly signals; return the descriptors of the files they are noted in, by the signal's name.

    A signal that has a handler or is ignored is left alone, as is `faulthandler` where it is on already. A handler
    that is set later takes the place of ours.
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
    os.register_at_fork(after_in_child=_forget)  # how a worker ends is not how the training does
    return dict(_watched)


def _forget() -> None:
    for name in _watched:
        if name == FATAL:
            faulthandler.disable()
        else:
            faulthandler.unregister(getattr(signal, name))
    _watched.clear()
