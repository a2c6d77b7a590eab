"""Tells the sidecar about runs, and waits for it at the end; without a sidecar, its work is done here.

The one place of the training side that reaches over to the shipping side, and only when there is no sidecar or a run
has ended.
"""

import atexit
import os
import sys
from pathlib import Path
from time import monotonic, sleep

from autotrack import ranks, redaction, spawning, terminal
from autotrack.control import AnyMessage, Changes, Done, Follow, Hello, Leave, Progress, Settle, Settled
from autotrack.faults import report_fault, unplaced_faults
from autotrack.observe.exits import watch
from autotrack.observe.process import imported_modules
from autotrack.patching import attempt
from autotrack.settings import Settings
from autotrack.summary import Summary

_SETTLE_SECONDS = 0.3
"""How long the end of a run waits for its summary, and the end of the process for what is not urgent."""

_LOOK_SECONDS = 0.003


class _Sidecar:
    """The process beside this one, as seen from here."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.secrets = redaction.secret_variables(os.environ)  # it has those in its own environment
        self.pid: int | None = None
        self.progress = Progress(durable=False, doing="starting")
        self.told: set[str] = set()
        self.settled: set[str] = set()
        self.is_done = False
        self._spawned = spawning.spawn()

    def tell(self, message: AnyMessage) -> None:
        self._spawned.control.send(message)
        self._spawned.doorbell.ring()

    def listen(self) -> None:
        """Take in what it has said since the last call."""
        for message in self._spawned.answers.receive():
            if isinstance(message, Hello):
                self.pid = message.pid
            elif isinstance(message, Settled):
                self.settled.add(message.folder)
            elif isinstance(message, Changes):
                terminal.say_amid(message.line)
            elif isinstance(message, Progress):
                self.progress = message
            elif isinstance(message, Done):
                self.is_done = True

    def is_alive(self) -> bool:
        """Whether it is there or starting."""
        return self._spawned.is_alive()

    def wait_until_settled(self, folder: str) -> bool:
        """Wait a little for the summary of a run; a sidecar that is just starting is given a little more."""
        begun = monotonic()
        while self.is_alive():
            self.listen()
            if folder in self.settled:
                return True
            if monotonic() - begun > (_SETTLE_SECONDS if self.pid else 1.0):
                return False
            sleep(_LOOK_SECONDS)
        return False


_sidecar: _Sidecar | None = None
_follows: dict[str, Follow] = {}
_gave_up = False
_exit_timeout = 30.0


def start(chosen: Settings) -> None:
    """Start the sidecar of this process, if it is wanted and not there yet."""
    global _sidecar, _exit_timeout, _gave_up  # noqa: PLW0603  one process has one sidecar
    _exit_timeout = chosen.exit_timeout
    if not chosen.sidecar or _mine() is not None:
        return
    if _sidecar is not None:  # a forked child: those are its parent's
        _sidecar, _gave_up = None, False
        _follows.clear()
    if _gave_up:
        return
    try:
        _sidecar = _Sidecar()
    except OSError as error:
        _gave_up = True
        report_fault("sidecar", f"no process can be started beside training ({error}); its work is done when runs end")
    else:
        atexit.register(_leave)


def start_if_main(chosen: Settings) -> None:
    """Start the sidecar before there is a run, unless this process was made by another one that records."""
    multiprocessing = sys.modules.get("multiprocessing")
    is_child = multiprocessing is not None and multiprocessing.parent_process() is not None
    is_forked = _sidecar is not None and _mine() is None
    if not is_child and not is_forked and not ranks.rank_from_environment():
        start(chosen)


def follow(folder: Path, chosen: Settings, *, rank: int = 0, only_load: bool = False) -> None:
    """Have the run in `folder` looked after from now on."""
    sidecar = _mine() if chosen.sidecar else None
    secrets = redaction.secret_variables(os.environ)
    message = Follow(
        folder=str(folder),
        modules=imported_modules(),
        secrets={name: value for name, value in secrets.items() if sidecar and sidecar.secrets.get(name) != value},
        environment=chosen.environment,
        untracked_bytes=int(chosen.untracked_mb * 1e6),
        quiet=chosen.quiet,
        system_seconds=chosen.system_seconds,
        rank=rank,
        only_load=only_load,
    )
    if not only_load:  # that run is another process's
        _follows[str(folder)] = message
    if sidecar is not None:
        sidecar.told.add(str(folder))
        _try_to_tell(sidecar, message)


def listen() -> None:
    """Show what the sidecar has found out meanwhile; costs a microsecond or two."""
    if (sidecar := _mine()) is not None:
        sidecar.listen()


def settle(folder: Path, *, at_exit: bool = False) -> Summary | None:
    """Make everything that is derived from the journals in `folder`; return what the run came to.

    None when the sidecar is still at it. `at_exit`: the process is ending, and its exit code is not known yet.
    """
    from autotrack import catalog  # only now: while training runs, it is not in the process

    follow = _follows.get(str(folder))
    sidecar = _mine()
    if sidecar is None or str(folder) not in sidecar.told:
        _complete_here(folder, follow)
        return catalog.summarise(folder)
    sidecar.settled.discard(str(folder))
    _try_to_tell(sidecar, Settle(folder=str(folder), at_exit=at_exit))
    if sidecar.wait_until_settled(str(folder)):
        return catalog.read_summary(folder)  # just written, and not to be made again here
    if sidecar.is_alive():
        return None
    _lose(sidecar)
    _complete_here(folder, follow)
    for ended in sidecar.settled:  # and what it had not done for runs before this one
        with attempt("finish"):
            _complete_here(Path(ended), _follows.get(ended))
    return catalog.summarise(folder)


def _mine() -> _Sidecar | None:
    return _sidecar if _sidecar is not None and _sidecar.owner == os.getpid() else None


def _try_to_tell(sidecar: _Sidecar, message: AnyMessage) -> None:
    try:
        sidecar.tell(message)
    except OSError as error:
        report_fault("sidecar", f"it cannot be told about a run: {error}")


def _lose(sidecar: _Sidecar) -> None:
    """Go on without the sidecar, which has died."""
    global _sidecar, _gave_up
    _sidecar, _gave_up = None, True
    atexit.unregister(_leave)
    sidecar.listen()
    state = "did not start" if sidecar.pid is None else "ended unexpectedly"
    report_fault("sidecar", f"the process beside training {state}; its work is done when runs end")


def _complete_here(folder: Path, follow: Follow | None) -> None:
    from autotrack import following  # all of the shipping side, which usually is in the sidecar only

    found_no_run = [unplaced_faults.popleft() for _ in range(len(unplaced_faults))]  # that the sidecar is lost
    follow = follow or Follow(folder=str(folder), environment=False, quiet=True, system_seconds=0.0)
    line = following.complete(follow, found_no_run)
    if line and not follow.quiet:
        terminal.say(line)


def _leave() -> None:
    """Wait, when the process ends, for what has to be done before: local work, then for a while the remote sinks."""
    sidecar = _mine()
    if sidecar is None or not sidecar.told:
        return
    _try_to_tell(sidecar, Leave())
    try:
        is_alive = _wait_for_the_end(sidecar)
    except KeyboardInterrupt:  # the sidecar goes on by itself
        is_alive = True
    if not is_alive:
        _lose(sidecar)
        for folder, follow in _follows.items():
            with attempt("finish"):
                _complete_here(Path(folder), follow)
        watch.keep_exit_code()
    elif not sidecar.is_done and not sidecar.progress.durable:
        terminal.say(f"autotrack: still {sidecar.progress.doing}; if that is cut off, run: autotrack sync")


def _wait_for_the_end(sidecar: _Sidecar) -> bool:
    begun = monotonic()
    shown = terminal.Waiting()
    while sidecar.is_alive():
        sidecar.listen()
        waited = monotonic() - begun
        if sidecar.is_done or waited > (_SETTLE_SECONDS if sidecar.progress.durable else _exit_timeout):
            shown.over()
            return True
        shown.show(sidecar.progress.doing, waited)
        sleep(_LOOK_SECONDS)
    shown.over()
    return sidecar.is_done
