"""Values by object identity, each for as long as its object lives: nothing is written on an object, or kept alive."""

import weakref
from typing import Any, Generic, TypeVar

import numpy as np

_V = TypeVar("_V")


class ByIdentity(Generic[_V]):
    """Values by object, for objects that may be equal to others or not hashable at all."""

    def __init__(self) -> None:
        self._entries: dict[int, tuple[weakref.ref[Any], _V]] = {}

    def __setitem__(self, key: Any, value: _V) -> None:
        number = id(key)
        entries = self._entries

        def forget(reference: weakref.ref[Any]) -> None:
            if (entry := entries.get(number)) is not None and entry[0] is reference:
                del entries[number]

        try:
            entries[number] = (weakref.ref(key, forget), value)
        except TypeError:  # lists and classes with slots have no weak references
            return

    def get(self, key: Any) -> _V | None:
        """Return the value of this very object, or None."""
        entry = self._entries.get(id(key))
        return entry[1] if entry is not None and entry[0]() is key else None

    def pop(self, key: Any) -> _V | None:
        """Return the value of this very object, or None, and forget it."""
        value = self.get(key)
        if value is not None:
            del self._entries[id(key)]
        return value

    def items(self) -> list[tuple[Any, _V]]:
        """Return the objects that are alive with their values, in the order in which they were added."""
        return [(key, value) for reference, value in list(self._entries.values()) if (key := reference()) is not None]

    def __len__(self) -> int:
        return len(self._entries)


def weak_reference(value: Any) -> "weakref.ref[Any] | None":
    """Return a weak reference, or None for a value that cannot have one."""
    try:
        return weakref.ref(value)
    except TypeError:
        return None


def memory_of(array: Any) -> Any:
    """Return the array that owns the memory of a view; any other object is returned as it is."""
    while isinstance(base := getattr(array, "base", None), np.ndarray):
        array = base
    return array
