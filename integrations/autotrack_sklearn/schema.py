"""What goes into a model and comes out of it, as it was before the fit: a fit may change the data that it is given."""

from typing import Any

MOST_COLUMNS = 1000
_MOST_CATEGORIES = 100

Schema = dict[str, Any]


def schema_of(data: Any) -> Schema | None:
    """Return the columns of a data frame with their types, or the shape and dtype of an array, without the rows."""
    if data is None:
        return None
    kind = f"{type(data).__module__.partition('.')[0]}.{type(data).__qualname__}"
    columns, dtypes = getattr(data, "columns", None), getattr(data, "dtypes", None)
    if columns is not None and dtypes is not None and len(columns) <= MOST_COLUMNS:
        pairs = zip(columns, list(getattr(dtypes, "values", dtypes)), strict=True)
        dtypes = {str(name): dtype for name, dtype in pairs}
        categories = {name: known for name, dtype in dtypes.items() if (known := _categories(dtype)) is not None}
        schema: Schema = {"kind": kind, "columns": {name: str(dtype) for name, dtype in dtypes.items()}}
        return {**schema, "categories": categories} if categories else schema
    shape = getattr(data, "shape", None)
    if isinstance(shape, tuple):
        return {"kind": kind, "shape": [None, *map(int, shape[1:])], "dtype": str(getattr(data, "dtype", ""))}
    return {"kind": kind}


def _categories(dtype: Any) -> list[Any] | None:
    """Return the categories of a column of pandas; None if it has no categories, or very many."""
    categories = getattr(dtype, "categories", None)
    if categories is None or not hasattr(categories, "tolist") or len(categories) > _MOST_CATEGORIES:
        return None
    return list(categories.tolist())


def columns_of(schema: Schema | None) -> list[str]:
    """Return the names of the columns of a data frame; nothing for other data."""
    return list((schema or {}).get("columns", ()))
