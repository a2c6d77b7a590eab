"""Numpy arrays of every dtype, sparse matrices and pandas tables, as the parts that they are made of.

The index of a pandas table is left out: models do not see it, and shuffling, saving or filtering change its numbers
while the rows stay the same.
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from autotrack.training.observe.data.arrays import array_part, is_bytes_alone, module
from autotrack.training.observe.data.fingerprint import Identity, Part
from autotrack.training.observe.data.items import items_part, read_items

_MATRIX_COLUMNS = 16
_MOST_COLUMNS = 128
_MOST_CATEGORIES = 5000
_MOST_KEYS = 5000

_COMPONENTS = {
    "csr": ("data", "indices", "indptr"),
    "csc": ("data", "indices", "indptr"),
    "bsr": ("data", "indices", "indptr"),
    "coo": ("data", "row", "col"),
    "dia": ("data", "offsets"),
    "lil": ("data", "rows"),
}
"""The arrays that a sparse matrix of each format consists of."""


def joined(name: str, inner: object) -> str:
    """Return the name of a part inside another part."""
    return f"{name}.{inner}" if name else str(inner)


def header(name: str, dtype: str, shape: tuple[int, ...]) -> Part:
    """Describe a container of other parts, which has no bytes of its own."""
    return Part(name=name, dtype=dtype, shape=shape, size_bytes=0, read=lambda _start, _stop: b"")


def array_parts(name: str, array: Any) -> list[Part]:
    """Describe a numpy array; one with fields is described by field, since the gaps between them may hold anything."""
    masked = module("numpy.ma", "MaskedArray")
    if masked and isinstance(array, masked.MaskedArray):
        mask = array_parts(joined(name, "mask"), array.mask) if array.mask is not masked.nomask else []
        return [*array_parts(name, array.data), *mask]
    array = array.view(sys.modules["numpy"].ndarray)
    if array.dtype.names is not None:
        fields = [part for field in array.dtype.names for part in array_parts(joined(name, field), array[field])]
        return [header(name, "structured", array.shape), *fields]
    if is_bytes_alone(array.dtype):
        return [array_part(name, array)]
    if array.ndim == 0 or not is_of_items(array.dtype):
        return [Part(name=name, dtype=str(array.dtype), shape=array.shape, whole=False)]
    items = items_part(name, str(array.dtype), len(array), lambda start, stop: array[start:stop].tolist())
    return [items, header(name, "items", array.shape)] if array.ndim > 1 else [items]


def is_of_items(dtype: Any) -> bool:
    """Whether the elements are Python objects, or texts that are stored elsewhere."""
    return dtype.kind in "OT"


def is_sparse(value: Any) -> bool:
    """Whether this is a sparse matrix or array of scipy."""
    scipy = module("scipy.sparse", "issparse")
    return scipy is not None and bool(scipy.issparse(value))


def sparse_parts(name: str, matrix: Any) -> list[Part]:
    """Describe a sparse matrix by its own arrays. The same numbers stored in another order count as other data."""
    whole = header(name, f"{matrix.format} of {matrix.dtype}", tuple(matrix.shape))
    if matrix.format == "dok":
        components = _keyed_components(matrix)
    elif matrix.format == "coo" and hasattr(matrix, "coords"):  # may have any number of axes
        components = {"data": matrix.data, **{f"axis{axis}": at for axis, at in enumerate(matrix.coords)}}
    else:
        components = {one: getattr(matrix, one) for one in _COMPONENTS.get(matrix.format, ())}
    if not components:
        return [Part(name=name, dtype=whole.dtype, shape=whole.shape, whole=False)]
    return [whole, *(part for key, array in components.items() for part in array_parts(joined(name, key), array))]


def _keyed_components(matrix: Any) -> dict[str, Any]:
    """Return the keys and values of a matrix stored as a dictionary, sorted by key; nothing if it is large."""
    if matrix.nnz > _MOST_KEYS:
        return {}
    keys, numpy = sorted(matrix.keys()), sys.modules["numpy"]
    return {"keys": numpy.array(keys, "i8"), "data": numpy.array([matrix[key] for key in keys], matrix.dtype)}


def is_table(value: Any) -> bool:
    """Whether this is a table of pandas."""
    pandas = module("pandas", "DataFrame")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def is_column(value: Any) -> bool:
    """Whether this is a column or index of pandas."""
    pandas = module("pandas", "Index")
    return pandas is not None and isinstance(value, (pandas.Series, pandas.Index))


def table_parts(name: str, table: Any) -> Iterator[Part]:
    """Describe a pandas table column by column, or row by row where it is a matrix of numbers with names.

    If there are very many columns of different dtypes, evenly spread ones are described.
    """
    count = table.shape[1]
    dtypes = set(table.dtypes) if count > _MATRIX_COLUMNS else set()
    if len(dtypes) == 1 and getattr(dtype := dtypes.pop(), "kind", "O") in "biufc" and is_numpy(dtype):
        yield _matrix_part(name, table, dtype)
        return
    chosen = list(range(count))
    if count > _MOST_COLUMNS:
        chosen = [at * (count - 1) // (_MOST_COLUMNS - 1) for at in range(_MOST_COLUMNS)]
        yield Part(name=name, dtype="other columns", shape=table.shape, whole=False)
    for at in chosen:
        column = table.iloc[:, at]
        yield column_part(joined(name, column.name), column)


def _matrix_part(name: str, table: Any, dtype: Any) -> Part:
    rows, columns = table.shape
    width = columns * dtype.itemsize
    return Part(name=name, dtype=str(dtype), shape=(rows, columns), size_bytes=rows * width, units=rows,
                unit_cost=width, read=lambda start, stop: table.iloc[start:stop].to_numpy().tobytes(), by_row=True,
                identify=lambda _deadline: Identity(read_items(table.columns.tolist()) or b""))  # fmt: skip


def is_numpy(dtype: Any) -> bool:
    """Whether this is a dtype of numpy, not one of pandas."""
    return isinstance(dtype, sys.modules["numpy"].dtype)


def column_part(name: str, column: Any) -> Part:
    """Describe a column of pandas by its values."""
    pandas, values = sys.modules["pandas"], column.array
    count, dtype = len(values), str(column.dtype)
    if isinstance(values, pandas.Categorical):
        return _categories_part(name, values)
    if isinstance(values, (pandas.arrays.IntegerArray, pandas.arrays.FloatingArray, pandas.arrays.BooleanArray)):
        cost = values.dtype.numpy_dtype.itemsize + 1
        return _fixed(name, dtype, count, cost, partial(_read_nullable, values))
    if hasattr(values, "asi8"):  # times, durations and periods are integers inside
        return array_part(name, values.asi8, dtype)
    if isinstance(values.dtype, (pandas.StringDtype, getattr(pandas, "ArrowDtype", pandas.StringDtype))):
        return items_part(name, dtype, count, lambda start, stop: values[start:stop].to_numpy(dtype=object).tolist())
    array = column.to_numpy() if is_numpy(column.dtype) else None
    if array is None or array.ndim != 1:
        return Part(name=name, dtype=dtype, shape=(count,), whole=False)
    return array_parts(name, array)[0]


def _fixed(name: str, dtype: str, count: int, cost: int, read: Callable[[int, int], bytes]) -> Part:
    return Part(name=name, dtype=dtype, shape=(count,), size_bytes=count * cost, units=count, unit_cost=cost,
                read=read, by_row=True)  # fmt: skip


def _read_nullable(values: Any, start: int, stop: int) -> bytes:
    """Return each value, followed by whether it is missing. The memory of a missing one may hold anything."""
    numpy, block = sys.modules["numpy"], values[start:stop]
    filled = block.to_numpy(dtype=values.dtype.numpy_dtype, na_value=values.dtype.numpy_dtype.type(0))
    missing = block.isna().view("u1").reshape(-1, 1)
    rows = numpy.ascontiguousarray(filled).view("u1").reshape(stop - start, -1)
    return numpy.concatenate([rows, missing], axis=1).tobytes()  # type: ignore[no-any-return] # numpy is not imported


def _categories_part(name: str, values: Any) -> Part:
    """Describe categories by their values, so that the order of their numbers does not matter."""
    categories, codes = values.categories, values.codes
    dtype = f"category[{len(categories)}{', ordered' if values.ordered else ''}]"
    digests = read_items([*categories.tolist(), None]) if len(categories) <= _MOST_CATEGORIES else None
    if digests is None:
        return Part(name=name, dtype=dtype, shape=(len(codes),), size_bytes=codes.nbytes, whole=True)
    table = sys.modules["numpy"].frombuffer(digests, "u8")  # its last row is for missing values, whose code is -1
    cost = max(8, codes.itemsize)
    return _fixed(name, dtype, len(codes), cost, lambda start, stop: table[codes[start:stop]].tobytes())
