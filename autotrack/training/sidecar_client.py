"""Tells the sidecar about runs, and waits for it at the end; without a sidecar, its work is done here.

The one place of the training side that reaches over to the shipping side, and only when there is no sidecar or a run
has ended.
"""

import atexit
import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

from autotrack import destinations
from autotrack.journal import summary
from autotrack.journal.summary import Summary
from autotrack.protocol import AnyMessage, Finalize, Finalized, Follow, Hello, Progress, Say, Shutdown, ShutdownDone
from autotrack.redaction.records import redactor_of_this_process
from autotrack.settings import Settings
from autotrack.training import ranks, spawn, terminal
from autotrack.training.hooks.faults import report_fault, unplaced_faults
from autotrack.training.hooks.patch import attempt
from autotrack.training.observe.exits import watch
from autotrack.training.observe.process import imported_modules

WhenRefreshed = Callable[[Summary], None]

_SETTLE_SECONDS = 0.3
"""How long the end of the process waits for what is not urgent."""

_LOOK_SECONDS = 0.003


class _Sidecar:
    """The process beside this one, as seen from here."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.secrets = redactor_of_this_process().secret_variables()  # it has those in its own environment
        self.pid: int | None = None
        self.progress = Progress(urgent=True, doing="starting")
        self.told: set[str] = set()
        self.ended: dict[str, None] = {}
        self.awaited: dict[str, WhenRefreshed | None] = {}
        self.is_done = False
        self._spawned = spawn.spawn()

    def tell(self, message: AnyMessage, *, at_once: bool = True) -> None:
        """Tell it something, which it hears within a second, or at once: waking it costs more than telling it."""
        self._spawned.to_sidecar.send(message)
        if at_once:
            self._spawned.wakeup.wake()

    def listen(self) -> None:
        """Take in what it has said since the last call."""
        for message in self._spawned.from_sidecar.receive():
            if isinstance(message, Hello):
                self.pid = message.pid
            elif isinstance(message, Finalized):
                if when_refreshed := self.awaited.pop(message.folder, None):
                    when_refreshed(summary.read(Path(message.folder)))
            elif isinstance(message, Say):
                terminal.say_amid(message.line)
            elif isinstance(message, Progress):
                self.progress = message
            elif isinstance(message, ShutdownDone):
                self.is_done = True

    def is_alive(self) -> bool:
        """Whether it is there or starting."""
        return self._spawned.is_alive()

    def wait_until_finalized(self, folder: str, patience: float) -> None:
        """Wait some seconds for the summary of a run; a sidecar that is gone is not waited for."""
        begun = monotonic()
        while self.is_alive():
            self.listen()
            if folder not in self.awaited or monotonic() - begun >= patience:
                return
            sleep(_LOOK_SECONDS)


_sidecar: _Sidecar | None = None
_follows: dict[str, Follow] = {}
_unsent: dict[str, Follow] = {}
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
    secrets = redactor_of_this_process().secret_variables()
    message = Follow(
        folder=str(folder),
        destinations=chosen.destinations,
        exit_timeout=chosen.exit_timeout,
        uploads=chosen.uploads,
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
        is_first = not sidecar.told  # a fit that is over in milliseconds should not wake it each time
        sidecar.told.add(str(folder))
        _try_to_tell(sidecar, message, at_once=is_first)


def listen() -> None:
    """Show what the sidecar has found out meanwhile; costs a microsecond or two."""
    if (sidecar := _mine()) is not None:
        sidecar.listen()


def refresh_derived(
    folder: Path, *, at_exit: bool = False, patience: float = 0.0, when_refreshed: WhenRefreshed | None = None
) -> None:
    """Have everything made that is derived from the journals in `folder`; `when_refreshed` is given the summary then.

    The sidecar does that, and is waited for `patience` seconds at most; what it comes to is heard of later if need be.
    `at_exit`: the process is ending, and its exit code is not known yet.
    """
    sidecar = _mine()
    if sidecar is None or str(folder) not in sidecar.told:
        _complete_here(folder, when_refreshed)
        return
    sidecar.ended[str(folder)] = None
    sidecar.awaited[str(folder)] = when_refreshed
    is_worth_waiting = patience > _LOOK_SECONDS
    _try_to_tell(sidecar, Finalize(folder=str(folder), at_exit=at_exit), at_once=is_worth_waiting)
    if is_worth_waiting:
        sidecar.wait_until_finalized(str(folder), patience)
    if not sidecar.is_alive():
        _lose(sidecar)


def _mine() -> _Sidecar | None:
    return _sidecar if _sidecar is not None and _sidecar.owner == os.getpid() else None


def _try_to_tell(sidecar: _Sidecar, message: AnyMessage, *, at_once: bool = True) -> None:
    try:
        sidecar.tell(message, at_once=at_once)
    except OSError as error:
        report_fault("sidecar", f"it cannot be told about a run: {error}")


def _lose(sidecar: _Sidecar) -> None:
    """Go on without the sidecar, which has died, and do what it had not done for runs that have ended."""
    global _sidecar, _gave_up
    _sidecar, _gave_up = None, True
    atexit.unregister(_leave)
    sidecar.listen()
    state = "did not start" if sidecar.pid is None else "ended unexpectedly"
    report_fault("sidecar", f"the process beside training {state}; its work is done when runs end")
    for folder in sidecar.ended:
        with attempt("finish"):
            _complete_here(Path(folder), sidecar.awaited.get(folder))


def _complete_here(folder: Path, when_refreshed: WhenRefreshed | None = None) -> None:
    from autotrack.sidecar import completion  # all of the shipping side, which usually is in the sidecar only

    found_no_run = [unplaced_faults.popleft() for _ in range(len(unplaced_faults))]  # that the sidecar is lost
    follow = _follows.get(str(folder))
    follow = follow or Follow(folder=str(folder), environment=False, quiet=True, system_seconds=0.0)
    line = completion.complete(follow, found_no_run)
    if any(destinations.is_remote(place) for place in follow.destinations):
        _unsent[str(folder)] = follow
        atexit.unregister(_send_rest)
        atexit.register(_send_rest)
    found = summary.read(folder)  # also when nobody asks: that it cannot be read should be heard of
    if when_refreshed:
        when_refreshed(found)
    if line and not follow.quiet:
        terminal.say(line)


def _send_rest() -> None:
    """Without a sidecar, runs are sent to servers when the process ends: training never waits for the network."""
    from autotrack.sidecar import completion

    deadline = monotonic() + _exit_timeout
    given_up: set[str] = set()
    for folder, follow in _unsent.items():
        for url in [place for place in follow.destinations if destinations.is_remote(place) and place not in given_up]:
            with attempt("finish"):
                patience = max(deadline - monotonic(), 0.0)
                if completion.send(
                    Path(folder), url, patience=patience, uploads=follow.uploads, on_problem=_say_unsent
                ):
                    given_up.add(url)
    _unsent.clear()


def _say_unsent(trouble: str) -> None:
    terminal.say(f"autotrack: {trouble}; to try again, run: autotrack sync")


def _leave() -> None:
    """Wait, when the process ends, for what has to be done before."""
    sidecar = _mine()
    if sidecar is None or not sidecar.told:
        return
    _try_to_tell(sidecar, Shutdown())
    try:
        is_alive = _wait_for_the_end(sidecar)
    except KeyboardInterrupt:  # the sidecar goes on by itself
        is_alive = True
    if not is_alive:
        sidecar.ended.update(dict.fromkeys(_follows))  # all of them, now
        _lose(sidecar)
        watch.keep_exit_code()
    elif not sidecar.is_done and sidecar.progress.urgent:
        terminal.say(f"autotrack: still {sidecar.progress.doing}; if that is cut off, run: autotrack sync")


def _wait_for_the_end(sidecar: _Sidecar) -> bool:
    begun = monotonic()
    shown = terminal.Waiting()
    while sidecar.is_alive():
        sidecar.listen()
        waited = monotonic() - begun
        if sidecar.is_done or waited > (_exit_timeout if sidecar.progress.urgent else _SETTLE_SECONDS):
            shown.over()
            return True
        shown.show(sidecar.progress.doing, waited)
        sleep(_LOOK_SECONDS)
    shown.over()
    return sidecar.is_done
