"""Tells whether a printed number was logged as well, under another name: a metric that was computed, then printed."""

import math
import re
from collections.abc import Mapping

from autotrack.journal.records import Number, number

_WORD = re.compile(r"[a-z]+|\d+")
_OF_PARTS = frozenset("test train val valid validation eval evaluation final best last score".split())
"""Words of a printed name that the name of what was computed need not have."""

_STAGES = ({"test"}, {"train", "training"}, {"val", "valid", "validation", "validate"})
_FEWEST_DECIMALS = 3
"""With fewer, two numbers are easily the same by chance, unless they are so to the last digit."""


def is_logged_as_well(name: str, value: float, logged: Mapping[str, Number]) -> bool:
    """Return whether a metric that was logged has this value, as far as it was printed, and a name that fits.

    >>> logged = {"X_test_accuracy_score": 0.94888, "y_mean_squared_error": 12.5}
    >>> is_logged_as_well("test accuracy", 0.9489, logged), is_logged_as_well("mse", 12.5, logged)
    (True, True)
    >>> is_logged_as_well("precision", 0.9489, logged), is_logged_as_well("test loss", 0.125, {"train_loss": 0.125})
    (False, False)
    """
    parts = _WORD.findall(name.lower())
    words = [word for word in parts if word not in _OF_PARTS]
    return bool(words) and any(
        _is_rounded(float(number(known)), value) and _fits(words, _WORD.findall(own.lower()), _stages(parts))
        for own, known in logged.items()
    )


def _stages(words: list[str]) -> list[int]:
    return [place for place, names in enumerate(_STAGES) if not names.isdisjoint(words)]


def _fits(words: list[str], parts: list[str], stages: list[int]) -> bool:
    """Return whether each word begins a part of the logged name, or is made of the first letters of its parts.

    The loss of a test is none of training, even if it has the same value.
    """
    if stages and (known := _stages(parts)) and known != stages:
        return False
    initials = "".join(part[0] for part in parts)
    return all(any(part.startswith(word) for part in parts) or (len(word) > 1 and word in initials) for word in words)


def _is_rounded(exact: float, printed: float) -> bool:
    if exact == printed:
        return True
    decimals = len(f"{printed!r}".partition("e")[0].partition(".")[2]) if "e" not in repr(printed) else 0
    return decimals >= _FEWEST_DECIMALS and math.isclose(exact, printed, rel_tol=0.0, abs_tol=0.51 * 10.0**-decimals)
