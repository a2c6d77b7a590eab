"""Takes what the training process prints and gives each text to the log of its run."""

import json
from collections.abc import Callable
from functools import partial

from autotrack.output_channel import MOST_SEGMENTS, PLACE, SECRETS, OutputReader, PrintedText
from autotrack.sidecar.output.log import OutputLog

_ALL = 2 * MOST_SEGMENTS  # all that may be waiting; while a program prints on and on, there is no end to it
_SEGMENTS_AT_A_TIME = 4


class OutputReceiver:
    """Reads the channel whose descriptor is `fd`; without one there is nothing to read.

    A run is announced by a message, its texts come through the channel. Texts that are read before their run has been
    announced wait for it.
    """

    def __init__(self, fd: int | None) -> None:
        self._reader = None if fd is None else OutputReader(fd)
        self._logs: dict[int, OutputLog] = {}
        self._paused: list[int] = []
        self._early: dict[int, list[PrintedText]] = {}
        self._secrets: dict[str, tuple[str, str]] = {}

    def open(self, output: int, log: OutputLog) -> None:
        """Give the texts with this number to `log` from now on."""
        self._logs[output] = log
        for name, value in self._secrets.values():
            log.learn_secret(name, value)
        for printed in self._early.pop(output, ()):
            _add(log, printed)

    def pause(self, output: int) -> None:
        """Complete the log: its run has ended, but more may be printed; without one under this number, do nothing."""
        if output in self._logs:
            self._receive(_ALL)
            self._logs[output].pause()
            self._paused.append(output)

    def close_paused(self) -> list[OutputLog]:
        """Close the logs that are paused; return those that have grown since."""
        paused, self._paused = self._paused, []
        logs = [self._logs[output] for output in paused]
        for output in paused:
            self.close(output)
        return [log for log in logs if log.has_grown]

    def close(self, output: int) -> None:
        """Give the log all that was printed until now, and close it; without one under this number, do nothing."""
        if output in self._logs:
            self._receive(_ALL)
            self._logs.pop(output).close()

    def forget(self, output: int) -> None:
        """Leave out what is waiting under this number."""
        self._receive(_ALL)
        self._early.pop(output, None)

    def has_waiting(self, output: int) -> bool:
        """Whether there are texts for which no log has been opened."""
        self._receive(_ALL)
        return any(printed.stream != PLACE for printed in self._early.get(output, ()))

    def receive(self) -> bool:
        """Give the logs what was printed since the last call; return whether that was so much that some is left."""
        return self._receive(_SEGMENTS_AT_A_TIME)

    def _receive(self, most_segments: int) -> bool:
        if self._reader is None:
            return False
        for _ in range(most_segments):
            is_empty = True
            for printed in self._reader.read():
                is_empty = False
                self._pass_on(printed)
            if is_empty:
                return False
        return True

    def _pass_on(self, printed: PrintedText) -> None:
        if printed.lost_bytes:
            for log in self._logs.values():
                _attempt(log, partial(log.leave_out, printed.lost_bytes))
        if printed.stream == SECRETS:
            self._learn_secret(printed.text)
            return
        log_of_run = self._logs.get(printed.output)
        if log_of_run is None:
            self._early.setdefault(printed.output, []).append(printed)
        else:
            _add(log_of_run, printed)

    def _learn_secret(self, encoded: str) -> None:
        """All runs of a process share its environment."""
        if encoded in self._secrets:
            return
        name, value = self._secrets[encoded] = tuple(json.loads(encoded))
        for log in self._logs.values():
            log.learn_secret(name, value)


def _add(log: OutputLog, printed: PrintedText) -> None:
    if printed.stream == PLACE:
        _attempt(log, partial(log.note_place, printed.text))
    else:
        _attempt(log, partial(log.take, printed.stream, printed.text, thread=printed.thread))


def _attempt(log: OutputLog, action: Callable[[], None]) -> None:
    try:
        action()
    except Exception as fault:  # noqa: BLE001  a problem of one log is not that of the others
        log.give_up(fault)
