"""Curves in a line of text."""

import math
from collections.abc import Sequence

_HEIGHTS = "▁▂▃▄▅▆▇█"


def sparkline(
    values: Sequence[float], width: int, *, lowest: float | None = None, highest: float | None = None
) -> str:
    """Return a curve that is `width` characters wide at most; what is no number is a question mark.

    >>> sparkline([0, 1, 2, 3], 10), sparkline([0, 1, float("nan"), 3], 4)
    ('▁▃▆█', '▁▃?█')
    """
    if not values:
        return ""
    count = max(1, min(width, len(values)))
    shown = [values[place * len(values) // count] for place in range(count)]
    if count > 1:
        shown[-1] = values[-1]
    finite = [value for value in values if math.isfinite(value)]
    low = min(finite, default=0.0) if lowest is None else lowest
    high = max(finite, default=0.0) if highest is None else highest
    steps = len(_HEIGHTS) - 1
    scale = steps / (high - low) if 0 < high - low < math.inf else 0.0
    return "".join(
        _HEIGHTS[min(max(round((value - low) * scale), 0), steps)] if math.isfinite(value) else "?" for value in shown
    )
