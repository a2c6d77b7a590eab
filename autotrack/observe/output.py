"""Everything that a run prints, kept in its `output.log`.

The streams stay what they are: the `write` of the present `sys.stdout` and `sys.stderr` is set to a function that
calls the original and then hands the text on. print, logging, warnings, progress bars and tracebacks all end there.
Not seen is what goes around it: bytes written to `sys.stdout.buffer` or to the descriptors by C code and child
programs, what spawned (not forked) workers print, and what goes to another object that takes the place of `sys.stdout`
while a run is on, as with `contextlib.redirect_stdout`.
"""

import contextlib
import functools
import os
import re
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from time import monotonic, sleep
from types import ModuleType
from typing import Any, Protocol

from autotrack import files
from autotrack.context import current_run
from autotrack.observe.screen import Stream
from autotrack.redaction import REDACTED

_fcntl: ModuleType | None
try:
    import fcntl as _fcntl  # not on Windows, where nothing forks either
except ImportError:
    _fcntl = None

_SECONDS = 1.0  # between two looks at the file, and two states of a progress bar in it
_BLOCK = 2**16  # characters that are worked on at a time
_MOST_WAITING_BYTES = 2**18
_KEY_LINES = 200

_KEY_BEGIN = re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = re.compile(r"-----END [A-Z ]{0,60}-----")
_LEFT_OUT = re.compile(rb"^\[autotrack left out (\d+) lines, (\d+) bytes\]\n", re.MULTILINE)


class _Redactor(Protocol):
    def redact_text(self, text: str) -> tuple[str, list[str]]: ...


class OutputLog:
    """Keeps what one run prints in the file at `path`, without its secrets.

    A line is with the operating system when the write that completed it returns. Both streams share the file, in the
    order in which their lines became final. Of progress bars the last state is kept; one that is under way, or rows that
    it may come back to, stand at the end of the file and are at most a second old when the next text comes. Above
    `limit_bytes`, the first tenth and the most recent half are kept, and a line between them counts what was left out.

    A forked child adds its complete lines and leaves everything else to its parent; a bar of the parent stays as it was
    when a child wrote after it. A full disk or a vanished folder raises nothing: `on_trouble` is called once, with a
    sentence, and what waits in memory is bounded. Secrets are looked for in whole lines, and in all lines of one write
    together; a private key is hidden line by line as well.
    """

    def __init__(
        self,
        path: Path,
        redactor: _Redactor,
        *,
        limit_bytes: int = 10 * 2**20,
        on_trouble: Callable[[str], None],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.path = path
        self.report = on_trouble
        self._redactor = redactor
        self._clock = clock
        self._file = _BoundedFile(path, limit_bytes, on_trouble, clock)
        self._closed = False
        self._busy = 0  # or the thread that is at it
        self._pid = 0
        self._next_show = 0.0
        self._begin()

    @property
    def size_bytes(self) -> int:
        """How large the file is now."""
        with contextlib.suppress(OSError):
            return self.path.stat().st_size
        return 0

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
                self._file.write(self._finish(source, source.clear()), b"")
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


class _BoundedFile:
    """A file that grows at its end and loses its middle, with lines in progress after its end.

    Its first process alone takes lines in progress back and shortens the file. It locks the file meanwhile, so that
    no line of a forked child is lost; these lock it while they append. Nobody waits long for a lock.
    """

    def __init__(
        self, path: Path, limit_bytes: int, on_trouble: Callable[[str], None], clock: Callable[[], float]
    ) -> None:
        self._path = path
        self._limit_bytes = self._shorten_above = limit_bytes
        self._on_trouble = on_trouble
        self._clock = clock
        self.is_ours = True  # not in a forked child
        self._fd = -1
        self._identity = (-1, -1)
        self._size = 0  # as far as this process knows
        self._progress = b""  # what it wrote after the last final line,
        self._progress_at = 0  # and where
        self._waiting = b""  # what the disk has not taken yet
        self._lost_lines = 0
        self._next_look = 0.0
        self._troubled = self._closed = False
        try:
            self._open()
            if self._size and os.pread(self._fd, 1, self._size - 1) != b"\n":  # a killed process left half a line
                self._size += os.write(self._fd, b"\n")
        except OSError as error:
            self._report(error)

    def write(self, final: bytes, progress: bytes) -> None:
        """Append final lines and, after them, lines in progress in place of those of last time."""
        if self._closed:  # by a signal handler in the middle of a print
            return
        if not self.is_ours:
            self._append_in_child(final)
            return
        self._waiting += final
        if not (progress or self._progress or self._size > self._shorten_above or self._clock() >= self._next_look):
            self._append(b"")
            return
        try:
            locked = _lock(self._fd, exclusive=True)
            try:
                self._look_after(locked=locked)
                self._append(progress if locked else b"")
            finally:
                _unlock(self._fd)
        except OSError as error:
            self._report(error)
            self._bound_waiting()

    def close(self) -> None:
        """Let go of the file."""
        self._closed = True
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        if fd <= 2 and _fcntl is not None:  # the place of a standard stream that is closed: others will write there
            moved = int(_fcntl.fcntl(fd, _fcntl.F_DUPFD_CLOEXEC, 3))
            os.close(fd)
            fd = moved
        self._fd = fd
        status = os.fstat(fd)
        self._identity = (status.st_dev, status.st_ino)
        self._size = status.st_size
        self._progress = b""

    def _append(self, progress: bytes) -> None:
        final = self._waiting
        if self._lost_lines:
            final = b"\n[autotrack lost %d lines: the disk was full]\n" % self._lost_lines + final
        if not final and not progress:
            return
        try:
            written = os.write(self._fd, final + progress)
        except OSError as error:
            self._report(error)
            self._bound_waiting()
            return
        self._lost_lines = 0
        self._waiting = final[written:]
        self._progress_at = self._size + len(final)
        self._progress = progress[: max(0, written - len(final))]
        self._size += written

    def _bound_waiting(self) -> None:
        excess = len(self._waiting) - _MOST_WAITING_BYTES
        if excess > 0:
            cut = self._waiting.find(b"\n", excess) + 1
            self._lost_lines += self._waiting.count(b"\n", 0, cut)
            self._waiting = self._waiting[cut:]

    def _look_after(self, *, locked: bool) -> None:
        """Take back the lines in progress, make a file again that vanished, and shorten one that is too long."""
        self._next_look = self._clock() + _SECONDS
        self._stay_with_the_path()
        self._size = os.fstat(self._fd).st_size
        if self._progress and locked and self._size == self._progress_at + len(self._progress):
            os.ftruncate(self._fd, self._progress_at)
            self._size = self._progress_at
        self._progress = b""
        if locked and self._size + len(self._waiting) > self._shorten_above:
            try:
                self._shorten()
            except OSError as error:
                self._shorten_above = self._size + self._limit_bytes // 2
                self._report(error)

    def _stay_with_the_path(self) -> None:
        status = None
        with contextlib.suppress(OSError):  # somebody closed all descriptors
            status = os.fstat(self._fd)
        if status is None or (status.st_dev, status.st_ino) != self._identity:  # and opened others
            self._fd = -1
            self._open()
        elif not status.st_nlink:
            vanished = self._fd
            self._open()
            os.close(vanished)
            self._say(f"{self._path} vanished; it was made again from here on")

    def _shorten(self) -> None:
        """Keep the first tenth and the last half, and count what is between them."""
        most_head = self._limit_bytes // 10
        head = os.pread(self._fd, most_head + 100, 0)
        before = _LEFT_OUT.search(head)
        if before:
            kept, begin, lines, size = before.start(), before.end(), int(before[1]), int(before[2])
        else:
            kept = begin = head.rfind(b"\n", 0, most_head) + 1
            lines = size = 0
        end = max(begin, self._size - self._limit_bytes // 2)
        tail = os.pread(self._fd, self._size - end, end)
        cut = tail.find(b"\n") + 1
        size += end + cut - begin
        lines += tail.count(b"\n", 0, cut)
        while begin < end:
            part = os.pread(self._fd, min(2**20, end - begin), begin)
            lines += part.count(b"\n")
            begin += len(part) or end
        left_out = b"[autotrack left out %d lines, %d bytes]\n" % (lines, size)
        files.write_atomically(self._path, head[:kept] + left_out + tail[cut:])
        os.close(self._fd)  # and with it goes the lock
        self._open()
        _lock(self._fd, exclusive=True)
        self._shorten_above = self._limit_bytes

    def _append_in_child(self, lines: bytes) -> None:
        try:
            for _ in range(100):
                if not _lock(self._fd, exclusive=False):
                    sleep(0.001)
                elif self._is_at_path():
                    break
                else:  # the parent has shortened it meanwhile
                    os.close(self._fd)
                    self._open()
            if os.fstat(self._fd).st_size < 2 * self._limit_bytes:  # full only when the parent has long been silent
                os.write(self._fd, lines)
            _unlock(self._fd)
        except OSError as error:
            self._report(error)

    def _is_at_path(self) -> bool:
        try:
            status = self._path.stat()
        except FileNotFoundError:  # for the parent to notice
            return True
        return (status.st_dev, status.st_ino) == self._identity

    def _report(self, error: OSError) -> None:
        self._say(f"{error.strerror} ({self._path})")

    def _say(self, message: str) -> None:
        if not self._troubled:
            self._troubled = True
            self._on_trouble(message)


def _lock(fd: int, *, exclusive: bool) -> bool:
    """Lock a file for this process if nobody has it locked; without locks, nobody ever has."""
    if _fcntl is None or fd < 0:
        return True
    try:
        _fcntl.lockf(fd, (_fcntl.LOCK_EX if exclusive else _fcntl.LOCK_SH) | _fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _unlock(fd: int) -> None:
    if _fcntl is not None and fd >= 0:
        with contextlib.suppress(OSError):
            _fcntl.lockf(fd, _fcntl.LOCK_UN)


class _Tee:
    """Listens to the `write` of one stream object.

    Raises `TypeError` for an object that has no attributes of its own, or whose class does not let them count.
    """

    def __init__(self, name: str, stream: Any) -> None:
        self.stream = stream
        self.is_on = True
        self._name = name
        self._attributes = vars(stream)  # for objects round a stream hand `setattr` on to what they wrap
        self._before = self._attributes.get("write")  # another tracker was here first
        self._original = stream.write
        self._put = self._attributes["write"] = self._wrap()
        if stream.write is not self._put:
            self.remove()
            raise TypeError(f"{type(stream).__name__}.write cannot be replaced")

    @property
    def is_in_place(self) -> bool:
        """Whether what is written still goes through here: as it does when somebody has put his own around it."""
        return "write" in self._attributes

    def remove(self) -> bool:
        """Put back what was there; where somebody has put his own around it, switch it off in place instead."""
        self.is_on = False
        if self._attributes.get("write") is not self._put:
            return False
        if self._before is None:
            del self._attributes["write"]
        else:
            self._attributes["write"] = self._before
        return True

    def _wrap(self) -> Callable[..., Any]:
        original, name = self._original, self._name

        def write(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            if self.is_on:
                try:
                    _hand_on(name, args[0] if args else next(iter(kwargs.values()), None))
                except RecursionError:  # of the program, a few calls later if it were not for ours
                    return result
            return result

        return functools.update_wrapper(write, original)


_listening: list[OutputLog] = []
_tees: list[_Tee] = []
_change = threading.RLock()


def listen(log: OutputLog) -> None:
    """Give this log what is printed from now on.

    A stream that does not exist, is closed or cannot be changed is not captured; the log reports it.
    """
    with _change:
        if log not in _listening:
            _listening.append(log)
        problems = [problem for name in ("stdout", "stderr") if (problem := _attach(name, getattr(sys, name, None)))]
    if problems:
        log.report(f"not captured: {', '.join(problems)}")


def forget(log: OutputLog) -> None:
    """Give this log nothing any more; with the last one, leave the streams as they were found."""
    with _change:
        if log in _listening:
            _listening.remove(log)
        if not _listening:
            _tees[:] = [tee for tee in _tees if not tee.remove()]


def receivers(listening: Sequence[OutputLog], chain: Iterable[OutputLog]) -> Sequence[OutputLog]:
    """Which logs get a text: those of the runs around it that listen, otherwise, as in another thread, all."""
    return [log for log in chain if log in listening] or listening


def _attach(name: str, stream: Any) -> str:
    """Listen to a stream; return why that is not possible, if so."""
    try:
        if stream is None or stream.closed:
            return f"sys.{name} is {'None' if stream is None else 'closed'}"
    except (AttributeError, ValueError):  # not every stream says so, and a detached one raises
        pass
    for tee in _tees:
        if tee.stream is stream and tee.is_in_place:
            tee.is_on = True
            return ""
    try:
        _tees.append(_Tee(name, stream))
    except (AttributeError, TypeError):
        return f"sys.{name} is a {type(stream).__name__}, whose write cannot be replaced"
    return ""


def _hand_on(name: str, text: object) -> None:
    if not isinstance(text, str):
        return
    try:
        logs = tuple(_listening if len(_listening) == 1 else receivers(_listening, _chain()))
    except Exception:  # noqa: BLE001  a fault of ours never reaches the print
        return
    for log in logs:
        try:
            log.take(name, text)
        except (RecursionError, MemoryError):  # the program's own trouble: what it prints of it comes next
            continue
        except Exception as fault:  # noqa: BLE001  a fault of ours never reaches the print
            forget(log)
            with contextlib.suppress(Exception):
                log.give_up(fault)


def _chain() -> Iterator[OutputLog]:
    run = current_run()
    while run is not None:
        log = getattr(run, "output", None)
        if log is not None:
            yield log
        run = run.outer
