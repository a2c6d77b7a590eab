"""What one run prints, made into lines and kept in its `output.log`; `tee.py` gets hold of it."""

import os
import re
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Protocol

from autotrack.redaction import REDACTED
from autotrack.training.observe.output.bounded_file import BoundedFile
from autotrack.training.observe.output.screen import Stream

_SECONDS = 1.0  # between two states of a progress bar in the file
_BLOCK = 2**16  # characters that are worked on at a time
_KEY_LINES = 200

_KEY_BEGIN = re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = re.compile(r"-----END [A-Z ]{0,60}-----")


class _Redactor(Protocol):
    def redact_text(self, text: str) -> tuple[str, list[str]]: ...


class OutputLog:
    """Keeps what one run prints in the file at `path`, without its secrets; a run that prints nothing has none.

    A line is with the operating system when the write that completed it returns. Both streams share the file, in the
    order in which their lines became final. Of progress bars the last state is kept; one that is under way, and rows
    that it may come back to, stand at the end of the file, renewed once a second as texts come. Above `limit_bytes`,
    the first tenth and the most recent half are kept, and a line between them counts what was left out.

    A forked child adds its complete lines and leaves everything else to its parent; after a line of a child, the bar
    of the parent that stood before it stays. A full disk or a vanished folder raises nothing: `on_problem` is called
    once, with a sentence, and what waits in memory is bounded; `on_begin` is called when this process has made the
    file, or goes on with one. Secrets are looked for in whole lines, and in all
    lines of one write together; a private key is hidden line by line as well.
    """

    def __init__(
        self,
        path: Path,
        redactor: _Redactor,
        *,
        limit_bytes: int = 10 * 2**20,
        on_begin: Callable[[], None] = lambda: None,
        on_problem: Callable[[str], None],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.path = path
        self.report = on_problem
        self._redactor = redactor
        self._clock = clock
        self._file = BoundedFile(path, limit_bytes, on_begin=on_begin, on_problem=on_problem, clock=clock)
        self._closed = False
        self._busy = 0  # or the thread that is at it
        self._pid = 0
        self._next_show = 0.0
        self._begin()

    def take(self, stream_name: str, text: str) -> None:
        """Add a text that was written to a stream."""
        if os.getpid() != self._pid:
            self._leave_to_parent()
        source = self._sources.get(stream_name) or self._sources.setdefault(stream_name, _Source())
        if (not self._busy or self._busy != threading.get_ident()) and source.hold(text):
            if self._clock() < self._next_show:
                return
            text = ""
        with self._lock:
            if self._closed:
                return
            self._queue.append((source, text))
            if self._busy:  # a signal handler, a finalizer or a warning of ours prints in the middle of a print
                return
            self._busy = threading.get_ident()
            try:
                while self._queue:
                    self._add(*self._queue.popleft())
            finally:
                self._busy = 0

    def close(self) -> None:
        """Write lines that are not finished as they are, and take nothing any more."""
        if os.getpid() != self._pid:  # a forked child that has printed nothing
            self._leave_to_parent()
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for source in self._sources.values():
                source.shown = b""
                lines = source.clear()
                if lines or self._shown:
                    self._file.write(self._finish(source, lines), b"")
            self._file.close()

    def give_up(self, fault: Exception) -> None:
        """Take nothing any more, after a fault of ours."""
        self._closed = True
        self._file.close()
        self.report(f"output is not captured any more: {type(fault).__name__}: {fault}")

    def _leave_to_parent(self) -> None:
        """In a forked child: what is not finished is the parent's, and so is the lock that a thread may hold."""
        self._file.is_ours = False
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.RLock()  # reentrant: see `_busy`
        self._busy = 0
        self._queue: deque[tuple[_Source, str]] = deque()
        self._sources: dict[str, _Source] = {"stdout": _Source(), "stderr": _Source()}
        self._shown = b""
        self._next_show = self._clock()
        self._pid = os.getpid()

    def _add(self, source: "_Source", text: str) -> None:
        if len(text) > _BLOCK:
            for begin in range(0, len(text), _BLOCK):
                self._add(source, text[begin : begin + _BLOCK])
            return
        height = source.height
        lines = source.feed(text)
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
        self._next_show = self._clock() + _SECONDS
        for source in self._sources.values():
            source.shown = self._preview(source, [*source.rows, *source.unfinished_lines])
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
    """A stream, what of it was `shown` at the end of the file, and how many lines more may belong to a key."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = b""
        self.key_lines = 0


def _without_keys(lines: str, key_lines: int) -> tuple[str, int]:
    """Take out private keys that go over several lines; the first `key_lines` lines belong to one that began before.

    Returns what is left, and how many of the lines that will follow may belong to the last key.
    """
    kept = []
    for line in lines.removesuffix("\n").split("\n"):
        if key_lines:
            end = _KEY_END.search(line)
            key_lines = 0 if end else key_lines - 1
            if end and end.end() < len(line):
                kept.append(line[end.end() :])
            continue
        begins = list(_KEY_BEGIN.finditer(line))
        if begins and not _KEY_END.search(line, begins[-1].end()):
            line = line[: begins[-1].start()] + REDACTED
            key_lines = _KEY_LINES
        kept.append(line)
    return "".join(f"{line}\n" for line in kept), key_lines
