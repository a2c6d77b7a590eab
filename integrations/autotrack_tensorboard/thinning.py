"""How many histograms, curves and pictures are kept: a script may write them at every step, for every layer."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

FIRST = 16
"""So many of a name are all kept; of the next ones every second, until there are as many again, then every fourth …"""

LEAST_SECONDS = 1.0
"""What is kept of a name beyond those lies at least so far apart."""

MOST = 1000
"""So many are kept in a run, of each kind."""


@dataclass(slots=True)
class _Name:
    kept: int = 0
    skipped: int = 0
    at: float = 0.0


class Thinning:
    """Says which ones to keep for one run. A million of a name come to less than 300, spread over the whole run."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._names: dict[tuple[str, str], _Name] = {}
        self._kept: dict[str, int] = {}

    def keeps(self, kind: str, name: str) -> bool:
        """Whether the next one of this kind and name is to be kept; to be asked once for each."""
        if self._kept.get(kind, 0) >= MOST:
            return False
        known = self._names.setdefault((kind, name), _Name())
        now = self._clock()
        is_due = known.skipped + 1 >= 2 ** (known.kept // FIRST)
        if not is_due or (known.kept >= FIRST and now - known.at < LEAST_SECONDS):
            known.skipped += 1
            return False
        known.kept, known.skipped, known.at = known.kept + 1, 0, now
        self._kept[kind] = self._kept.get(kind, 0) + 1
        return True
