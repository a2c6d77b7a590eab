"""Numbers in the precision that a model has. Every value stays what it is; what would be rounded is refused."""

from collections.abc import Callable
from typing import Any

_FORMATS = {"HalfStorage": "<f2", "FloatStorage": "<f4", "DoubleStorage": "<f8"}
_WIDER = {
    "HalfStorage": ("FloatStorage", "DoubleStorage"),
    "BFloat16Storage": ("FloatStorage", "DoubleStorage"),
    "FloatStorage": ("DoubleStorage",),
}


def is_exact(given: str, wanted: str) -> bool:
    """Return whether all numbers of one storage are numbers of another one as well."""
    return given == wanted or wanted in _WIDER.get(given, ())


def converted(content: bytes, given: str, wanted: str) -> bytes:
    """Return the bytes of numbers in a storage of another kind. Raises `ValueError` where that cannot be done here."""
    if given == wanted:
        return content
    try:
        import numpy as np  # PyTorch does without it
    except ImportError as error:
        raise ValueError("its weights have another precision, and NumPy is not installed") from error
    read: Callable[..., Any] = np.frombuffer
    if given == "BFloat16Storage":  # the upper half of a number of 32 bits
        numbers = (read(content, "<u2").astype("<u4") << 16).view("<f4")
    else:
        numbers = read(content, _FORMATS[given])
    return bytes(numbers.astype(_FORMATS[wanted]).tobytes())
