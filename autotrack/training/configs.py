"""Reads the many things that people keep settings in: mappings, namespaces, dataclasses, named tuples, partials.

Nothing of theirs costs more than itself: an item that cannot be read becomes a text that says why.
"""

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from types import SimpleNamespace
from typing import Any

from autotrack.settings import UNREADABLE

MOST_ITEMS = 1000
"""How many names of a mapping are looked at. A mapping of somebody's may make them up without end."""


def items_of(value: Any) -> Iterator[tuple[Any, Any]] | None:
    """Return the names and values of what holds settings by name, or None for anything else.

    A `functools.partial` holds what it calls, as `func`, besides its arguments.
    """
    if isinstance(value, Mapping):
        return _items_of_mapping(value)
    kind = type(value)
    if kind.__name__ == "Namespace" or isinstance(value, SimpleNamespace):
        return iter(list(vars(value).items()))
    if isinstance(value, functools.partial):
        positional = {"args": value.args} if value.args else {}
        return iter({"func": value.func, **positional, **value.keywords}.items())
    return None if (names := _field_names(kind)) is None else _attributes(value, names)


def _field_names(kind: type) -> list[str] | None:
    """Return the names of the fields of a dataclass, a named tuple, a class of attrs or a model of pydantic."""
    if dataclasses.is_dataclass(kind):
        return [field.name for field in dataclasses.fields(kind)]
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return list(kind._fields)
    if hasattr(kind, "__attrs_attrs__"):
        return [attribute.name for attribute in kind.__attrs_attrs__]
    if hasattr(kind, "__pydantic_fields__"):
        return list(kind.__pydantic_fields__)
    return None


def _attributes(value: Any, names: list[str]) -> Iterator[tuple[str, Any]]:
    extra = [name for name in getattr(value, "__dict__", {}) if name not in names and not name.startswith("_")]
    for name in [*names, *extra]:
        try:
            yield name, getattr(value, name)
        except Exception as error:  # noqa: BLE001  whatever a property of the user's raises costs that property only
            yield name, unreadable(error)


def _items_of_mapping(values: Mapping[Any, Any]) -> Iterator[tuple[Any, Any]]:
    for key in _keys(values):
        try:
            yield key, values[key]
        except Exception as error:  # noqa: BLE001  a value may be computed when it is asked for, and missing
            yield key, _as_written(values, key, error)


def _keys(values: Mapping[Any, Any]) -> list[Any]:
    """Return the keys, as far as they can be listed, and one more than `MOST_ITEMS` where there are more."""
    keys = []
    try:
        for key in islice(values, MOST_ITEMS + 1):
            keys.append(key)  # noqa: PERF402  those before the one that raises are kept
    except Exception:  # noqa: BLE001  a mapping of the user's may raise anything
        return keys
    return keys


def members_of(values: Any) -> Iterator[Any]:
    """Yield the members of a list, tuple or set, or of OmegaConf's kind of list."""
    if type(values).__name__ != "ListConfig":
        yield from values
        return
    for index in range(len(values)):
        try:
            yield values[index]
        except Exception as error:  # noqa: BLE001  as in a mapping
            yield _as_written(values, index, error)


def _as_written(values: Any, key: Any, error: Exception) -> str:
    """Return what an OmegaConf has for a value that is missing or cannot be resolved, such as `???`."""
    if type(values).__module__.startswith("omegaconf."):
        with suppress(Exception):  # a node may be broken as well
            return str(values._get_node(key)._value())
    return unreadable(error)


def unreadable(error: Exception) -> str:
    """Return the text that stands for a value that raised this when it was read."""
    return f"{UNREADABLE}{type(error).__name__}"
