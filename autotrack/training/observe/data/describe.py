"""Describes a data set before any of it is read: its kind, shape, dtypes and rows, and the parts to read."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import PurePath
from typing import Any

from autotrack.training.observe.data.arrays import is_tensor, module
from autotrack.training.observe.data.fingerprint import Part
from autotrack.training.observe.data.parts import (
    attributes_of,
    is_array,
    is_computed,
    is_dataset,
    is_hugging_face,
    members_of,
    parts_of,
    shape_and_dtype,
    unknown_part,
    unreadable_part,
)
from autotrack.training.observe.data.shared_rows import Selection
from autotrack.training.observe.data.tables import is_column, is_sparse, is_table, joined
from autotrack.training.values import qualified_name

_MOST_LISTED = 200
"""How many columns or parts a schema lists. The fingerprint covers all that were read."""

_WHOLE_SAMPLERS = frozenset("SequentialSampler RandomSampler DistributedSampler WeightedRandomSampler".split())


@dataclass(frozen=True, kw_only=True)
class Description:
    """What is known of a data set before any of it is read.

    Rows are compared by the first `features` parts, whose names begin with `prefix`, or by the `selection`. Where the
    library itself keeps a fingerprint of the data, that is `own_fingerprint`.
    """

    kind: str
    parts: list[Part]
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    rows: int | None = None
    schema: dict[str, str] = field(default_factory=dict)
    features: int = 0
    prefix: str = ""
    selection: Selection | None = None
    source: str | None = None
    own_fingerprint: str | None = None


def describe(data: Any) -> Description:
    """Describe a data set without reading any of it; what cannot be understood is described by its class."""
    try:
        return _describe(data)
    except Exception:  # noqa: BLE001  other people's data may raise anything
        return Description(kind=qualified_name(type(data)), parts=[unreadable_part("", data)])


def _describe(data: Any) -> Description:
    if is_array(data) or is_tensor(data) or is_sparse(data) or is_column(data):
        return _describe_array(data)
    if is_table(data):
        return _describe_table(data)
    if is_hugging_face(data):
        return _describe_hugging_face(data)
    if isinstance(data, (str, PurePath)):
        return _describe_path(data)
    if isinstance(data, (list, tuple, dict, range)):
        members = members_of(data, outermost=True)
        return _describe_items(data) if members is None else _describe_members(data, members)
    if is_computed(data):
        return _describe_computed(data)
    if _is_loader(data):
        return _describe_loader(data)
    return _describe_object(data)


def _describe_array(data: Any) -> Description:
    parts = parts_of("", data)
    shape = tuple(data.shape)
    return Description(
        kind=qualified_name(type(data)),
        parts=parts,
        shape=shape,
        dtype=parts[0].dtype if len(parts) == 1 else str(data.dtype),
        rows=shape[0] if shape else None,
        features=len(parts),
    )


def _describe_table(data: Any) -> Description:
    parts = parts_of("", data)
    rows, columns = data.shape
    listed = {} if columns > _MOST_LISTED else {str(key): str(dtype) for key, dtype in data.dtypes.items()}
    return Description(
        kind=qualified_name(type(data)),
        parts=parts,
        shape=(rows, columns),
        dtype=parts[0].dtype if parts and parts[0].shape == (rows, columns) and parts[0].by_row else None,
        rows=rows,
        schema=listed or _schema(parts, rows),
        features=len(parts),
    )


def _describe_hugging_face(data: Any) -> Description:
    parts, features = parts_of("", data), getattr(data, "features", None)
    dtypes = {str(key): str(getattr(of, "dtype", type(of).__name__)) for key, of in dict(features or {}).items()}
    return Description(
        kind=qualified_name(type(data)),
        parts=parts,
        rows=parts[0].shape[0] if parts[0].shape else None,
        schema=dtypes,
        own_fingerprint=data._fingerprint,
    )


def _describe_path(data: str | PurePath) -> Description:
    parts = parts_of("", data)
    exists = parts[0].dtype in ("file", "folder", "special file")
    # A text that is no path may be anything, so it is not recorded.
    return Description(
        kind=parts[0].dtype if exists else qualified_name(type(data)),
        parts=parts,
        source=os.fspath(data) if exists or isinstance(data, PurePath) else None,
    )


def _describe_items(data: Any) -> Description:
    parts = parts_of("", data)
    return Description(
        kind=qualified_name(type(data)),
        parts=parts,
        shape=parts[0].shape,
        dtype=parts[0].dtype,
        rows=parts[0].shape[0] if parts[0].shape else None,
        features=1,
    )


def _describe_members(data: Any, members: Sequence[tuple[str, Any]]) -> Description:
    parts, (first, features) = parts_of("", data), members[0]
    rows = _rows(features)
    pair = first == "x" and not isinstance(data, dict)
    return Description(
        kind=qualified_name(type(data)),
        parts=parts,
        rows=rows,
        schema=_schema(parts, rows),
        features=_count(parts, first) if pair else len(parts),
        prefix=first if pair else "",
    )


def _describe_computed(data: Any) -> Description:
    """Describe data that may compute or load when it is touched, by the attributes that say what it is."""
    shape, dtype = shape_and_dtype(data)
    rows, schema = (shape[0] if shape else None), dict[str, str]()
    library = type(data).__module__.partition(".")[0]
    if library == "polars" and type(data).__name__ == "DataFrame":
        schema = {str(key): str(dtype) for key, dtype in data.schema.items()}
    elif library == "pyarrow" and type(data).__name__ in ("Table", "RecordBatch"):
        schema = dict(zip(data.schema.names, map(str, data.schema.types), strict=True))
    elif (spec := getattr(data, "element_spec", None)) is not None:
        schema = {"element": str(spec)[:500]}
    parts = [unknown_part("", data)]
    return Description(
        kind=qualified_name(type(data)), parts=parts, shape=shape, dtype=dtype, rows=rows, schema=schema
    )


def _describe_object(data: Any) -> Description:
    """Describe a data set of torch, or an object like one, by what its attributes hold."""
    kind = type(data)
    if not (is_dataset(data) or hasattr(kind, "__getitem__") or hasattr(kind, "__iter__")):
        return Description(kind=qualified_name(kind), parts=[unknown_part("", data)], rows=length_of(data))
    parts, rows = parts_of("", data), length_of(data)
    tensors = "tensors.0" if kind.__name__ == "TensorDataset" and is_dataset(data) else None
    return Description(
        kind=qualified_name(kind),
        parts=parts,
        rows=rows,
        schema=_schema(parts, rows),
        features=_count(parts, tensors) if tensors else 0,
        prefix=tensors or "",
        selection=_selection(data) if is_dataset(data) else None,
    )


def _describe_loader(loader: Any) -> Description:
    """Describe the data set of a loader, and which of its rows the sampler chooses."""
    attributes = attributes_of(loader) or {}
    description, chosen = _describe(attributes["dataset"]), None
    sampler, batch_sampler = attributes.get("sampler"), attributes.get("batch_sampler")
    is_plain = batch_sampler is None or type(batch_sampler).__name__ == "BatchSampler"
    if is_plain and type(sampler).__name__ in _WHOLE_SAMPLERS:
        return description
    if is_plain and type(sampler).__name__ == "SubsetRandomSampler":
        chosen = (attributes_of(sampler) or {}).get("indices")
    if chosen is None:  # the user's own sampler may choose any rows
        return replace(description, features=0, selection=None)
    parts = [*description.parts, *parts_of("sampler.indices", chosen)]
    rows = length_of(chosen)
    base = description.selection
    selection = base and Selection(base.base, base.size, [chosen, *base.choices])
    return replace(description, parts=parts, rows=rows, schema=_schema(parts, rows), features=0, selection=selection)


def _is_loader(data: Any) -> bool:
    torch = module("torch.utils.data", "DataLoader")
    return torch is not None and isinstance(data, torch.DataLoader)


def _selection(data: Any) -> Selection | None:
    """Follow subsets down to the data set that they choose from."""
    choices = []
    while isinstance(data, module("torch.utils.data", "Subset").Subset):
        attributes = attributes_of(data) or {}
        choices.append(attributes.get("indices"))
        data = attributes.get("dataset")
    size = length_of(data)
    return None if size is None else Selection(data, size, choices)


def length_of(data: Any) -> int | None:
    """Return the length of an object if its class defines one and nothing has to be computed for it."""
    if is_computed(data) or not hasattr(type(data), "__len__"):
        return None
    try:
        return len(data)
    except Exception:  # noqa: BLE001  other people's data may raise anything
        return None


def _rows(value: Any) -> int | None:
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return shape[0] if shape and isinstance(shape[0], int) else None
    return describe(value).rows


def _count(parts: Sequence[Part], name: str) -> int:
    """Return how many of the first parts are this part or inside it."""
    inside = joined(name, "")
    return sum(1 for _ in takewhile(lambda part: part.name == name or part.name.startswith(inside), parts))


def _schema(parts: Sequence[Part], rows: int | None) -> dict[str, str]:
    """Return the dtypes by name, with the shape of those that have more than one value a row."""
    return {
        part.name: part.dtype if part.shape is None or part.shape == (rows,) else f"{part.dtype} {list(part.shape)}"
        for part in parts[:_MOST_LISTED]
        if part.name
    }
