"""A few rows of what a model was trained with, as MLflow keeps an example of its input. Secrets are taken out."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from autotrack.redaction import Redactor

EXAMPLE, SERVING = "input_example.json", "serving_input_example.json"

ROWS = 3
MOST_NUMBERS = 10_000
_MOST_BYTES = 200_000
_MOST_PARTS = 100
_MOST_COLUMNS = 1000


def rows_of(data: Any) -> Any:
    """Return copies of the first rows of data: of arrays, tensors, frames, and mappings and sequences of them.

    Tensors stay on their device, because to fetch them would wait for it. Returns None for data that is something else
    or too large.
    """
    for rows in (ROWS, 1):
        budget = [MOST_NUMBERS]
        try:
            return _copied(data, rows, budget)
        except _TooLargeError:
            continue
        except (TypeError, AttributeError, ValueError):
            return None
    return None


def files_of(rows: Any, redactor: Redactor) -> tuple[dict[str, bytes], dict[str, str]] | None:
    """Return the files of an example by name, and what `MLmodel` says of it; None if it cannot be written so."""
    kind: dict[str, str]
    try:
        if _is_frame(rows):
            content = json.loads(rows.to_json(orient="split", date_format="iso", default_handler=str))
            columns = list(map(str, content["columns"]))
            by_name, _ = redactor.redact([dict(zip(columns, row, strict=True)) for row in content["data"]])
            example: Any = {"columns": columns, "data": [list(row.values()) for row in by_name]}
            serving, kind = "dataframe_split", {"type": "dataframe", "pandas_orient": "split"}
        else:
            named = dict(_named(rows))
            example = _plain(named[""]) if named.keys() == {""} else {name: _plain(one) for name, one in named.items()}
            serving, kind = "inputs", {"type": "ndarray"}
            example, _ = redactor.redact(example)
        files = {EXAMPLE: json.dumps(example).encode(), SERVING: json.dumps({serving: example}).encode()}
    except (TypeError, ValueError, AttributeError, KeyError, RecursionError):
        return None
    if sum(map(len, files.values())) > _MOST_BYTES:
        return None
    return files, {"artifact_path": EXAMPLE, "serving_input_path": SERVING, **kind}


class _TooLargeError(Exception):
    pass


def _copied(data: Any, rows: int, budget: list[int]) -> Any:
    if data is None:
        return None
    if isinstance(data, Mapping):
        return {str(name): _copied(part, rows, budget) for name, part in data.items()}
    if isinstance(data, (list, tuple)):
        if len(data) >= _MOST_PARTS:
            raise _TooLargeError
        return [_copied(part, rows, budget) for part in data]
    if _is_frame(data):
        if len(data.columns) > _MOST_COLUMNS:
            raise _TooLargeError
        return data.iloc[:rows].copy()
    if len(data.shape) == 0:
        raise TypeError
    first = data.detach()[:rows] if hasattr(data, "detach") else data[:rows]
    size = 1
    for length in first.shape:
        size *= int(length)
    budget[0] -= size
    if budget[0] < 0:
        raise _TooLargeError
    copy = getattr(first, "clone", None) or getattr(first, "copy", None)
    return first if copy is None else copy()  # tensors of TensorFlow never change


def _is_frame(data: Any) -> bool:
    return type(data).__name__ == "DataFrame" and hasattr(data, "iloc") and hasattr(data, "to_json")


def _named(rows: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the arrays in a structure under the names that the signature has for them."""
    if isinstance(rows, (Mapping, list)):
        entries = rows.items() if isinstance(rows, Mapping) else enumerate(rows)
        for key, part in entries:
            yield from _named(part, f"{name}.{key}" if name else str(key))
    elif rows is not None:
        yield name, rows


def _plain(array: Any) -> Any:
    array = array.cpu() if hasattr(array, "cpu") else array
    return array.tolist() if hasattr(array, "tolist") else array.numpy().tolist()
