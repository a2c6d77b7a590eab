"""Makes values of a run into JSON that every reader understands: a browser, too."""

import math
from typing import Any

import msgspec

LARGEST_INTEGER = 2**53 - 1
"""JavaScript has no larger integers that are exact; those that are larger become texts."""


def plain(value: Any, *, most: int | None = LARGEST_INTEGER) -> Any:
    """Return a value as JSON has it. NaN and the infinities become texts, as in the journals.

    So do integers beyond `most`, unless that is None.

    >>> plain({"lr": 0.1, "loss": float("nan"), "seed": 2**60})
    {'lr': 0.1, 'loss': 'NaN', 'seed': '1152921504606846976'}
    """
    kind = type(value)
    if kind is float:
        return value if math.isfinite(value) else "NaN" if math.isnan(value) else _infinity(value)
    if kind is int:
        return value if most is None or -most <= value <= most else str(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is dict:
        return {str(name): plain(inner, most=most) for name, inner in value.items()}
    if kind in (list, tuple):
        return [plain(inner, most=most) for inner in value]
    return plain(msgspec.to_builtins(value), most=most)


def _infinity(value: float) -> str:
    return "Infinity" if value > 0 else "-Infinity"
