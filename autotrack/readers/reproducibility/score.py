"""What would be missing to repeat a run, with what can be done, and a score whose every point is explained."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autotrack.journal.summary import Summary
from autotrack.readers.reproducibility.checks import CHECKS, Recorded
from autotrack.readers.reproducibility.missing import Missing

BEST = 100


@dataclass(frozen=True)
class Finding(Missing):
    """One thing that would be missing, and how many points of the score it takes."""

    points: int = 0


@dataclass(frozen=True)
class Reproducibility:
    """How completely a run can be repeated from what was recorded of it.

    Attributes:
        missing: What would be missing, what takes most points first, each with its `why` and its `fix`.
    """

    missing: tuple[Finding, ...]

    @property
    def score(self) -> int:
        """100 without the points of everything that would be missing."""
        return BEST - sum(one.points for one in self.missing)

    @property
    def is_worth_a_line(self) -> bool:
        """Whether anything would be missing besides the very machine."""
        return any(one.kind != "hardware" for one in self.missing)

    def __str__(self) -> str:
        named = [one.what for one in self.missing]
        more = f", and {len(named) - 2} more" if len(named) > 2 else ""
        return f"{self.score} of {BEST}; missing: {', '.join(named[:2])}{more}" if named else f"{BEST} of {BEST}"

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return {"score": self.score, "missing": [one.as_dict() for one in self.missing]}


def reproducibility_of(folder: Path, summary: Summary) -> Reproducibility:
    """Return what would be missing to repeat the run in `folder`. Nothing but the files of the run is looked at."""
    recorded = Recorded(folder, summary)
    found = [(points, missing) for check in CHECKS for points, missing in check(recorded)]
    return Reproducibility(tuple(_within_score(sorted(found, key=lambda one: -one[0]))))


def _within_score(found: Iterable[tuple[int, Missing]]) -> Iterable[Finding]:
    """Yield the findings, of which none takes more points than are left."""
    left = BEST
    for wanted, one in found:
        points = min(wanted, left)
        left -= points
        yield Finding(one.what, one.why, one.fix, one.kind, points)
