"""Hands what a run prints to the sidecar, which keeps it in `output.log`."""

from collections.abc import Callable
from typing import Protocol

from autotrack.journal.records import Metrics
from autotrack.output_channel import RunWriter
from autotrack.training.observe.output.secret_watch import SecretWatch
from autotrack.training.observe.output.streams import TextReceiver

_PARENT_SECONDS = 1.0
"""How long the first print of a forked child waits at most for the sidecar to take what its parent has printed."""


class Recording(Protocol):
    """The run whose output it is: `last_metrics` are those that it has recorded last."""

    last_metrics: Metrics | None


class _NotRecording:
    last_metrics: Metrics | None = None


class SidecarOutput:
    """Takes what one run prints.

    Secrets that the program has put into its environment go before the text that may show them. So does the place in
    the training, where it has changed since the last print: the sidecar puts metrics that it finds in the text there.
    What is taken before `begin` was printed before the run.
    A forked child adds to the file itself, through the log that `open_log_in_child` returns. `report` is told, in a
    sentence, what is not captured.
    """

    def __init__(
        self,
        writer: RunWriter,
        secrets: SecretWatch,
        *,
        recording: Recording | None = None,
        open_log_in_child: Callable[[], TextReceiver],
        report: Callable[[str], None],
    ) -> None:
        self.report = report
        self.has_text = False
        self._writer = writer
        self._write = writer.write
        self._secrets = secrets
        writer.write_in_child = self._take_in_child
        self._open_log_in_child = open_log_in_child
        self._child_log: TextReceiver | None = None
        self._recording = recording or _NotRecording()
        self._placed: Metrics | None = self._recording.last_metrics

    def begin(self) -> None:
        """Say that the run begins: what was taken so far was printed before it."""
        self._say_place()

    def take(self, stream_name: str, text: str) -> None:
        """Take a text that was written to a stream."""
        if len(text) > 1 and self._secrets.has_changed():  # not for the line feed after every line
            self._secrets.announce(self._writer.write_secrets)
        if self._recording.last_metrics is not self._placed:
            self._say_place()
        self.has_text = True
        self._write(stream_name, text)

    def pause(self) -> None:
        """Say that the run has ended. The sidecar completes the log when it hears of it by a message."""
        self._writer.write_end()

    def close(self) -> None:
        """In a forked child, close its log. The sidecar closes the run's own when the run has ended."""
        if self._child_log is not None:
            self._child_log.close()

    def give_up(self, fault: Exception) -> None:
        """Report a fault of ours, after which nothing more is captured."""
        self.report(f"output is not captured any more: {type(fault).__name__}: {fault}")

    def _say_place(self) -> None:
        latest = self._placed = self._recording.last_metrics
        self._writer.write_place(*((None, None) if latest is None else (latest.step, latest.epoch)))

    def _take_in_child(self, stream_name: str, text: str) -> None:
        if self._child_log is None:
            self._writer.wait_until_read(_PARENT_SECONDS)  # what the parent printed before stands first
            self._child_log = self._open_log_in_child()
        self._child_log.take(stream_name, text)
