"""Turns the values that people and frameworks log into the plain values that records hold."""

import math
import os
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from enum import Enum
from functools import lru_cache
from inspect import getattr_static
from io import IOBase
from pathlib import PurePath
from typing import Any, TypeVar

from autotrack.format import first_line
from autotrack.journal.records import Number
from autotrack.training.configs import MOST_ITEMS, items_of, members_of, unreadable

_T = TypeVar("_T")
_AS_THEY_ARE = (str, bool, type(None))
_TEXTS = {("decimal", "Decimal"), ("fractions", "Fraction"), ("uuid", "UUID")}  # by name: few processes import them
_LONGEST = 200
"""How many characters of a repr a param keeps."""

_MOST_NAMES = 10_000
"""After so many names nothing is gone into any more: objects that know each other have no end of paths."""

_MOST_NUMBERS = 100
"""Up to how many numbers an array is a param itself."""

_DEEPEST_LIST = 4

_DEEPEST = 20
"""How many levels of nesting become dotted names."""


def as_number(name: str, value: object) -> Number:
    """Turn a Python or numpy number, or an array or tensor with one element, into a number for a record.

    Booleans become 0 and 1, integers beyond 64 bits become floats, and NaN and the infinities become their names.
    Raises `TypeError`, naming the key, for anything that is not a number.
    """
    plain: Any = value if issubclass(type(value), (int, float)) else _item(name, value)
    if plain.__class__ is float and plain - plain == 0.0:  # the usual case; false for NaN and the infinities
        return plain
    if isinstance(plain, int):
        if -(2**63) <= plain < 2**63:
            return int(plain)
        plain = _float(plain)
    if math.isfinite(plain):
        return float(plain)
    return "NaN" if math.isnan(plain) else "Infinity" if plain > 0 else "-Infinity"


def _item(name: str, value: Any) -> int | float:
    given = value
    try:
        if (item := getattr(value, "item", None)) is not None:
            value = math.nan if _is_masked(value) else item()
        if issubclass(type(value), (int, float)):  # a proxy only says that it is one
            return value  # type: ignore[no-any-return]
        if isinstance(value, (str, bytes, complex)) or not hasattr(value, "__float__"):
            raise TypeError
        return _float(value)
    except Exception as error:  # noqa: BLE001  it is the user's object, and may raise anything
        shape = _shape(given)
        of_shape = "" if shape is None else f" of shape {shape}"
        if shape is not None and math.prod(shape) == 1 and str(error):  # it is a number, as it should be
            advice = f"it cannot be read ({type(error).__name__}: {first_line(str(error)):.200})"
        else:
            advice = "expected a single number. Use log_params, log_text or log_table for anything else"
        raise TypeError(f"the value of {name!r} is {type(value).__name__}{of_shape}; {advice}") from None


def _shape(value: Any) -> tuple[int, ...] | None:
    try:
        return tuple(value.shape)
    except Exception:  # noqa: BLE001  it has none, or none that can be read
        return None


def _is_masked(value: Any) -> bool:
    """Whether this is a number of numpy's that is masked: what lies behind the mask means nothing."""
    return _is_masked_array(value.__class__) and bool(value.mask.all())


@lru_cache(maxsize=256)  # it is asked of every value that is logged
def _is_masked_array(kind: Any) -> bool:
    return any(cls.__name__ == "MaskedArray" and cls.__module__.startswith("numpy.ma") for cls in kind.__mro__)


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer or a fraction beyond the largest float
        return math.inf if value > 0 else -math.inf


def is_on_cuda(value: object) -> bool:
    """Return whether this is a tensor whose value can only be read by waiting for a CUDA device."""
    try:
        return getattr(value, "is_cuda", False) is True
    except Exception:  # noqa: BLE001  an object whose attributes cannot be read is no tensor
        return False


def as_plain(value: object) -> Any:
    """Turn any value into plain data for a param, without calling code that could be costly or change something.

    Numbers, strings, booleans and None stay as they are. NaN and the infinities become their names. Enums, paths,
    dates and numpy numbers become their values. Mappings, namespaces, dataclasses, partials, sequences and sets become
    dicts and lists of plain values, with 1,000 items at most, all levels together; where more are left out, the last
    one says how many. Arrays and tensors of up to 100 numbers become lists, larger ones a text with their shape.
    Classes and functions become their qualified names, open files their paths, and any other object the name of its
    class.
    """
    return _plain(value, 0, [MOST_ITEMS])


def as_text(value: object) -> str:
    """Return the text of a value, or one that begins with `UNREADABLE`."""
    try:
        return str.__str__(value) if issubclass(type(value), str) else str(value)
    except Exception as error:  # noqa: BLE001  as in `as_plain`
        return unreadable(error)


def as_data(value: object, *, outer: tuple[int, ...] = ()) -> Any:
    """Turn lists and arrays of numbers and words into plain lists of any length, for the data of a plot.

    NaN and the infinities become their names; anything but a list or an array is treated as `as_plain` does. `outer`
    are the identities of the lists around it.
    """
    if type(value) is str or (type(value) is float and value - value == 0.0):
        return value
    around = (*outer, id(value))
    try:
        if hasattr(value, "tolist") and not is_on_cuda(value):
            value = _numbers(value)
        if isinstance(value, (list, tuple)):
            if around[-1] in outer or len(outer) > _DEEPEST_LIST:
                return qualified_name(type(value))
            return [item if type(item) is str else as_data(item, outer=around) for item in value]
    except Exception as error:  # noqa: BLE001  as in `as_plain`
        return unreadable(error)
    return as_plain(value)


def _plain(value: Any, depth: int, left: list[int]) -> Any:
    """Return a value as plain data; `left` holds how many items it may still have, all levels together."""
    try:
        scalar = _plain_scalar(value)
        if scalar is not NotImplemented:
            return scalar
        if depth > _DEEPEST_LIST:
            return qualified_name(type(value))
        if (items := items_of(value)) is not None:
            named = {as_text(_plain(key, depth + 1, [0])): _plain(item, depth + 1, left)
                     for key, item in _within(items, left)}  # fmt: skip
            return named if left[0] else {**named, **_rest(value, named)}
        # Only sequences that are certainly in memory: others may compute or load their items.
        if isinstance(value, (list, tuple, range, set, frozenset, deque)) or type(value).__name__ == "ListConfig":
            return _plain_list(value, depth, left)
        return _plain_object(value, depth)
    except Exception as error:  # noqa: BLE001  objects of the user's may raise anything, and cost themselves only
        return unreadable(error)


def _plain_list(value: Any, depth: int, left: list[int]) -> list[Any]:
    listed = [_plain(item, depth + 1, left) for item in _within(members_of(value), left)]
    if isinstance(value, (set, frozenset)):
        listed.sort(key=repr)  # their own order differs from process to process
    if len(listed) == len(value):
        return listed
    return [*listed[:-1], f"… {len(value) - len(listed[:-1]):,} more"]


def _within(items: Iterator[_T], left: list[int]) -> Iterator[_T]:
    while left[0] > 0:
        left[0] -= 1
        try:
            yield next(items)
        except StopIteration:
            left[0] += 1
            return


def _rest(value: Any, kept: dict[str, Any]) -> dict[str, str]:
    more = len(value) - len(kept) if hasattr(value, "__len__") else 0
    return {"…": f"{more:,} more"} if more > 0 else {}


def _plain_scalar(value: Any) -> Any:
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, Enum):  # first, because it may be a string or a number as well
        return _plain_scalar(value.value) if isinstance(value.value, (str, int, float)) else value.name
    if isinstance(value, (bool, str)):  # of a derived class, or a proxy that only says so
        return as_text(value) if isinstance(value, str) else bool(value)
    if isinstance(value, int):  # seeds use all 64 bits, and a param is kept exactly
        return int(value) if -(2**63) <= value < 2**64 else str(value)
    if isinstance(value, float):
        return as_number("", value)
    if isinstance(value, PurePath):
        return os.fspath(value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, complex) or any((cls.__module__, cls.__name__) in _TEXTS for cls in type(value).__mro__):
        return str(value)
    return NotImplemented


def _plain_object(value: Any, depth: int) -> Any:
    if isinstance(value, type) or getattr_static(value, "__qualname__", None) is not None:
        return qualified_name(value)
    kind = type(value)
    if kind.__module__ == "torch" and kind.__name__ in ("dtype", "device", "Size"):
        return str(value)
    if _is_array(kind):
        return _plain_array(value, depth)
    if isinstance(value, IOBase):
        name = getattr(value, "name", None)
        return name if isinstance(name, str) else qualified_name(kind)
    if kind.__module__.startswith("scipy.stats.") and hasattr(value, "dist"):  # a distribution to search in
        arguments = [*(f"{one!r}" for one in value.args), *(f"{name}={one!r}" for name, one in value.kwds.items())]
        return f"{value.dist.name}({', '.join(arguments)})"[:_LONGEST]
    return qualified_name(kind)


def _is_array(kind: type) -> bool:
    return any(cls.__module__ in ("numpy", "torch") and cls.__name__ in _ARRAYS for cls in kind.__mro__) or (
        kind.__module__ == "numpy" and hasattr(kind, "dtype")
    )


_ARRAYS = ("ndarray", "Tensor")


def _plain_array(value: Any, depth: int) -> Any:
    """Return the numbers of a small array or tensor, and of others a text that says what they are.

    An array of objects may hold anything, also itself.
    """
    shape = tuple(value.shape)
    if math.prod(shape) <= _MOST_NUMBERS and not is_on_cuda(value):
        try:
            holds_objects = getattr(value.dtype, "hasobject", False)
            return _plain(_numbers(value), depth + 1 if holds_objects else 1, [_MOST_NUMBERS])
        except (TypeError, ValueError, RuntimeError, NotImplementedError):  # it has no numbers to show
            return qualified_name(type(value)) if not shape else _described_array(value, shape)
    return _described_array(value, shape)


def _numbers(value: Any) -> Any:
    """Return the numbers of an array as lists; those that are masked, which `tolist` leaves out, are NaN."""
    return _without_none(value.tolist()) if _is_masked_array(value.__class__) else value.tolist()


def _without_none(numbers: Any) -> Any:
    if isinstance(numbers, list):
        return [_without_none(number) for number in numbers]
    return math.nan if numbers is None else numbers


def _described_array(value: Any, shape: tuple[int, ...]) -> str:
    return f"{qualified_name(type(value))} of shape {shape}, {str(value.dtype).removeprefix('torch.')}"


def qualified_name(value: Any) -> str:
    """Return the importable name of a class or function, without `builtins.`; that of a script begins with its name.

    >>> import collections
    >>> qualified_name(collections.OrderedDict)
    'collections.OrderedDict'
    """
    module = getattr(value, "__module__", None) or ""
    name = getattr(value, "__qualname__", None) or repr(value)[:_LONGEST]
    if module == "__main__":
        module = _script_name()
    return name if module in ("", "builtins") else f"{module}.{name}"


def _script_name() -> str:
    """Return the name that the script's module would be imported by; `__main__` in notebooks and at a prompt."""
    main = sys.modules.get("__main__")
    spec, path = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    if spec is not None:
        return str(spec.name).removesuffix(".__main__")
    return PurePath(path).stem if isinstance(path, str) else "__main__"


def flatten(values: Mapping[Any, Any]) -> dict[str, Any]:
    """Turn nested mappings, namespaces and dataclasses into one level of dotted names with plain values.

    What contains itself, lies more than 20 levels deep or comes after 10,000 names becomes the name of its class; what
    cannot be read, a text that begins with `UNREADABLE`. Of a mapping, 1,000 names are kept. Raises `TypeError` when
    the values have no names.

    >>> flatten({"model": {"width": 64}, "lr": 0.1})
    {'model.width': 64, 'lr': 0.1}
    """
    items = items_of(values)
    if items is None:
        raise TypeError(f"{values!r:.100} has no names; expected names and values, such as {{'lr': 0.1}}")
    return _flattened(items, "", (id(values),), [_MOST_NAMES])


def _flattened(
    items: Iterator[tuple[Any, Any]], prefix: str, outer: tuple[int, ...], left: list[int]
) -> dict[str, Any]:
    """Return items under names with this prefix. `outer` are the objects around them, and `left` counts the names."""
    flat: dict[str, Any] = {}
    for count, (key, value) in enumerate(items):
        name = f"{prefix}{as_text(key)}"
        if count == MOST_ITEMS:
            flat[f"{prefix}…"] = f"more than {MOST_ITEMS:,} names"
            break
        left[0] -= 1
        kind = type(value)
        is_number = (kind is float and value - value == 0.0) or (kind is int and -(2**63) <= value < 2**63)
        if is_number or kind in _AS_THEY_ARE:
            flat[name] = value
        elif id(value) in outer or len(outer) > _DEEPEST or left[0] <= 0:
            flat[name] = qualified_name(type(value))
        else:
            try:
                inner = None if isinstance(value, Mapping) and not value else items_of(value)
                around = (*outer, id(value))
                flat.update({name: as_plain(value)} if inner is None else _flattened(inner, f"{name}.", around, left))
            except Exception as error:  # noqa: BLE001  as for a single value: an object of the user's may raise anything
                flat[name] = unreadable(error)
    return flat
