"""For how long one request to a server is repeated, and how long each attempt waits for an answer."""

import math
import random
from time import monotonic

ANSWER_SECONDS = 60.0
AWAY_SECONDS = 20.0
"""After this time somebody is told that a server is away, and whoever is waiting for a server gives it up."""

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 30.0
_FEWEST_ATTEMPTS = 3
_SHORTEST_SECONDS = 0.1


class Patience:
    """The patience with one request, which begins now and lasts for `seconds`, or forever.

    A server that is busy accepts a request and answers late, perhaps because others have left it many to work off. It
    gets several chances: attempts last longer and longer, so that at least three fit into the time. A server that
    nothing is heard of at all is given up earlier.
    """

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._began = monotonic()

    @property
    def taken(self) -> float:
        """How many seconds the request has taken so far."""
        return monotonic() - self._began

    def seconds_for(self, attempt: int) -> float:
        """Return how many seconds this attempt may wait for an answer; the first attempt is number 1."""
        if self._seconds is None:
            return ANSWER_SECONDS
        share = min(attempt, _FEWEST_ATTEMPTS) / sum(range(1, _FEWEST_ATTEMPTS + 1))
        return min(ANSWER_SECONDS, max(min(self._seconds * share, self._seconds - self.taken), _SHORTEST_SECONDS))

    def limit(self, *, is_busy: bool) -> float:
        """Return after how many seconds the request is given up, if the server is busy, or else if it is away."""
        if self._seconds is None:
            return math.inf
        return self._seconds if is_busy else min(self._seconds, AWAY_SECONDS)


def pause_after(attempt: int) -> float:
    """Return how many seconds to wait after a failed attempt, longer each time, and not the same for all clients."""
    longest = min(_FIRST_PAUSE_SECONDS * 2 ** min(attempt - 1, 10), _LONGEST_PAUSE_SECONDS)
    return float(longest * random.uniform(0.5, 1.0))  # noqa: S311  spreads clients, guards nothing
