"""A process that draws the plots of many runs: to import matplotlib takes it half a second, and 50 MB."""

import os
import select
import selectors
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from time import monotonic

import msgspec

from autotrack import interpreter
from autotrack.journal.records import Plot

WITHIN_SECONDS = 60
"""How long a process may take for the plots that it is given at a time."""

_IN_KEPT_PROCESS = 1_000


class Drawn(msgspec.Struct, frozen=True, omit_defaults=True):
    """The result of drawing a plot: a PNG, or an `error`. A kind of plot that is not drawn has neither."""

    png: bytes | None = None
    error: str | None = None


def read_drawn(output: bytes) -> Iterator[Drawn]:
    """Yield the results in complete lines of what such a process has said."""
    for line in output.splitlines():
        try:
            yield msgspec.json.decode(line, type=Drawn)
        except msgspec.DecodeError:  # it was stopped within this line, or the user's `sitecustomize` printed it
            continue


class _Process:
    """A process that draws one list of plots after another, until it fails at one."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            interpreter.command("autotrack.plots"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._output = b""
        self.drawn = 0

    @property
    def is_usable(self) -> bool:
        return self.drawn < _IN_KEPT_PROCESS and self._process.poll() is None

    def draw(self, plots: list[Plot]) -> list[Drawn]:
        given, until = msgspec.json.encode(plots) + b"\n", monotonic() + WITHIN_SECONDS
        drawn, why = list[Drawn](), ""
        while len(drawn) < len(plots) and not why:
            given, why = self._exchange(given, until)
            complete, newline, self._output = self._output.rpartition(b"\n")
            drawn += read_drawn(complete + newline)
        self.drawn += len(plots)
        if why:
            self.end()
        return [*drawn, *[Drawn(error=why)] * (len(plots) - len(drawn))][: len(plots)]

    def _exchange(self, given: bytes, until: float) -> tuple[bytes, str]:
        """Write what it takes, and read what it says; return what is left to be written, and why that is the end."""
        to, came = self._process.stdin, self._process.stdout
        if to is None or came is None:
            return given, "the process that draws has no pipes"
        with selectors.DefaultSelector() as selector:
            selector.register(came, selectors.EVENT_READ)
            if given:
                selector.register(to, selectors.EVENT_WRITE)
            ready = [key.fileobj for key, _ in selector.select(max(until - monotonic(), 0.0))]
        try:
            if to in ready:
                given = given[os.write(to.fileno(), given[: select.PIPE_BUF]) :]
            if came in ready:
                self._output += (said := os.read(came.fileno(), 2**16))
                if not said:
                    return given, f"the process that draws ended with exit code {self._process.wait()}"
        except OSError as error:
            return given, f"the process that draws is gone: {error}"
        return given, "" if ready else f"drawing took more than {WITHIN_SECONDS} seconds"

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


class _Kept:
    """The process that draws, as long as somebody wants it to be kept."""

    def __init__(self) -> None:
        self._wanted = 0
        self._process: _Process | None = None

    @contextmanager
    def wanted(self) -> Iterator[None]:
        self._wanted += 1
        try:
            yield
        finally:
            self._wanted -= 1
            if not self._wanted:
                self._end()

    def process(self) -> _Process | None:
        """Return the process, which is started if need be; None if there is to be none, or it cannot be started."""
        if self._process is not None and not self._process.is_usable:
            self._end()
        if self._wanted and self._process is None:
            with suppress(OSError):
                self._process = _Process()
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.end()
            self._process = None


_kept = _Kept()


def drawn_together() -> AbstractContextManager[None]:
    """While this lasts, the plots of all runs are drawn by one process: to import matplotlib takes half a second.

    It is for commands that go through many runs, one after another.
    """
    return _kept.wanted()


def kept_process() -> _Process | None:
    """Return the process that draws as long as `drawn_together` lasts; None at other times."""
    return _kept.process()
