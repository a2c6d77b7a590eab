"""Finds the parts of any data set by what it holds, never by asking it for an item.

Only the attributes of an object are read, straight from where Python keeps them, so that none of its code runs.
"""

import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import PurePath
from typing import Any

from autotrack.training.observe.data.arrays import is_tensor, module, tensor_part
from autotrack.training.observe.data.fingerprint import MOST_PARTS, Identity, Part
from autotrack.training.observe.data.items import items_part
from autotrack.training.observe.data.paths import path_part
from autotrack.training.observe.data.tables import (
    array_parts,
    column_part,
    is_column,
    is_sparse,
    is_table,
    joined,
    sparse_parts,
    table_parts,
)

_DEEPEST = 4
"""How many objects and lists deep parts are searched for: a subset of a subset of a data set of tensors is three."""

_MOST_ATTRIBUTES = 1000
_FEW = 16

_COMPUTED = frozenset(
    "cudf cupy dask dask_expr daft distributed h5py ibis jax jaxlib keras modin netCDF4 polars pyarrow pyspark ray "
    "tables tensorflow tf_keras vaex xarray zarr".split()
)
"""Libraries whose objects may compute or load when they are touched: only shape and dtype are recorded of them."""

_NO_DATA = (
    "_io _random _thread _weakref argparse concurrent enum functools logging multiprocessing numpy.random queue "
    "random re threading types typing weakref".split()
)
"""Modules whose objects are not data when a data set holds them: locks, loggers, generators."""


def parts_of(name: str, value: Any, depth: int = 0) -> list[Part]:
    """List the arrays, columns, lists and files that a data set consists of; empty if it holds none.

    Data that is not understood becomes a part that is not whole.
    """
    parts = list(islice(_parts(name, value, depth, set()), MOST_PARTS))
    return parts if len(parts) < MOST_PARTS else [*parts, Part(name=name, dtype="other parts", whole=False)]


def _parts(name: str, value: Any, depth: int, seen: set[int]) -> Iterator[Part]:
    is_plain = type(value) in (list, tuple, dict, range)  # somebody's own class may be a dict and much more
    for recognise, describe in _KINDS:
        if not is_plain and recognise(value):
            yield from describe(name, value)
            return
    if id(value) in seen or depth > _DEEPEST:
        if depth > _DEEPEST:
            yield unknown_part(name, value)
        return
    seen.add(id(value))
    if isinstance(value, (list, tuple, dict, range)):
        yield from _container_parts(name, value, depth, seen)
    elif is_computed(value):
        yield unknown_part(name, value)
    else:
        yield from _object_parts(name, value, depth, seen)


def _container_parts(name: str, value: Any, depth: int, seen: set[int]) -> Iterator[Part]:
    members = members_of(value, outermost=depth == 0)
    if members is None:
        yield items_of(name, value)
        return
    for key, member in members:
        yield from _member_parts(joined(name, key), member, depth, seen)


def _member_parts(name: str, value: Any, depth: int, seen: set[int]) -> Iterator[Part]:
    try:
        yield from _parts(name, value, depth + 1, seen)
    except Exception:  # noqa: BLE001  other people's data may raise anything, and the other members are described
        yield unreadable_part(name, value)


def _object_parts(name: str, value: Any, depth: int, seen: set[int]) -> Iterator[Part]:
    attributes = attributes_of(value)
    if attributes is None:
        yield unknown_part(name, value)
        return
    for key, attribute in islice(attributes.items(), _MOST_ATTRIBUTES):
        if not _is_setting(attribute):
            yield from _member_parts(joined(name, key), attribute, depth, seen)


def attributes_of(value: Any) -> dict[str, Any] | None:
    """Return the attributes of the object itself; None if it has none, as with a class with slots."""
    try:
        attributes = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return None
    return dict(attributes) if isinstance(attributes, dict) else None


def members_of(value: Any, *, outermost: bool = False) -> list[tuple[str, Any]] | None:
    """Return what a list, tuple or dict of parts holds, by name; None for a list of items.

    A tuple of two that is not nested is features and targets. A list of a few arrays is a list of parts, a list of
    many arrays is a list of items.
    """
    if isinstance(value, dict):
        if not any(_is_part(one) for one in islice(dict.values(value), _FEW)):
            return None
        return [(str(key), one) for key, one in islice(dict.items(value), MOST_PARTS + 1) if one is not None]
    if isinstance(value, range):
        return None
    few = list(islice(list.__iter__(value) if isinstance(value, list) else tuple.__iter__(value), MOST_PARTS + 1))
    given = [one for one in few if one is not None]
    lists = (list, tuple, Iterator) if isinstance(value, tuple) and outermost else ()
    fits = given and all(_is_part(one) or isinstance(one, lists) for one in given)
    if not fits or (len(few) > _FEW and not all(is_dataset(one) for one in given)):
        return None
    names = ["x", "y"] if outermost and len(few) == 2 else [str(number) for number in range(len(few))]
    return [(key, one) for key, one in zip(names, few, strict=True) if one is not None]


def items_of(name: str, value: Any) -> Part:
    """Describe a list, tuple, range or dict of plain items."""
    if isinstance(value, dict):
        count, iterator = dict.__len__(value), dict.items(value)
        kept = list(islice(iterator, 1000))
        part = items_part(name, "dict", len(kept), lambda start, stop: kept[start:stop])
        return part if len(kept) == count else Part(name=name, dtype="dict", shape=(count,), whole=False)
    kind = next(kind for kind in (list, tuple, range) if isinstance(value, kind))
    return items_part(name, None, kind.__len__(value), lambda start, stop: kind.__getitem__(value, slice(start, stop)))


def unknown_part(name: str, value: Any) -> Part:
    """Describe data of an unknown kind by its class, and by shape and dtype where it is an array of a library."""
    shape, dtype = shape_and_dtype(value)
    return Part(name=name, dtype=dtype or type(value).__qualname__, shape=shape, whole=False)


def unreadable_part(name: str, value: Any) -> Part:
    """Describe data that raises when it is touched by its class alone."""
    return Part(name=name, dtype=type(value).__qualname__, whole=False)


def shape_and_dtype(value: Any) -> tuple[tuple[int, ...] | None, str | None]:
    """Return the shape and dtype that an object of an array library says it has."""
    if not is_computed(value):
        return None, None
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    plain = isinstance(shape, tuple) and all(isinstance(length, int) for length in shape)
    return (tuple(shape or ()) if plain else None), (None if dtype is None else str(getattr(dtype, "name", dtype)))


def is_computed(value: Any) -> bool:
    """Whether this object belongs to a library whose objects may compute or load when they are touched."""
    modules = [kind.__module__ for kind in type(value).__mro__]
    return any(one.partition(".")[0] in _COMPUTED or one == "datasets.iterable_dataset" for one in modules)


def is_dataset(value: Any) -> bool:
    """Whether this is a data set of torch."""
    data = module("torch.utils.data", "Dataset")
    return data is not None and isinstance(value, data.Dataset)


def is_hugging_face(value: Any) -> bool:
    """Whether this is a data set of Hugging Face's library that knows its own fingerprint."""
    # The exact module, because many projects have a package `datasets` of their own.
    ours = any(kind.__module__ == "datasets.arrow_dataset" for kind in type(value).__mro__)
    return ours and isinstance(getattr(value, "_fingerprint", None), str)


def _hugging_face_parts(name: str, value: Any) -> list[Part]:
    identity = Identity(value._fingerprint.encode())
    shape = (value.num_rows,) if isinstance(value.num_rows, int) else None
    return [Part(name=name, dtype="dataset", shape=shape, whole=False, identify=lambda _deadline: identity)]


def _is_part(value: Any) -> bool:
    """Whether this is data that is more than a plain item."""
    if is_array(value):
        return bool(value.ndim > 0)
    structured = is_tensor(value) or is_sparse(value) or is_table(value) or is_column(value)
    return structured or is_dataset(value) or is_hugging_face(value) or is_computed(value)


def _is_setting(value: Any) -> bool:
    """Whether an attribute of a data set is a setting, a counter or a tool, and not data."""
    try:
        return _is_plain_setting(value)
    except Exception:  # noqa: BLE001  other people's objects may raise anything
        return True


def _is_plain_setting(value: Any) -> bool:
    if value is None or isinstance(value, (bool, int, float, complex, type)):
        return True
    if isinstance(value, (str, PurePath)):
        return path_part("", os.fspath(value)) is None
    if isinstance(value, (list, tuple, dict, range)) or is_dataset(value):
        return False
    kind = type(value)
    state = any(kind.__module__ == one or kind.__module__.startswith(f"{one}.") for one in _NO_DATA)
    return state or kind.__name__ == "Generator" or (callable(value) and not is_computed(value))


def _path_parts(name: str, value: str | PurePath) -> list[Part]:
    part = path_part(name, os.fspath(value))
    return [part or Part(name=name, dtype="str" if isinstance(value, str) else "path", whole=False)]


def is_array(value: Any) -> bool:
    """Whether this is an array of numpy."""
    numpy = module("numpy", "ndarray")
    return numpy is not None and isinstance(value, numpy.ndarray)


_KINDS: list[tuple[Callable[[Any], bool], Callable[[str, Any], Any]]] = [
    (is_array, array_parts),
    (is_tensor, lambda name, value: [tensor_part(name, value)]),
    (is_sparse, sparse_parts),
    (is_table, table_parts),
    (is_column, lambda name, value: [column_part(name, value)]),
    (is_hugging_face, _hugging_face_parts),
    (lambda value: isinstance(value, (str, PurePath)), _path_parts),
]
