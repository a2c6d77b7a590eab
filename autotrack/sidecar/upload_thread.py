"""Sends runs to servers, with a thread for each server: one that does not respond holds nothing else up."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from autotrack import destinations
from autotrack.settings import UploadLimits
from autotrack.sinks import build
from autotrack.sinks.owed import counted
from autotrack.sinks.shipment import Shipment

_SECONDS = 1.0
"""How often there may be something new to send: one request a second is enough for a server."""

_RETRY_SECONDS = 60.0
"""After what time a run is tried again that the server has refused, while training goes on."""

_NOTING_SECONDS = 3.0
"""For how long runs that were never tried note, after a server was given up, that it was."""

_PAUSE_SECONDS = 0.1


class UploadState(NamedTuple):
    """What a server lacks of a run, a sentence each, and whether that stays so until it is tried again."""

    problems: list[str]
    is_settled: bool


class Uploads:
    """The upload threads of a sidecar, by the URL of their server. Only the loop of the sidecar calls this."""

    def __init__(self) -> None:
        self._threads: dict[str, UploadThread] = {}

    @property
    def is_busy(self) -> bool:
        """Whether anything is left to send, or may come to be."""
        return bool(self._threads)

    def add(self, url: str, folder: Path, limits: UploadLimits, on_problem: Callable[[str], None]) -> None:
        """Send the run in `folder` to a server from now on."""
        if url not in self._threads:
            self._threads[url] = UploadThread(url)
        self._threads[url].add(folder, limits, on_problem)

    def end(self, urls: Iterable[str], folder: Path) -> None:
        """Tell the threads of these servers that nothing more is added to the run in `folder`."""
        for url in urls:
            if url in self._threads:
                self._threads[url].end(folder)

    def flush_now(self, in_use: set[str], *, patience: float) -> None:
        """Send what is left without delay, and stop the threads that are done.

        Args:
            in_use: The servers of runs that may still grow. Their threads go on.
            patience: For how many seconds a server may take nothing before it is given up.
        """
        for url, thread in list(self._threads.items()):
            if thread.is_done and url not in in_use:
                thread.stop()
                del self._threads[url]
            elif thread.seconds_stuck() > patience:
                thread.stop()
            else:
                thread.flush_now()

    def send_now(self) -> None:
        """Send at once what there is, also to servers that have refused something."""
        for thread in self._threads.values():
            thread.send_now()

    def states(self, since: float) -> Iterator[tuple[str, Path, UploadState]]:
        """Yield for each server and run what became of all that there was at a time, by the clock of `monotonic`."""
        for url, thread in self._threads.items():
            for folder, state in thread.states(since):
                yield url, folder, state

    def describe(self) -> str:
        """Say what the first of the threads is doing."""
        return next(iter(self._threads.values())).describe()


class UploadThread:
    """Sends runs to one server until they have ended. After `stop`, the rest stays in the journals."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._uploads: dict[Path, _Upload] = {}
        self._ended: set[Path] = set()
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._stopped_at = 0.0
        self._is_flush_requested = False
        self._flush_requested_at: float | None = None
        self._start()

    def add(self, folder: Path, limits: UploadLimits, on_problem: Callable[[str], None]) -> None:
        """Send the run in `folder`, from where an earlier shipment stopped, and whatever is added to it.

        After `stop`, that the server was given up is noted in the run: it may be a short one, completed only then.
        """
        with self._changed:
            self._ended.discard(folder)
            if folder not in self._uploads:
                self._uploads[folder] = _Upload(folder, self._url, limits, self._stop, on_problem)
            if self._stop.is_set():
                self._stopped_at = monotonic()
                if self._is_over:
                    self._start()

    def end(self, folder: Path) -> None:
        """Forget the run in `folder` as soon as the server has all of it: nothing more is added."""
        with self._changed:
            self._ended.add(folder)
            self._changed.notify()

    def flush_now(self) -> None:
        """Send at once what there is, without waiting for more."""
        with self._changed:
            self._is_flush_requested = True
            self._flush_requested_at = self._flush_requested_at or monotonic()
            self._changed.notify()

    def send_now(self) -> None:
        """Send at once what there is, as long as training goes on: a server that is slow is not given up for that."""
        with self._changed:
            for upload in self._uploads.values():
                upload.is_asked_for = True
            self._is_flush_requested = True
            self._changed.notify()

    def states(self, since: float) -> Iterator[tuple[Path, UploadState]]:
        """Yield for each run what became of all that there was at a time."""
        with self._changed:
            uploads = list(self._uploads.items())
        for folder, upload in uploads:
            yield folder, upload.state(since, has_stopped=self._stop.is_set())

    def stop(self) -> None:
        """Break off, even in the middle of a request that is being repeated."""
        if not self._stop.is_set():
            self._stopped_at = monotonic()
            self._stop.set()
        self.flush_now()

    @property
    def is_done(self) -> bool:
        """Whether everything has arrived, or cannot arrive and that is noted."""
        if not self._uploads:
            return True
        return self._stop.is_set() and (not self._untried() or monotonic() - self._stopped_at > _NOTING_SECONDS)

    def seconds_stuck(self) -> float:
        """Return for how long the server has taken nothing, counted from the first `flush_now`."""
        last_progress = [upload.last_progress for upload in list(self._uploads.values())]
        return monotonic() - max([self._flush_requested_at or monotonic(), *last_progress])

    def describe(self) -> str:
        """Say what the thread is doing."""
        count = len(self._uploads)
        return f"sending {count} {'run' if count == 1 else 'runs'} to {destinations.without_credentials(self._url)}"

    def _start(self) -> None:
        self._is_over = False
        threading.Thread(target=self._work, name="autotrack-upload", daemon=True).start()

    def _work(self) -> None:
        while not self._stop.is_set():
            with self._changed:
                if not self._is_flush_requested:
                    self._changed.wait(_SECONDS)
                self._is_flush_requested = False
                uploads = [(folder, upload, folder in self._ended) for folder, upload in self._uploads.items()]
            for folder, upload, has_ended in uploads:
                upload.carry(is_last=has_ended)
                if self._stop.is_set():
                    break
                if has_ended:
                    self._forget(folder, upload)
        self._note_unsent()

    def _note_unsent(self) -> None:
        """Have the runs that were never tried note that the server was given up. The client asks it nothing more."""
        while not self._is_over:
            for upload in self._untried():
                upload.carry(is_last=True)
            with self._changed:
                self._changed.wait(_PAUSE_SECONDS)  # a short run may be completed only now
                self._is_over = monotonic() - self._stopped_at > _NOTING_SECONDS

    def _untried(self) -> list["_Upload"]:
        with self._changed:
            return [upload for upload in self._uploads.values() if not upload.was_tried]

    def _forget(self, folder: Path, upload: "_Upload") -> None:
        with self._changed:
            if folder not in self._ended:
                return  # the run was resumed meanwhile
            self._ended.discard(folder)
            del self._uploads[folder]
        upload.close()


class _Upload:
    """One run on its way to a server. When that refuses all of it, it is tried again after a while, and at the end.

    `on_problem` is told each thing once: why a transfer was broken off, and what was not taken, but not for each of
    many files. `was_tried` says whether `carry` has ever come to its end, `is_asked_for` that somebody waits for it.
    """

    def __init__(
        self, folder: Path, url: str, limits: UploadLimits, stop: threading.Event, on_problem: Callable[[str], None]
    ) -> None:
        self._folder, self._url, self._limits, self._stop = folder, url, limits, stop
        self._report = on_problem
        self._reported: set[object] = set()
        self._failed_at: float | None = None
        self._carried_at = 0.0
        self.was_tried = self.is_asked_for = False
        self._open()

    @property
    def last_progress(self) -> float:
        """When the server last took something or answered, on the clock of `time.monotonic`."""
        return self._sink.last_progress

    def carry(self, *, is_last: bool) -> None:
        """Send what there is."""
        began, is_asked_for, self.is_asked_for = monotonic(), self.is_asked_for, False
        if self._failed_at is not None:
            if not is_last and not is_asked_for and monotonic() - self._failed_at < _RETRY_SECONDS:
                return
            self.close()
            self._open()
        self._shipment.carry(flush=True)
        self._carried_at = began
        self._failed_at = monotonic() if self._shipment.fault else None
        self.was_tried = True
        self._report_refused()
        if is_last and self._failed_at is None and (names := self._sink.registered_as):
            self._send_models(names)

    def _send_models(self, names: Sequence[str]) -> None:
        """Have the server follow what was done with the registered models that the run is a version of."""
        from autotrack.models.registration import store_of  # few runs are registered
        from autotrack.models.registry import Registry
        from autotrack.models.servers import send_models

        try:
            owed = send_models(Registry(store_of(self._folder)), names, self._url, stop=self._stop)
        except Exception as fault:  # noqa: BLE001  the runs after it are to be sent all the same
            self._on_problem(
                f"the registered models {', '.join(names)} were not sent: {type(fault).__name__}: {fault}"
            )
            return
        for sentence in owed.sentences():
            self._on_problem(f"{destinations.without_credentials(self._url)}: {sentence}")

    def state(self, since: float, *, has_stopped: bool) -> UploadState:
        """Return what became of all that there was at a time."""
        if self._carried_at < since and not has_stopped:
            return UploadState(["being sent"], is_settled=False)
        fault = self._shipment.fault
        problems = [str(fault)] if fault is not None else self._sink.owed.sentences()
        return UploadState(list(problems), is_settled=True)

    def close(self) -> None:
        """Let others send the run."""
        self._shipment.close()

    def _open(self) -> None:
        self._sink = build.remote_sink(self._url, stop=self._stop, uploads=self._limits, on_problem=self._on_problem)
        self._shipment = Shipment(self._folder, self._sink, on_problem=self._on_problem)

    def _report_refused(self) -> None:
        server = destinations.without_credentials(self._url)
        for alike, names in self._sink.owed.by_reason().items():
            if alike not in self._reported:
                self._reported.add(alike)
                kind, reason = alike
                self._report(
                    f"{server} did not take {counted(kind, names)}: {reason}; to try again, run: autotrack sync"
                )

    def _on_problem(self, problem: str) -> None:
        if problem not in self._reported:
            self._reported.add(problem)
            self._report(problem)
