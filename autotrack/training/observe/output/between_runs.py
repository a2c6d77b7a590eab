"""What is printed while no run is on. It may conclude the last run or prepare the next, so both get it.

The run before it gets it until another one starts or the process ends. So the log of a run has the data that was
loaded for it as well as the score that was printed at the end.
"""

import atexit
import os
from collections import deque
from collections.abc import Callable

from autotrack.training.observe.output import streams
from autotrack.training.observe.output.streams import TextReceiver

_MOST_CHARACTERS = 2**16
"""How much is kept for the next run; what is older is left out."""


class BetweenRuns:
    """Takes what is printed while no run is on, from `begin` to `end`."""

    def __init__(self) -> None:
        self._is_on = False
        self._is_registered = False
        self._last: TextReceiver | None = None
        self._release: Callable[[], None] | None = None
        self._forget_texts()

    def begin(self) -> None:
        """Listen whenever no run does."""
        self._is_on = True
        if not self._is_registered:
            self._is_registered = True
            atexit.register(self._release_last)
            os.register_at_fork(after_in_child=self._leave_to_parent)
        streams.listen_between_runs(self)

    def end(self) -> None:
        """Listen no more."""
        self._is_on = False
        self._release_last()
        self._forget_texts()
        streams.listen_between_runs(None)

    def hand_over(self, receiver: TextReceiver) -> None:
        """Give the run that starts now what was printed before it. The run before it gets nothing more."""
        self._release_last()
        for stream_name, text in self._texts:
            receiver.take(stream_name, text)
        self._forget_texts()

    def keep(self, receiver: TextReceiver, *, release: Callable[[], None]) -> bool:
        """Go on to give this receiver, of a run that has just ended, what is printed; `release` is called at the end.

        Returns False when it gets nothing more, because another run is on, or nobody listens between runs.
        """
        if not self._is_on or streams.is_run_listening():
            return False
        self._release_last()
        self._last, self._release = receiver, release
        return True

    def take(self, stream_name: str, text: str) -> None:
        """Take a text that was written to a stream."""
        text = text[-_MOST_CHARACTERS:]
        self._texts.append((stream_name, text))
        self._characters += len(text)
        while self._characters > _MOST_CHARACTERS:
            self._characters -= len(self._texts.popleft()[1])
        if self._last is not None:
            self._last.take(stream_name, text)

    def report(self, message: str) -> None:
        """Say nothing: the next run says what is not captured."""

    def give_up(self, fault: Exception) -> None:
        """Give the last run nothing more after a fault of ours."""
        last, self._last = self._last, None
        if last is not None:
            last.give_up(fault)

    def pause(self) -> None:
        """There is nothing to complete."""

    def close(self) -> None:
        """There is nothing to close."""

    def _release_last(self) -> None:
        release, self._last, self._release = self._release, None, None
        if release is not None:
            release()

    def _leave_to_parent(self) -> None:
        """In a forked child, what was printed before belongs to the parent's runs."""
        self._last = self._release = None
        self._forget_texts()

    def _forget_texts(self) -> None:
        self._texts: deque[tuple[str, str]] = deque()
        self._characters = 0


between_runs = BetweenRuns()
"""That of the process, as its streams are."""
