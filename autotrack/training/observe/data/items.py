"""Lists and columns of Python objects: texts, numbers, paths, and small lists, dicts and arrays of those."""

import os
from array import array
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from hashlib import blake2b
from itertools import chain
from pathlib import PurePath
from typing import Any
from uuid import UUID

from autotrack.training.observe.data.arrays import as_numpy, is_bytes_alone
from autotrack.training.observe.data.fingerprint import Part
from autotrack.training.observe.data.paths import identify_files

_ITEM_COST = 800.0  # digesting one item takes as long as reading so many bytes of an array
_LEAF_COST = 500.0  # and every item inside it
_NUMBER_COST = 32.0  # numbers alone are digested together
_LARGEST_ITEM = 2**20  # what costs more is not read
_DEEPEST = 4
_SAMPLED = 16

_AS_THEY_ARE = frozenset((str, bytes, int, float, complex, bool, type(None), Decimal, Fraction, timedelta, date, UUID))
_MOMENTS = frozenset((datetime, time))
_CODES = {float: "d", int: "q", bool: "b"}

Take = Callable[[int, int], Sequence[Any]]


class NotPlain(Exception):  # noqa: N818 - nothing failed: this item cannot be read
    """The item is not plain data, or it is too large."""


def items_part(name: str, dtype: str | None, count: int, take: Take) -> Part:
    """Describe a list or column of Python objects; `take` returns those from a start to a stop.

    An evenly spread sample decides what they cost, and whether they are numbers or paths of files.
    """
    sample = [item for at in _spread(count) for item in take(at, at + 1)]
    kinds = set(map(type, sample))
    dtype = dtype or (next(iter(kinds)).__name__ if len(kinds) == 1 else "mixed" if kinds else "empty")
    if len(kinds) == 1 and (code := _CODES.get(next(iter(kinds)))):
        return Part(name=name, dtype=dtype, shape=(count,), units=count, unit_cost=_NUMBER_COST,
                    read=lambda start, stop: _read_numbers(take(start, stop), code))  # fmt: skip
    cost = max(_ITEM_COST, sum(map(_cost, sample)) / max(1, len(sample)))
    if paths := _paths(sample):
        # The same files may lie elsewhere: what counts is their names below the folder they have in common.
        common = os.path.commonprefix(paths)  # noqa: RUF071 - up to its last slash, as the paths are written
        folder = common[: common.rfind(os.sep) + 1]
        return Part(name=name, dtype=dtype, shape=(count,), units=count, unit_cost=cost, whole=False,
                    read=lambda start, stop: read_items(take(start, stop), folder),
                    identify=lambda deadline: identify_files(paths, deadline))  # fmt: skip
    return Part(name=name, dtype=dtype, shape=(count,), units=count, unit_cost=cost, by_row=True,
                read=lambda start, stop: read_items(take(start, stop)))  # fmt: skip


def read_items(items: Sequence[Any], folder: str = "") -> bytes | None:
    """Return eight bytes for each item that stand for its value, or None if an item is not plain data.

    `folder` is removed from the paths that begin with it.
    """
    try:
        return b"".join([blake2b(ascii(_plain(item, folder)).encode(), digest_size=8).digest() for item in items])
    except (NotPlain, ValueError):  # a ValueError comes from an integer with more digits than Python prints
        return None


def _read_numbers(items: Sequence[Any], code: str) -> bytes | None:
    kinds = set(map(type, items))
    if len(kinds) == 1 and _CODES.get(kinds.pop()) == code:
        try:
            return b"numbers" + array(code, items).tobytes()
        except OverflowError:  # integers beyond 64 bits
            pass
    return read_items(items)


def _spread(count: int) -> list[int]:
    return sorted({at * (count - 1) // max(1, _SAMPLED - 1) for at in range(_SAMPLED)}) if count else []


def _cost(item: Any, depth: int = 0, limit: float = 2**16) -> float:
    """Return what digesting an item costs; counting stops once that exceeds the limit."""
    cost = _LEAF_COST if depth else _ITEM_COST
    if isinstance(item, (str, bytes)):
        return cost + len(item)
    if isinstance(item, (list, tuple, dict)) and depth < _DEEPEST:
        for inner in _children(item):
            cost += _cost(inner, depth + 1, limit)
            if cost > limit:
                break
        return cost
    size = getattr(item, "nbytes", 0) if type(item).__module__ in ("numpy", "torch") else 0
    return cost + size + 5 * _ITEM_COST * bool(size)


def _children(item: Any) -> Iterator[Any]:
    """Return what a list, tuple or dict holds, without running code of classes derived from them."""
    if isinstance(item, dict):
        return chain.from_iterable(dict.items(item))
    return list.__iter__(item) if isinstance(item, list) else tuple.__iter__(item)


def _plain(item: Any, folder: str, depth: int = 0) -> Any:
    """Return the item as Python data whose `repr` is the same in every process. Raises `NotPlain`."""
    kind = type(item)
    if kind is str or kind is bytes:
        if len(item) > _LARGEST_ITEM:
            raise NotPlain
        return item.removeprefix(folder) if folder and kind is str else item
    if kind in _AS_THEY_ARE:
        return item
    if kind is list or kind is tuple or kind is dict:
        if depth >= _DEEPEST or (_cost(item, depth, _LARGEST_ITEM) > _LARGEST_ITEM):
            raise NotPlain
        return kind.__name__, [_plain(inner, folder, depth + 1) for inner in _children(item)]
    return _plain_object(item)


def _plain_object(item: Any) -> Any:
    kind = type(item)
    if kind in _MOMENTS or (kind.__module__.startswith("pandas") and kind.__name__ in ("Timestamp", "Timedelta")):
        return kind.__name__, item.isoformat()
    if isinstance(item, PurePath):
        return "path", str(item)
    if kind.__name__ in ("NAType", "NaTType"):  # missing values of pandas
        return (kind.__name__,)
    values = as_numpy(item)
    if values is None or values.nbytes > _LARGEST_ITEM or not is_bytes_alone(values.dtype):
        raise NotPlain
    return str(values.dtype), values.shape, blake2b(values.tobytes(), digest_size=16).digest()


def _paths(sample: Sequence[Any]) -> list[str]:
    """Return the sampled paths, if the items are paths of files, alone or first in a tuple with labels."""
    first = [item[0] if isinstance(item, tuple) and item else item for item in sample]
    paths = [os.fspath(item) for item in first if isinstance(item, (str, PurePath))]
    texts = [path for path in paths if isinstance(path, str) and 0 < len(path) < 4096 and "\n" not in path]
    if not texts or len(texts) < len(sample):
        return []
    return texts if all(os.path.isfile(path) for path in (texts[0], texts[-1])) else []  # noqa: PTH113 - any text
