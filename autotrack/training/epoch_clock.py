"""How long an epoch takes, and how many samples a second are trained in it."""

from time import perf_counter


class EpochClock:
    """Times an epoch. Validation inside it counts for the length of the epoch, but not for the rate of training."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin an epoch."""
        self._started = perf_counter()
        self._paused_seconds = 0.0
        self._pause_started: float | None = None

    def pause(self) -> None:
        """Stop counting for the rate: validation starts."""
        self._pause_started = perf_counter()

    def resume(self) -> None:
        """Count for the rate again: validation is over."""
        if self._pause_started is not None:
            self._paused_seconds += perf_counter() - self._pause_started
            self._pause_started = None

    def metrics(self, samples: int) -> dict[str, float]:
        """Return `epoch_seconds` until now, and `samples_per_second` unless `samples` is 0."""
        seconds = perf_counter() - self._started
        values = {"epoch_seconds": seconds}
        if samples and seconds > self._paused_seconds:
            values["samples_per_second"] = samples / (seconds - self._paused_seconds)
        return values
