"""Sends runs to servers, with a thread for each server: one that does not respond holds nothing else up."""

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from time import monotonic

from autotrack import destinations
from autotrack.settings import UploadLimits
from autotrack.sinks import build
from autotrack.sinks.base import RemoteSink  # noqa: TC001  the type of an attribute
from autotrack.sinks.owed import counted
from autotrack.sinks.shipment import Shipment

_SECONDS = 1.0
"""How often there may be something new to send: one request a second is enough for a server."""


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

    def describe(self) -> str:
        """Say what the first of the threads is doing."""
        return next(iter(self._threads.values())).describe()


class UploadThread:
    """Sends runs to one server until they have ended. After `stop`, the rest stays in the journals."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._sinks: dict[Path, RemoteSink] = {}
        self._shipments: dict[Path, Shipment] = {}
        self._on_problem: dict[Path, Callable[[str], None]] = {}
        self._said: set[tuple[Path, str, str]] = set()
        self._ended: set[Path] = set()
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._is_flush_requested = False
        self._flush_requested_at: float | None = None
        self._thread = threading.Thread(target=self._work, name="autotrack-upload", daemon=True)
        self._thread.start()

    def add(self, folder: Path, limits: UploadLimits, on_problem: Callable[[str], None]) -> None:
        """Send the run in `folder`, from where an earlier shipment stopped, and whatever is added to it."""
        with self._changed:
            self._ended.discard(folder)
            if folder not in self._shipments:
                sink = build.remote_sink(self._url, stop=self._stop, uploads=limits, on_problem=on_problem)
                self._sinks[folder], self._on_problem[folder] = sink, on_problem
                self._shipments[folder] = Shipment(folder, sink, on_problem=on_problem)

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

    def stop(self) -> None:
        """Break off, even in the middle of a request that is being repeated."""
        self._stop.set()
        self.flush_now()

    @property
    def is_done(self) -> bool:
        """Whether everything has arrived, or cannot arrive."""
        return not self._shipments or self._stop.is_set()

    def seconds_stuck(self) -> float:
        """Return for how long the server has taken nothing, counted from the first `flush_now`."""
        last_progress = [sink.last_progress for sink in list(self._sinks.values())]
        return monotonic() - max([self._flush_requested_at or monotonic(), *last_progress])

    def describe(self) -> str:
        """Say what the thread is doing."""
        count = len(self._shipments)
        return f"sending {count} {'run' if count == 1 else 'runs'} to {destinations.without_credentials(self._url)}"

    def _work(self) -> None:
        while not self._stop.is_set():
            with self._changed:
                if not self._is_flush_requested:
                    self._changed.wait(_SECONDS)
                self._is_flush_requested = False
                shipments = [(folder, shipment, folder in self._ended) for folder, shipment in self._shipments.items()]
            for folder, shipment, has_ended in shipments:
                shipment.carry(flush=True)
                self._say_refused(folder)
                if self._stop.is_set():
                    return
                if has_ended or shipment.fault:
                    self._forget(folder, shipment)

    def _say_refused(self, folder: Path) -> None:
        """Say what the server did not take, once for each reason, and not for each of many files."""
        server = destinations.without_credentials(self._url)
        for (kind, reason), names in self._sinks[folder].owed.by_reason().items():
            if (folder, kind, reason) not in self._said:
                self._said.add((folder, kind, reason))
                self._on_problem[folder](
                    f"{server} did not take {counted(kind, names)}: {reason}; to try again, run: autotrack sync"
                )

    def _forget(self, folder: Path, shipment: Shipment) -> None:
        with self._changed:
            if folder not in self._ended and shipment.fault is None:
                return  # the run was resumed meanwhile
            self._ended.discard(folder)
            del self._shipments[folder], self._sinks[folder], self._on_problem[folder]
            self._said = {said for said in self._said if said[0] != folder}
        shipment.close()
