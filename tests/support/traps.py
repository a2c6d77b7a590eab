"""Pickles that show whether somebody has run what is in them."""

from collections.abc import Callable
from pathlib import Path


class Trap:
    """Makes the file `sprung` when it is unpickled."""

    def __init__(self, sprung: Path) -> None:
        self._sprung = sprung

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self._sprung,)
