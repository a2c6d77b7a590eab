"""How long an epoch takes, what that time goes to, and how many samples a second are trained in it."""

from time import perf_counter


class EpochClock:
    """Times an epoch. Validation inside it counts for the length of the epoch, but not for the rate of training.

    Attributes:
        waited_seconds: How long the training has waited for data in this epoch; None where nobody measures that.
    """

    waited_seconds: float | None = None
    _saved_seconds = 0.0
    _saved_in_epoch = 0.0

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin an epoch."""
        self._started = perf_counter()
        self._paused_seconds = 0.0
        self._pause_started: float | None = None
        self._saved_in_epoch = 0.0
        if self.waited_seconds is not None:
            self.waited_seconds = 0.0

    def pause(self) -> None:
        """Stop counting for the rate: validation starts."""
        self._pause_started = perf_counter()

    def resume(self) -> None:
        """Count for the rate again: validation is over."""
        if self._pause_started is not None:
            self._paused_seconds += perf_counter() - self._pause_started
            self._pause_started = None

    def saved(self, seconds: float) -> None:
        """A checkpoint was written. That is often between two epochs, and then counts for the next one."""
        self._saved_seconds += seconds

    def unrecorded(self) -> dict[str, float]:
        """Return `checkpoint_seconds` of the last epoch, if checkpoints were written after its end; else nothing."""
        if not self._saved_seconds:
            return {}
        return {"checkpoint_seconds": self._saved_in_epoch + self._saved_seconds}

    def metrics(self, samples: int) -> dict[str, float]:
        """Return `epoch_seconds` until now, and what else is known of the epoch.

        That is `samples_per_second` unless `samples` is 0, `validation_seconds` if there was a validation,
        `checkpoint_seconds` if checkpoints were written, and `data_wait_percent`, which is the share of the epoch that
        was spent waiting for data.
        """
        seconds = perf_counter() - self._started
        values = {"epoch_seconds": seconds}
        if samples and seconds > self._paused_seconds:
            values["samples_per_second"] = samples / (seconds - self._paused_seconds)
        if self.waited_seconds is not None:
            values["data_wait_percent"] = 100 * min(self.waited_seconds / max(seconds, 1e-9), 1)
        if self._paused_seconds:
            values["validation_seconds"] = self._paused_seconds
        if self._saved_seconds:
            self._saved_in_epoch, self._saved_seconds = self._saved_seconds, 0.0
            values["checkpoint_seconds"] = self._saved_in_epoch
        return values
