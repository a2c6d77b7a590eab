"""Makes lines of what one run prints and keeps them in its `output.log`."""

import os
import re
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic, time
from typing import Protocol

from autotrack.journal.records import Artifact
from autotrack.redaction import REDACTED
from autotrack.sidecar.output.bounded_file import BoundedFile
from autotrack.sidecar.output.screen import Stream

OUTPUT = "output.log"
"""The name of the file in the run folder."""

_SECONDS = 1.0  # between two states of a progress bar in the file
_BLOCK = 2**16  # characters that are worked on at a time
_KEY_LINES = 200

_KEY_BEGIN = re.compile(r"-{0,5}BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-")  # an end of it may be overwritten
_KEY_END = re.compile(r"-----END [A-Z ]{0,60}-----")


class _Redactor(Protocol):
    def redact_text(self, text: str) -> tuple[str, list[str]]: ...
    def learn_secret(self, name: str, value: str) -> None: ...


class Listener(Protocol):
    """Hears the lines of a log, before secrets are taken out of them, and where in the training they were printed."""

    @property
    def place(self) -> object:
        """The place of what is printed now."""

    def note_place(self, place: str) -> None:
        """Take the place of all that is printed from now on, as `autotrack.output_channel.PLACE` has it."""

    def take(self, lines: str, places: Sequence[object] | None) -> None:
        """Take lines, each with its line feed, and where each was printed; None means here."""

    def take_erased(self, row: str, place: object) -> None:
        """Take what stood in a row that was overwritten by blanks: the last state of a bar, or one before it."""

    def pause(self) -> None:
        """The run has ended; more may be printed."""

    def close(self) -> None:
        """Nothing more is printed."""


def open_log(
    folder: Path,
    redactor: _Redactor,
    *,
    put: Callable[[Artifact], None],
    on_problem: Callable[[str], None],
    is_ours: bool = True,
    listener: Listener | None = None,
) -> "OutputLog":
    """Return the log of the run in `folder`; `put` records its file, as soon as there is one."""

    def record() -> None:
        put(Artifact(time=time(), path=OUTPUT, kind="output"))

    return OutputLog(
        folder / OUTPUT, redactor, on_begin=record, on_problem=on_problem, is_ours=is_ours, listener=listener
    )


class OutputLog:
    """Keeps what one run prints in the file at `path`, without its secrets. A run that prints nothing has no file.

    A line is with the operating system when `take` has returned for the text that completed it. Both streams share
    the file, in the order in which their lines became final. Of a progress bar, the last state is kept. A bar that is
    still under way, and the rows that it may come back to, stand at the end of the file and are renewed at most once
    a second, when text arrives. Above `limit_bytes`, the first tenth and the most recent half of the file are kept,
    and a line between them counts what was left out.

    A forked child (`is_ours` is False) adds its complete lines and leaves everything else to its parent. A bar of the
    parent that stood before such a line stays.

    A full disk or a vanished folder raises nothing: `on_problem` is called once, with a sentence, and what waits in
    memory is bounded. `on_begin` is called when the file is made, or taken up again, or was made by a child alone.

    Secrets are searched for in whole lines, and in all lines of one write together. A private key is hidden line by
    line as well.
    """

    def __init__(
        self,
        path: Path,
        redactor: _Redactor,
        *,
        limit_bytes: int = 10 * 2**20,
        on_begin: Callable[[], None] = lambda: None,
        on_problem: Callable[[str], None],
        is_ours: bool = True,
        clock: Callable[[], float] = monotonic,
        listener: Listener | None = None,
    ) -> None:
        self.path = path
        self._listener = listener
        self.report = on_problem
        self._redactor = redactor
        self._clock = clock
        self._on_begin = on_begin
        self._file = BoundedFile(
            path, limit_bytes, is_ours=is_ours, on_begin=self._announce, on_problem=on_problem, clock=clock
        )
        self.has_grown = self._is_paused = self._closed = False
        self._busy_thread = 0  # the one that is adding texts
        self._pid = 0
        self._shown = b""
        self._next_show = self._lines_shown_from = 0.0
        self._begin()

    def take(self, stream_name: str, text: str, *, thread: int | None = None) -> None:
        """Add a text that a thread wrote to a stream; this one, if not told otherwise."""
        if os.getpid() != self._pid:
            self._leave_to_parent()
        self.has_grown = True
        own_thread = threading.get_ident()
        writer = own_thread if thread is None else thread
        source = self._sources.get(stream_name) or self._sources.setdefault(stream_name, self._new_source())
        if self._busy_thread != own_thread and source.hold(text, thread=writer):
            if self._clock() < self._next_show:
                return
            text = ""
        with self._lock:
            if self._closed:
                return
            self._queue.append((source, text, writer))
            if self._busy_thread:  # a signal handler, a finalizer or a warning of ours prints in the middle of a print
                return
            self._busy_thread = own_thread
            try:
                while self._queue:
                    self._add(*self._queue.popleft())
            finally:
                self._busy_thread = 0

    def note_place(self, place: str) -> None:
        """Take the place in the training of all that is printed from now on."""
        self._hear(lambda listener: listener.note_place(place))

    def learn_secret(self, name: str, value: str) -> None:
        """Take a secret variable out of all that is written from now on."""
        self._redactor.learn_secret(name, value)

    def leave_out(self, lost_bytes: int) -> None:
        """Say that about so many bytes are missing here: they were printed faster than they could be read."""
        self.take(
            "stdout", f"\n[autotrack left out about {lost_bytes} bytes: printed faster than they could be kept]\n"
        )
        self.report(f"text was printed faster than it could be kept; {self.path.name} says where some is left out")

    def pause(self) -> None:
        """Write unfinished lines as they are. More may come; `has_grown` tells whether anything did."""
        with self._lock:
            if not self._closed:
                self._write_unfinished()
                self._announce_childrens_file()
                self._hear(lambda listener: listener.pause())
                self.has_grown, self._is_paused = False, True

    def close(self) -> None:
        """Write unfinished lines as they are, and take nothing more."""
        if os.getpid() != self._pid:  # a forked child that has printed nothing
            self._leave_to_parent()
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._write_unfinished()
            self._hear(lambda listener: listener.close())
            self._file.close()
            self._announce_childrens_file()

    def give_up(self, fault: Exception) -> None:
        """Take nothing more after a fault of ours."""
        self._closed = True
        self._file.close()
        self.report(f"output is not captured any more: {type(fault).__name__}: {fault}")

    def _write_unfinished(self) -> None:
        for source in self._sources.values():
            source.shown = b""
            lines = source.clear()
            self._let_hear(source, lines)
            if lines or self._shown:
                self._file.write(self._finish(source, lines), b"")
        self._shown = b""

    def _let_hear(self, source: "_Source", lines: str) -> None:
        erased = source.take_erased()
        if erased is not None:
            self._hear(lambda listener: listener.take_erased(*erased))
        if lines:
            self._hear(lambda listener: listener.take(lines, source.places))

    def _hear(self, say: Callable[[Listener], None]) -> None:
        """Tell the listener. What fails there is not a problem of the log."""
        if self._listener is None:
            return
        try:
            say(self._listener)
        except Exception as fault:  # noqa: BLE001  the log goes on without it
            self._listener = None
            self.report(f"no more metrics are found in what is printed: {type(fault).__name__}: {fault}")

    def _announce(self) -> None:
        """Say that there is a file now. Of one that only grew while the run had ended, `has_grown` tells."""
        if not self._is_paused:
            self._on_begin()

    def _announce_childrens_file(self) -> None:
        if self._file.was_made_by_child:
            self.has_grown = True
            self._announce()

    def _leave_to_parent(self) -> None:
        """In a forked child, start afresh: unfinished lines are the parent's, and a lock may be held for ever."""
        self._file.is_ours = False
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.RLock()  # reentrant: a signal handler may print in the middle of a print
        self._busy_thread = 0
        self._queue: deque[tuple[_Source, str, int]] = deque()
        self._sources: dict[str, _Source] = {"stdout": self._new_source(), "stderr": self._new_source()}
        self._shown = b""
        self._next_show = self._clock()
        self._lines_shown_from = self._next_show + _SECONDS  # not at once, because print writes a line in pieces
        self._pid = os.getpid()

    def _new_source(self) -> "_Source":
        return _Source(self._redact_row)

    def _redact_row(self, row: str) -> str:
        """Take the secrets out of a row that may be overwritten, but leave the beginning of a key to be seen."""
        key = _unended_key(row)
        return self._redactor.redact_text(row[:key])[0] + row[key:]

    def _add(self, source: "_Source", text: str, thread: int) -> None:
        if len(text) > _BLOCK:
            for begin in range(0, len(text), _BLOCK):
                self._add(source, text[begin : begin + _BLOCK], thread)
            return
        height = source.height
        place = self._listener.place if self._listener is not None else None
        lines = source.feed(text, thread=thread, place=place)
        if self._listener is not None and (lines or not source.is_plain):
            self._let_hear(source, lines)
        if lines:
            final = self._finish(source, lines)
            if source.shown or not source.is_plain:
                source.shown = self._preview(source, source.rows)
                self._join_shown()
            self._file.write(final, self._shown)
        elif source.height > height or self._clock() >= self._next_show:
            self._show()

    def _show(self) -> None:
        """Put the present state of progress bars and unfinished lines at the end of the file."""
        now = self._clock()
        self._next_show = now + _SECONDS
        for source in self._sources.values():
            unfinished = source.unfinished_lines if now >= self._lines_shown_from else []
            source.shown = self._preview(source, [*source.rows, *unfinished])
        self._join_shown()
        self._file.write(b"", self._shown)

    def _join_shown(self) -> None:
        self._shown = b"".join(source.shown for source in self._sources.values())

    def _finish(self, source: "_Source", lines: str) -> bytes:
        clean, source.key_lines = self._clean(lines, source.key_lines)
        return clean

    def _preview(self, source: "_Source", rows: list[str]) -> bytes:
        return self._clean("\n".join(rows) + "\n", source.key_lines)[0] if rows else b""

    def _clean(self, lines: str, key_lines: int) -> tuple[bytes, int]:
        if key_lines or "PRIVATE KEY" in lines:
            lines, key_lines = _without_keys(lines, key_lines)
        return self._redactor.redact_text(lines)[0].encode(errors="backslashreplace"), key_lines


class _Source(Stream):
    """A stream, the part of it that is `shown` at the end of the file, and how many more lines may belong to a key."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        super().__init__(redact)
        self.shown = b""
        self.key_lines = 0


def _unended_key(line: str) -> int:
    """Return where a private key begins that goes on in the next line; the end of the line if none does."""
    begins = list(_KEY_BEGIN.finditer(line))
    return len(line) if not begins or _KEY_END.search(line, begins[-1].end()) else begins[-1].start()


def _without_keys(lines: str, key_lines: int) -> tuple[str, int]:
    """Remove private keys that span several lines. The first `key_lines` lines may belong to one that began before.

    Returns what is left, and how many of the lines to come may belong to the last key.
    """
    kept = []
    for line in lines.removesuffix("\n").split("\n"):
        if key_lines:
            end = _KEY_END.search(line)
            key_lines = 0 if end else key_lines - 1
            if end and end.end() < len(line):
                kept.append(line[end.end() :])
            continue
        begin = _unended_key(line)
        if begin < len(line):
            line = line[:begin] + REDACTED
            key_lines = _KEY_LINES
        kept.append(line)
    return "".join(f"{line}\n" for line in kept), key_lines
