"""The sink: event files that always tell exactly how far they have got."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from autotrack.journal.reader import Position, RunReader, is_being_written
from autotrack.journal.records import AnyRecord
from autotrack.journal.rewinds import read_rewinds
from autotrack.plots import SHORT_SECONDS
from autotrack.sinks.tensorboard.event_file import EventFile, checkpoint
from autotrack.sinks.tensorboard.run_events import RunEvents

_MOST_BYTES_WAITING = 2**23
_MAIN = "main.jsonl"


class TensorBoardSink:
    """Writes event files into the run folder, which thus becomes a run of TensorBoard with its trials as runs inside.

    Every flush ends with a checkpoint: an event that notes how far the journals were read. `open` cuts off what comes
    after the last one. When training goes back to an earlier step, everything is written anew into a later file,
    because readers differ in what they do with points between the two steps. Raises `EventFileBusyError` when another
    process writes the event files of the same run.

    To draw a plot takes a second of a core, which is out of proportion to a fit of milliseconds. Unless this sink
    `draws`, the plots of a run that took less than ten seconds wait for one that does.
    """

    destination = "TensorBoard"
    follows = True

    def __init__(self, *, draws: bool = True) -> None:
        self._draws = draws
        self._file: EventFile | None = None

    def open(self, folder: Path) -> Mapping[str, int]:
        """Begin with the run in `folder`. Returns how much of its journals the event file has already."""
        self._folder = folder
        self._journal = folder / "journal" / _MAIN
        self._offsets: Mapping[str, int] = {}
        self._earlier: dict[str, Any] | None = None
        opened = EventFile.open(folder)
        if opened is not None:
            self._file, self._earlier = opened
            self._offsets = self._earlier["offsets"]
        self._events = RunEvents(folder, read_rewinds(folder))
        return self._offsets

    def write(self, batch: Sequence[AnyRecord], *, rank: int = 0) -> None:
        """Take the next records of a journal, and the rank whose journal it is."""
        self._read_again()
        self._events.add(batch, rank)
        if len(self._events.waiting) > _MOST_BYTES_WAITING and not self._events.must_start_over:
            self._append(self._events.take())

    def flush(self, position: Position) -> None:
        """Write what is new: first numbers and texts, then pictures, which take longer."""
        self._read_again()
        if self._events.must_start_over:
            self._start_over(position.offsets)
        self._write(position.offsets)

    def close(self) -> None:
        """Close the file. A run that has no end and is not recorded any more was killed."""
        if self._file is None:
            return
        try:
            status = self._earlier["status"] if self._earlier else self._events.status
            was_killed = status == "running" and is_being_written(self._journal) is False
            if was_killed or (self._draws and self._has_undrawn()):
                self._read_again()
                if was_killed:
                    self._events.note_killed()
                self._write(self._offsets)
        finally:
            self._file.close()
            self._file = None

    def _write(self, offsets: Mapping[str, int]) -> None:
        file = self._append(self._events.take())
        draws = self._draws or self._events.latest - self._events.began >= SHORT_SECONDS
        for picture in self._events.pictures(draws=draws):
            file.append(picture)
        self._events.write_beside()
        undrawn = self._events.has_undrawn
        session = self._events.session_digests
        state = {"offsets": offsets, "status": self._events.status, "session": session, "undrawn": undrawn}
        file.append(checkpoint(self._events.latest, state))
        self._offsets = offsets

    def _has_undrawn(self) -> bool:
        return bool(self._earlier.get("undrawn")) if self._earlier else self._events.has_undrawn

    def _append(self, content: bytes) -> EventFile:
        if self._file is None:
            self._file = EventFile.create(self._folder, content, began=self._events.began)
        else:
            self._file.append(content)
        return self._file

    def _start_over(self, offsets: Mapping[str, int]) -> None:
        self._events = RunEvents(self._folder, read_rewinds(self._folder))
        for rank, batch in RunReader(self._folder, until=offsets):
            self._events.add(batch, rank)
        began = self._events.began
        self._file = EventFile.create(self._folder, self._events.take(), began=began, instead_of=self._file)

    def _read_again(self) -> None:
        """Read what an earlier process has written, because the best values so far and the like depend on it."""
        if self._earlier is None:
            return
        until = self._offsets.get(_MAIN, 0)
        self._events = RunEvents(self._folder, read_rewinds(self._folder, until=until))
        for rank, batch in RunReader(self._folder, until=self._offsets):
            self._events.add(batch, rank)
            self._events.waiting.clear()
        if self._earlier["status"] == "killed":
            self._events.note_killed()
        self._events.forget(but_plots=bool(self._earlier.get("undrawn")))
        self._events.has_gone_back = False
        self._events.session_digests = self._earlier["session"]
        self._earlier = None
