"""Carries runs to one server, in a thread of its own: one that does not answer holds nothing else up."""

import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from autotrack import destinations
from autotrack.settings import UploadLimits
from autotrack.sinks import build
from autotrack.sinks.base import RemoteSink  # noqa: TC001  the type of an attribute
from autotrack.sinks.shipment import Shipment

_SECONDS = 1.0
"""How often there may be something new to send: one request a second is enough for a server."""


class UploadThread:
    """Sends every run that it is given until that has ended; with `stop`, what is left stays in the journals."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._sinks: dict[Path, RemoteSink] = {}
        self._shipments: dict[Path, Shipment] = {}
        self._ended: set[Path] = set()
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._is_flush_requested = False
        self._flush_requested_at: float | None = None
        self._thread = threading.Thread(target=self._work, name="autotrack-upload", daemon=True)
        self._thread.start()

    def add(self, folder: Path, uploads: UploadLimits, on_problem: Callable[[str], None]) -> None:
        """Send the run in `folder`, from where an earlier shipment stopped, and what is added to it."""
        with self._changed:
            self._ended.discard(folder)
            if folder not in self._shipments:
                sink = build.remote_sink(self._url, stop=self._stop, uploads=uploads, on_problem=on_problem)
                self._sinks[folder] = sink
                self._shipments[folder] = Shipment(folder, sink, on_problem=on_problem)

    def end(self, folder: Path) -> None:
        """Nothing more is added to the run in `folder`: let go of it when all has arrived."""
        with self._changed:
            self._ended.add(folder)
            self._changed.notify()

    def flush_now(self) -> None:
        """Send at once, without waiting for more."""
        with self._changed:
            self._is_flush_requested = True
            self._flush_requested_at = self._flush_requested_at or monotonic()
            self._changed.notify()

    def stop(self) -> None:
        """Break off, also in the middle of a request that is being repeated."""
        self._stop.set()
        self.flush_now()

    @property
    def is_done(self) -> bool:
        """Whether all that it was given has arrived, or cannot arrive."""
        return not self._shipments or self._stop.is_set()

    def seconds_stuck(self) -> float:
        """Return for how long the server has taken nothing, since the first `flush_now`."""
        moved = [sink.last_progress for sink in list(self._sinks.values())]
        return monotonic() - max([self._flush_requested_at or monotonic(), *moved])

    def describe(self) -> str:
        """Say what it is doing."""
        count = len(self._shipments)
        return f"sending {count} {'run' if count == 1 else 'runs'} to {destinations.without_credentials(self._url)}"

    def _work(self) -> None:
        while not self._stop.is_set():
            with self._changed:
                if not self._is_flush_requested:
                    self._changed.wait(_SECONDS)
                self._is_flush_requested = False
                round_of = [(folder, shipment, folder in self._ended) for folder, shipment in self._shipments.items()]
            for folder, shipment, has_ended in round_of:
                shipment.carry(flush=True)
                if self._stop.is_set():
                    return
                if has_ended or shipment.fault:
                    self._let_go(folder, shipment)

    def _let_go(self, folder: Path, shipment: Shipment) -> None:
        with self._changed:
            if folder not in self._ended and shipment.fault is None:
                return  # it was taken up again meanwhile
            self._ended.discard(folder)
            del self._shipments[folder], self._sinks[folder]
        shipment.close()
