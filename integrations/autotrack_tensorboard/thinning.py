"""How many histograms, curves and pictures are kept: a script may write them at every step, for every layer."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

FIRST = 16
"""The first so many of a name are kept; then every second, until as many again are kept; then every fourth …"""

LEAST_SECONDS = 1.0
"""After the first ones of a name, at least so much time passes between two that are kept."""

MOST = 1000
"""No more of each kind are kept in a run."""


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
        name_state = self._names.setdefault((kind, name), _Name())
        now = self._clock()
        is_next = name_state.skipped + 1 >= 2 ** (name_state.kept // FIRST)
        if not is_next or (name_state.kept >= FIRST and now - name_state.at < LEAST_SECONDS):
            name_state.skipped += 1
            return False
        name_state.kept, name_state.skipped, name_state.at = name_state.kept + 1, 0, now
        self._kept[kind] = self._kept.get(kind, 0) + 1
        return True
