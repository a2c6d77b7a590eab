"""Limits what keeping weights and models costs: 500 MB per file, and one twentieth of the training time.

What is kept at the end may take one second in any case. `checkpoints=False` switches all of it off.
"""

from time import perf_counter

SHARE_OF_TIME = 0.05
SHARE_OF_SPARE_COPIES = 0.01
"""That of copies which serve only if something goes wrong."""

_LEAST_SECONDS = 1.0
_BYTES_A_SECOND = 200e6
_SECONDS_A_FILE = 0.03


class FileBudget:
    """Decides whether a file may be written once more. What it takes is guessed for the first file only."""

    MOST_BYTES = 500_000_000

    def __init__(self, share_of_time: float | None = None) -> None:
        self._share_of_time = SHARE_OF_TIME if share_of_time is None else share_of_time
        self._began = perf_counter()
        self._spent = 0.0
        self._longest = 0.0

    def allows(self, size_bytes: int, *, at_end: bool = False) -> bool:
        """Whether a file of this size may be written now."""
        if size_bytes > self.MOST_BYTES:
            return False
        expected = self._longest or _SECONDS_A_FILE + size_bytes / _BYTES_A_SECOND
        allowed = self._share_of_time * (perf_counter() - self._began)
        if at_end:
            return expected <= max(allowed, _LEAST_SECONDS)
        return self._spent + expected <= allowed

    def spend(self, seconds: float) -> None:
        """Note how long a file took."""
        self._spent += seconds
        self._longest = max(self._longest, seconds)
