"""Turns what an integration has written of a model's inputs and outputs into a signature as MLflow has it.

Integrations write JSON: `{"columns": {name: dtype}}` for a frame, `{"shape": [null, 13], "dtype": "float64"}` for an
array or tensor, lists and mappings of these for several. What MLflow has no word for has no signature: its readers
then hand data to the model as it is.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_COLUMNS = {
    "bool": "boolean", "boolean": "boolean",
    "int8": "integer", "int16": "integer", "int32": "integer", "uint8": "integer", "uint16": "integer",
    "int64": "long", "uint32": "long",
    "float16": "float", "float32": "float", "float64": "double",
    "object": "string", "str": "string", "string": "string", "large_string": "string",
}  # fmt: skip
"""What MLflow calls the types of columns. A frame with dates or categories has no signature.

To check dates, MLflow would change them. Of categories, it refuses a column that is said to be `string`, makes text of
one that is `any`, with which such a model predicts something else, and before 2.19 cannot load a model with `any`.
"""

_TENSOR_DTYPE = re.compile(r"bool|u?int(8|16|32|64)|float(16|32|64)|complex(64|128)|object")
_TEXT_DTYPE = re.compile(r"<U\d+|str\d*")
_MOST_DEPTH = 3
_MOST_NAMES_DEPTH = 5


def signature_of(described: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the signature for `MLmodel`, or None if the inputs cannot be told."""
    names_all = "takes" in described  # whoever loads such a model knows what these names stand for
    inputs = _schema(described.get("inputs", described.get("input")), names_all=names_all)
    if inputs is None:
        return None
    outputs = _schema(described.get("outputs", described.get("output")), names_all=names_all)
    return {"inputs": json.dumps(inputs), "outputs": outputs and json.dumps(outputs), "params": None}


def _schema(value: Any, *, names_all: bool) -> list[dict[str, Any]] | None:
    if isinstance(value, Mapping) and isinstance(value.get("columns"), Mapping):
        return _of_columns(value["columns"])
    parts = [_tensor(one, name) for name, one in named_parts(value)] if names_all else _tensors(value)
    if not parts or any(part is None for part in parts):
        return None
    tensors: list[dict[str, Any]] = [part for part in parts if part is not None]
    names = [tensor["name"] for tensor in tensors]
    if len(tensors) == 1 and not (isinstance(value, Mapping) and "shape" not in value):
        return [{"type": "tensor", "tensor-spec": tensors[0]["tensor-spec"]}]
    return tensors if all(names) and len(set(names)) == len(names) else None


def named_parts(value: Any, name: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield the parts of a structure of mappings and lists by name, such as `images.0`, without optional ones."""
    if isinstance(value, Mapping) and "shape" not in value and depth < _MOST_NAMES_DEPTH:
        entries: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, list) and depth < _MOST_NAMES_DEPTH:
        entries = enumerate(value)
    else:
        if value is not None and not (isinstance(value, Mapping) and value.get("optional")):
            yield name, value
        return
    for key, part in entries:
        yield from named_parts(part, f"{name}.{key}" if name else str(key), depth + 1)


def _of_columns(columns: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    types = {name: _COLUMNS.get(str(dtype)) for name, dtype in columns.items()}
    if not types or None in types.values():
        return None
    return [{"type": kind, "name": name} for name, kind in types.items()]  # required, which MLflow 2.9 has no word for


def _tensors(value: Any, name: str | None = None, depth: int = 0) -> list[dict[str, Any] | None]:
    """Return a tensor for each part; None for a part that is none."""
    if depth > _MOST_DEPTH:
        return [None]
    if isinstance(value, Mapping) and "shape" in value:
        return [_tensor(value, name)]
    if isinstance(value, Mapping) and "class" not in value and "kind" not in value:
        return [one for key, part in value.items() for one in _tensors(part, str(key), depth + 1)]
    if isinstance(value, list):
        return [one for part in value for one in _tensors(part, None, depth + 1)]
    return [None]


def _tensor(value: Any, name: str | None) -> dict[str, Any] | None:
    if not isinstance(value, Mapping):
        return None
    shape, dtype = value.get("shape"), str(value.get("dtype"))
    if not isinstance(shape, list) or not shape:
        return None
    if not all(size is None or (isinstance(size, int) and not isinstance(size, bool)) for size in shape):
        return None
    if _TEXT_DTYPE.fullmatch(dtype):
        dtype = "str"
    elif not _TENSOR_DTYPE.fullmatch(dtype):
        return None  # bfloat16 and the like, which NumPy does not know
    sizes = [-1 if size is None else size for size in (None, *shape[1:])]
    return {"name": name or value.get("name"), "type": "tensor", "tensor-spec": {"dtype": dtype, "shape": sizes}}
