"""Tells the sidecar of this process about runs, and waits for it at exit. Without a sidecar, does its work here.

The rest of the training side calls the functions at the end of this module. They act on the one client that a process
has. Only `without_sidecar` reaches over to the sidecar's own modules, and only when a run has ended.
"""

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autotrack.journal.copies import Copy
from autotrack.output_channel import RunWriter
from autotrack.protocol import Follow, MakeCopy, Shutdown
from autotrack.redaction.record_redactor import redactor_of_this_process
from autotrack.settings import Settings
from autotrack.training import ranks, spawn, terminal
from autotrack.training.announcements import announcements
from autotrack.training.end_reports import WhenRefreshed
from autotrack.training.hooks.faults import attempt, report_fault
from autotrack.training.nothing_recorded import nothing_recorded
from autotrack.training.observe.exits import watch
from autotrack.training.observe.process import imported_modules, imported_packages
from autotrack.training.sidecar_process import SidecarProcess
from autotrack.training.without_sidecar import WithoutSidecar


class SidecarClient:
    """The sidecar of this process, from before its start until it is done, lost or given up.

    A forked child shares neither the sidecar nor the runs of its parent: every public method first checks for a fork.
    """

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._sidecar: SidecarProcess | None = None
        self._has_given_up = False
        self._is_fork_of_recorder = False
        self._follows: dict[str, Follow] = {}
        self._without = WithoutSidecar()
        self._exit_timeout = 30.0
        self._is_quiet = False

    def start(self, chosen: Settings) -> None:
        """Start the sidecar, if it is wanted and not there yet. If it is there, say what it knows of earlier runs."""
        self._notice_fork()
        if self._sidecar is not None:
            self._sidecar.say_reports()
        self._exit_timeout, self._is_quiet = chosen.exit_timeout, chosen.quiet
        if not chosen.sidecar or self._sidecar is not None or self._has_given_up:
            return
        try:
            self._sidecar = SidecarProcess(spawn.spawn(), redactor_of_this_process().secret_variables())
        except OSError as error:
            self._has_given_up = True
            message = f"no process can be started beside training ({error}); its work is done when runs end"
            report_fault("sidecar", message)
        else:
            announcements.say_rest_at_exit()
            atexit.register(self._wait_at_exit)

    def start_if_main(self, chosen: Settings) -> None:
        """Start the sidecar before there is a run, unless this process was made by another one that records."""
        self._notice_fork()
        is_fork = self._is_fork_of_recorder and self._sidecar is None
        if not ranks.is_spawned() and not is_fork and not ranks.rank_from_environment():
            self.start(chosen)

    def follow(
        self, folder: Path, chosen: Settings, *, rank: int = 0, only_load: bool = False, is_one_of_many: bool = False
    ) -> RunWriter | None:
        """Have the sidecar look after the run in `folder` from now on.

        Args:
            folder: The folder of the run.
            chosen: The settings of the run.
            rank: The rank of this process in the run.
            only_load: Only sample the load of this process. The run itself belongs to another process.
            is_one_of_many: Whether the process has begun some runs before.

        Returns:
            What hands the output of the run to the sidecar; None where that is kept by this process.
        """
        self._notice_fork()
        nothing_recorded.is_over()
        sidecar = self._sidecar if chosen.sidecar else None
        channel = sidecar.output if sidecar and chosen.output and not only_load else None
        output = channel.for_run() if channel else None
        message = Follow(
            folder=str(folder),
            destinations=chosen.destinations,
            exit_timeout=chosen.exit_timeout,
            uploads=chosen.uploads,
            modules=imported_modules(),
            packages=imported_packages(),
            secrets=sidecar.secrets_it_lacks(redactor_of_this_process().secrets()) if sidecar else {},
            environment=chosen.environment,
            untracked_bytes=int(chosen.untracked_mb * 1e6),
            quiet=chosen.quiet,
            system_seconds=chosen.system_seconds,
            rank=rank,
            only_load=only_load,
            output=output.number if output else 0,
            printed_metrics=chosen.printed_metrics,
            printed_patterns=list(chosen.printed_patterns),
            promote=chosen.promote,
            on_promote=chosen.on_promote,
            is_one_of_many=is_one_of_many,
        )
        if not only_load:
            self._follows[str(folder)] = message
        if sidecar is not None:
            with _reporting_os_errors():
                sidecar.follow(message)
                return output
        return None

    def is_followed(self, folder: Path) -> bool:
        """Return whether a living sidecar looks after the run in `folder`."""
        self._notice_fork()
        return self._sidecar is not None and str(folder) in self._sidecar.followed and self._sidecar.is_alive()

    def is_alive(self) -> bool:
        """Return whether there is a sidecar."""
        self._notice_fork()
        return self._sidecar is not None and self._sidecar.is_alive()

    def exit_timeout(self) -> float:
        """Return for how many seconds the end of the process may wait."""
        return self._exit_timeout

    def waiting(self) -> terminal.Waiting:
        """Return what says for what the end of the process waits, and for how long at most."""
        return terminal.Waiting(self._exit_timeout, is_quiet=self._is_quiet)

    def copy(self, folder: Path, copy: Copy) -> None:
        """Have the sidecar make a copy of a file that was logged to the run in `folder`."""
        with _reporting_os_errors():
            if self._sidecar is not None:
                self._sidecar.send(MakeCopy(folder=str(folder), copy=copy))

    def listen(self) -> None:
        """Take in what the sidecar has said meanwhile. Costs a microsecond or two."""
        self._notice_fork()
        if self._sidecar is not None:
            self._sidecar.listen()

    def refresh_derived(
        self,
        folder: Path,
        *,
        at_exit: bool = False,
        patience: float = 0.0,
        when_refreshed: WhenRefreshed | None = None,
    ) -> None:
        """Have everything brought up to date that is derived from the journals of a run that has ended.

        Args:
            folder: The folder of the run.
            at_exit: Python is exiting, so that the exit code is not known yet.
            patience: For how many seconds the sidecar is waited for. If it takes longer, it is heard of later.
            when_refreshed: Called with the summary once that is made, and how the run compares with earlier ones.
        """
        self._notice_fork()
        sidecar = self._sidecar
        if sidecar is None or str(folder) not in sidecar.followed:
            self._complete(str(folder), when_refreshed)
            if at_exit:  # whatever is registered with `atexit` by now is not called any more
                self._without.send_unsent()
            return
        with _reporting_os_errors():
            sidecar.finalize(str(folder), at_exit=at_exit, when_refreshed=when_refreshed, patience=patience)
        for forgotten in sidecar.forget_oldest():
            self._follows.pop(forgotten, None)
        if not sidecar.is_alive():
            self._go_on_without(sidecar)

    def flush(self, folder: Path | None = None, *, timeout: float) -> list[str]:
        """Bring a run up to date, or all of them, here and on servers; return what is not after `timeout` seconds."""
        self._notice_fork()
        sidecar, lacking = self._sidecar, list[str]()
        if sidecar is not None and (folder is None or str(folder) in sidecar.followed):
            with _reporting_os_errors():
                lacking = sidecar.flush([str(folder)] if folder else [], timeout)
            if not sidecar.is_alive():
                self._go_on_without(sidecar)
                sidecar, lacking = None, []
        without = [
            follow
            for name, follow in self._follows.items()
            if (folder is None or name == str(folder)) and (sidecar is None or name not in sidecar.followed)
        ]
        return lacking + self._without.flush(without, timeout)

    def _notice_fork(self) -> None:
        """In a forked child, forget the sidecar and the runs of the parent."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._is_fork_of_recorder = self._is_fork_of_recorder or self._sidecar is not None
            self._sidecar, self._without = None, WithoutSidecar()
            self._follows.clear()

    def _go_on_without(self, sidecar: SidecarProcess) -> None:
        """Give up the sidecar, which has died, and do what it had not done for runs that have ended."""
        self._sidecar, self._has_given_up = None, True
        atexit.unregister(self._wait_at_exit)
        sidecar.listen()
        self._without.take_over(sidecar.output)
        state = "did not start" if sidecar.pid is None else "ended unexpectedly"
        latest = sidecar.take_latest()
        earlier = f"; to complete {sidecar.left} earlier ones, run: autotrack sync" if sidecar.left else ""
        report_fault("sidecar", f"the process beside training {state}; its work is done when runs end{earlier}")
        for folder in latest:
            with attempt("finish"):
                self._complete(folder, sidecar.take_awaited(folder))

    def _complete(self, folder: str, when_refreshed: WhenRefreshed | None) -> None:
        follow = self._follows.get(folder)
        follow = follow or Follow(folder=folder, environment=False, quiet=True, system_seconds=0.0)
        self._without.complete(follow, when_refreshed)

    def _wait_at_exit(self) -> None:
        """Wait, when Python exits, for work that would be lost with the machine."""
        self._notice_fork()
        sidecar = self._sidecar
        if sidecar is None or not sidecar.followed:
            return
        with _reporting_os_errors():
            sidecar.send(Shutdown())
        try:
            is_alive = sidecar.wait_for_shutdown(self._exit_timeout, self.waiting())
        except KeyboardInterrupt:  # the sidecar goes on by itself
            is_alive = True
        if not is_alive:
            sidecar.ended.update(dict.fromkeys(self._follows))  # every run has ended now
            self._go_on_without(sidecar)
            watch.keep_exit_code()
        elif not sidecar.is_done and sidecar.progress.urgent:
            terminal.say(f"autotrack: still {sidecar.progress.doing}; if that is cut off, run: autotrack sync")


@contextmanager
def _reporting_os_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        report_fault("sidecar", f"it cannot be told about a run: {error}")


_client = SidecarClient()
start = _client.start
start_if_main = _client.start_if_main
follow = _client.follow
is_followed = _client.is_followed
is_alive = _client.is_alive
exit_timeout = _client.exit_timeout
waiting = _client.waiting
copy = _client.copy
listen = _client.listen
flush = _client.flush
refresh_derived = _client.refresh_derived
