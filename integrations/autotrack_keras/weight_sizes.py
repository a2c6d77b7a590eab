"""How large weights are, for `FileBudget`, which limits what keeping them costs."""

import math
from typing import Any


def size_bytes(weights: Any) -> int:
    """Return how many bytes weights or other variables take."""
    return sum(math.prod(weight.shape) * _bytes_of(str(weight.dtype)) for weight in weights)


def _bytes_of(dtype: str) -> int:
    digits = "".join(character for character in dtype if character.isdigit())
    return max(int(digits) // 8, 1) if digits else 1
