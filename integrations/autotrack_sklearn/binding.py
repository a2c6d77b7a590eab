"""Which run a model and a result belong to: known by identity, for as long as the object lives.

Nothing is written on a model, and nothing is kept alive.
"""

import weakref
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

import autotrack

_V = TypeVar("_V")


class ByIdentity(Generic[_V]):
    """Values by object, for objects that may be equal to others or not hashable at all."""

    def __init__(self) -> None:
        self._entries: dict[int, tuple[weakref.ref[Any], _V]] = {}

    def __setitem__(self, key: Any, value: _V) -> None:
        number = id(key)
        entries = self._entries

        def forget(reference: weakref.ref[Any]) -> None:
            if (known := entries.get(number)) is not None and known[0] is reference:
                del entries[number]

        try:
            entries[number] = (weakref.ref(key, forget), value)
        except TypeError:  # a list, or a class with slots: nothing can tell when it is gone
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
        """Return the objects that are alive with their values, in the order in which they came."""
        return [(key, value) for reference, value in list(self._entries.values()) if (key := reference()) is not None]

    def __len__(self) -> int:
        return len(self._entries)


@dataclass(frozen=True)
class Model:
    """The run that a model was fitted in; names in it begin with `prefix`."""

    run: autotrack.Run
    prefix: str
    features: "weakref.ref[Any] | None" = None
    data: str | None = None


@dataclass(frozen=True)
class Result:
    """What a model of a run came to, for which data, which the user's code calls `data`."""

    model: Model
    method: str
    classes: Any = None
    features: "weakref.ref[Any] | None" = None
    data: str | None = None


@dataclass(frozen=True)
class Prepared:
    """The steps of preprocessing, by class and params, that data went through."""

    steps: tuple[tuple[str, dict[str, Any]], ...]


models: ByIdentity[Model] = ByIdentity()
results: ByIdentity[Result] = ByIdentity()
prepared: ByIdentity[Prepared] = ByIdentity()
preprocessors: ByIdentity[tuple[str, dict[str, Any]]] = ByIdentity()


def reference(value: Any) -> "weakref.ref[Any] | None":
    """Return a weak reference, or None for what has none."""
    try:
        return weakref.ref(value)
    except TypeError:
        return None


def root(array: Any) -> Any:
    """Return the array whose memory a view looks at, or the array itself."""
    while isinstance(base := getattr(array, "base", None), np.ndarray):
        array = base
    return array


def remember_result(value: Any, result: Result) -> None:
    """Remember what a model came to, and what views of it will look at; data that is passed through is no result."""
    given = result.features() if result.features is not None else None
    if value is None or value is given:
        return
    memory = root(value)
    if given is not None and memory is root(given):
        return
    results[value] = result
    if memory is not value and models.get(memory) is None:
        results[memory] = result


def result_of(value: Any) -> Result | None:
    """Return the result that this is, or is a view of."""
    if not len(results) or isinstance(value, (str, int, float, type(None))):
        return None
    found = results.get(value)
    if found is None and isinstance(value, np.ndarray) and value.base is not None:
        found = results.get(root(value))
    return found
