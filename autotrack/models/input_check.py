"""Whether data are what a model was trained on: their columns, shapes and types, by the signature of the model."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from autotrack.errors import AutotrackError, ModelInputError
from autotrack.format import some
from autotrack.journal.run_folder import read_bytes
from autotrack.model_format.mlmodel import NAME as MLMODEL

_INPUTS = re.compile(r"^signature:\n  inputs: '((?:[^'\n]|'')*)'$", re.MULTILINE)
_MOST_BYTES = 2**20
_KINDS = {
    "b": "boolean",
    "i": "integer",
    "u": "integer",
    "f": "float",
    "c": "complex",
    "O": "text",
    "U": "text",
    "S": "text",
}
_OF_COLUMNS = {
    "boolean": "boolean",
    "integer": "integer",
    "long": "integer",
    "float": "float",
    "double": "float",
    "string": "text",
}
_FITS = {("integer", "float"), ("boolean", "integer"), ("boolean", "float")}
"""What a model takes as well: of which kind the data are, and of which the model."""

_MOST_NAMED = 5


Schema = Sequence[Mapping[str, Any]]
"""What a model takes, as MLflow writes it in a signature."""


def check_inputs(name: str, schema: Schema | None, data: Any) -> None:
    """Raise `ModelInputError` if data do not fit what the model takes; without a signature, nothing can be said.

    No data, which is None, are not compared.
    """
    if schema and data is not None and (found := list(problems(schema, data))):
        raise ModelInputError(f"{name} cannot take these data: {'; '.join(found)}")


def in_order(schema: Schema | None, data: Any) -> Any:
    """Return a table with its columns in the order in which the model was trained on them; other data as they are."""
    names = [str(one.get("name")) for one in schema or ()]
    columns = getattr(data, "columns", None)
    if columns is None or sorted(names) != sorted(map(str, columns)):
        return data
    return data[names]


def schema_in(place: Path, folder: str | None) -> Schema | None:
    """Return what the model takes whose folder lies below `place`; None where that is not known."""
    if folder is None:
        return None
    with suppress(OSError, AutotrackError, ValueError, RecursionError):
        text = read_bytes(place, f"{folder}/{MLMODEL}", limit_bytes=_MOST_BYTES).decode()
        schema = json.loads(match[1].replace("''", "'")) if (match := _INPUTS.search(text)) else None
        if isinstance(schema, list) and all(isinstance(one, dict) for one in schema):
            return schema
    return None


def problems(schema: Schema, data: Any) -> Iterator[str]:
    """Yield what does not fit, in a few words each."""
    if any(one.get("type") != "tensor" for one in schema):
        yield from _of_columns(schema, data)
    elif len(schema) == 1:
        yield from _of_tensor(schema[0].get("tensor-spec", {}), data, "")
    elif hasattr(data, "shape") and not hasattr(data, "columns"):
        yield f"expected several inputs by name: {_listed([str(one.get('name')) for one in schema])}"
    elif isinstance(data, Mapping):
        for one in schema:
            if one.get("name") not in data:
                yield f"the input {one.get('name')!r} is missing"
            else:
                yield from _of_tensor(one.get("tensor-spec", {}), data[one["name"]], f"{one['name']}: ")


def _of_columns(schema: Schema, data: Any) -> Iterator[str]:
    names = [str(one.get("name")) for one in schema]
    columns = getattr(data, "columns", None)
    if columns is None:
        yield (
            f"expected a table with the columns {_listed(names)}: a CSV with a header, or, in JSON, a list of objects "
            f"or {{'dataframe_split': …}}"
        )
        return
    there = list(map(str, columns))
    if missing := [name for name in names if name not in there]:
        yield f"columns are missing: {_listed(missing)}"
    if unknown := [name for name in there if name not in names]:
        yield f"columns that the model does not know: {_listed(unknown)}"
    for one in schema:
        if one.get("name") in there:
            wanted, found = _OF_COLUMNS.get(str(one.get("type"))), _kind(data[one["name"]])
            if wanted and found and wanted != found and (found, wanted) not in _FITS:
                yield f"the column {one['name']!r} holds {found}, expected {wanted}"


def _of_tensor(spec: Mapping[str, Any], data: Any, where: str) -> Iterator[str]:
    shape, wanted = getattr(data, "shape", None), spec.get("shape")
    if shape is not None and isinstance(wanted, list):
        fits = len(shape) == len(wanted) and all(size in (-1, own) for size, own in zip(wanted, shape, strict=True))
        if not fits:
            yield f"{where}the shape is {_shape(shape)}, expected {_shape(wanted)}"
    kind = _kind(data)
    expected = _KINDS.get(_letter(str(spec.get("dtype", ""))))
    if kind and expected and kind != expected and (kind, expected) not in _FITS:
        yield f"{where}the values are {kind}, expected {expected} ({spec.get('dtype')})"


def _kind(data: Any) -> str | None:
    return _KINDS.get(getattr(getattr(data, "dtype", None), "kind", ""))


def _letter(dtype: str) -> str:
    return {"uint": "u", "int": "i", "float": "f", "complex": "c", "bool": "b", "str": "U"}.get(
        dtype.rstrip("0123456789"), ""
    )


def _shape(sizes: Any) -> str:
    return f"({', '.join('any' if size in (-1, None) else str(size) for size in sizes)})"


def _listed(names: list[str]) -> str:
    return some([repr(name) for name in names], _MOST_NAMED)
