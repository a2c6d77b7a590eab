"""Data sets as the inputs of a run, in the form that MLflow's page shows."""

import hashlib
import re
from typing import Any

import msgspec

from autotrack.journal.records import Dataset

_LONGEST_NAME = 500

_DIGEST_CHARACTERS = 8
"""As many as MLflow's own digests have, which its page shows beside the name. The server would accept 36."""
_LONGEST_SCHEMA, _LONGEST_SOURCE = 1_000_000, 65_000

_TYPES = (
    (r"bool", "boolean"),
    (r"u?int(8|16)|int32", "integer"),
    (r"u?int(32|64)", "long"),
    (r"b?float(16)?|float32", "float"),
    (r"float64|double", "double"),
    (r"datetime.*|timestamp.*", "datetime"),
    (r"bytes.*|binary", "binary"),
)
"""MLflow's names for the types of columns (mlflow/types/schema.py). Everything else is a string."""


def as_input(record: Dataset) -> dict[str, Any]:
    """Return a data set in the form that `runs/log-inputs` takes."""
    profile = {
        "num_rows": record.rows,
        "shape": record.shape,
        "parts": None if record.shape else ", ".join(f"{name} {text}" for name, text in record.schema.items()) or None,
        "bytes": record.bytes,
        "covered": record.covered,
        "shared_rows": record.shared_rows or None,
        "fingerprint": record.fingerprint,
    }
    # The page shows the profile line by line. It does not show the schema of tensors.
    filled = {name: value for name, value in profile.items() if value is not None}
    dataset = {
        "name": (record.name or record.role)[:_LONGEST_NAME],
        "digest": _digest(record),
        "source_type": "local" if record.source else "code",
        "source": _json({"uri": record.source} if record.source else {"tags": {}})[:_LONGEST_SOURCE],
        "profile": _json(filled),
    }
    if (schema := _schema(record)) and len(schema) <= _LONGEST_SCHEMA:
        dataset["schema"] = schema
    return {"tags": [{"key": "mlflow.data.context", "value": record.role[:500]}], "dataset": dataset}


def column_type(dtype: str) -> str:
    """Return MLflow's name for the type of a column.

    >>> column_type("float64"), column_type("torch.int64"), column_type("object")
    ('double', 'long', 'string')
    """
    plain = dtype.lower().rpartition(".")[2]
    return next((name for pattern, name in _TYPES if re.fullmatch(pattern, plain)), "string")


def _schema(record: Dataset) -> str | None:
    """Return columns for a table, named tensors for data in several parts, and one tensor for anything else."""
    if record.schema and record.shape:
        columns = [
            {"type": column_type(dtype), "name": name, "required": True} for name, dtype in record.schema.items()
        ]
        return _json({"mlflow_colspec": columns})
    tensors = [{"name": name, **_tensor(*_part(text))} for name, text in record.schema.items()]
    if not tensors and record.shape and record.dtype:
        tensors = [_tensor(record.dtype, record.shape)]
    return _json({"mlflow_tensorspec": {"features": _json(tensors), "targets": None}}) if tensors else None


def _part(text: str) -> tuple[str, list[int]]:
    """Return the dtype and shape of a part of a data set, which is written as `float64 [10, 3]`."""
    dtype, _, shape = text.partition(" [")
    return dtype, [int(size) for size in re.findall(r"\d+", shape)]


def _tensor(dtype: str, shape: list[int]) -> dict[str, Any]:
    plain = dtype.rpartition(".")[2]
    return {"type": "tensor", "tensor-spec": {"dtype": plain, "shape": [-1, *shape[1:]]}}


def _digest(record: Dataset) -> str:
    """Return the start of the fingerprint, or a digest of the record where there is no fingerprint."""
    if record.fingerprint:
        return record.fingerprint[:_DIGEST_CHARACTERS]
    timeless = msgspec.structs.replace(record, time=0.0)
    return hashlib.blake2b(msgspec.json.encode(timeless), digest_size=4).hexdigest()


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
