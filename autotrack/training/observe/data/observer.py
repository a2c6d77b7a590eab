"""What data a run is trained and evaluated on: a description, a fingerprint, and how many rows roles share.

Nothing here iterates a data set, asks it for an item, copies it, moves it, computes what is lazy or touches a random
state. At most a few megabytes of a data set are read, within a twentieth of a second.
"""

from collections import deque
from time import time
from typing import Any

from autotrack.journal.records import Dataset
from autotrack.training.observe.data.describe import Description, describe
from autotrack.training.observe.data.fingerprint import (
    SECONDS,
    Deadline,
    Fingerprint,
    fingerprint,
    read,
    size_bytes,
)
from autotrack.training.observe.data.shared_rows import RowHasher, Rows, SharedRows


class DataObserver:
    """Describes the data sets of one run, and compares those of different roles."""

    def __init__(self, *, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._shared = SharedRows()

    def describe(self, role: str, data: Any, *, name: str | None = None) -> Dataset:
        """Describe one data set: its kind, shape and dtypes, and a fingerprint of what was read of it.

        `data` is an array, table, sparse matrix, tensor, data set, data loader, path or list, or a tuple `(x, y)`,
        list or dict of these. Rows of a pair are compared by `x`, those of a `TensorDataset` by its first tensor, all
        others as a whole. What is not understood is described by the name of its class.
        """
        deadline = Deadline(self._seconds)
        description = describe(data)
        found, rows = _read(description, deadline)
        return Dataset(
            time=time(),
            role=role,
            kind=description.kind,
            name=name,
            shape=None if description.shape is None else list(description.shape),
            dtype=description.dtype,
            schema=description.schema,
            rows=description.rows,
            bytes=found.size_bytes,
            fingerprint=description.own_fingerprint or found.digest,
            covered=1.0 if description.own_fingerprint else found.covered,
            shared_rows=self._shared_rows(role, description, rows, deadline),
            source=description.source,
        )

    def _shared_rows(
        self, role: str, description: Description, rows: Rows | None, deadline: Deadline
    ) -> dict[str, int]:
        try:
            return self._shared.count(role, rows, description.selection, deadline)
        except Exception:  # noqa: BLE001  other people's data may raise anything, or there is no time left
            return {}  # unknown, which does not mean that no rows are shared


def _read(description: Description, deadline: Deadline) -> tuple[Fingerprint, Rows | None]:
    try:
        content = _content_of_small(description, deadline)
        for recent_content, result in list(_recent):
            if recent_content == content:
                return result
        hasher = RowHasher(description.parts, description.features, description.prefix)
        result = fingerprint(description.parts, deadline, hasher.add), hasher.finish()
    except Exception:  # noqa: BLE001  other people's data may raise anything, or there is no time left
        return Fingerprint(digest=None, covered=0.0, size_bytes=size_bytes(description.parts)), None
    if content is not None:
        _recent.append((content, result))
    return result


_MOST_BYTES_COMPARED = 2**19
_recent: deque[tuple[object, tuple[Fingerprint, Rows | None]]] = deque(maxlen=4)
"""The results for small data that was described last. Often the same data comes again, and comparing it is quick."""


def _content_of_small(description: Description, deadline: Deadline) -> object | None:
    """Return everything that the result depends on, or None if that is too much or not all in memory."""
    if sum(part.cost for part in description.parts) > _MOST_BYTES_COMPARED:
        return None
    if any(part.read is None or part.identify is not None for part in description.parts):
        return None
    deadline.check()
    content = [read(part, 0, part.units) for part in description.parts if part.read is not None]
    headers = [part.header for part in description.parts]
    return None if None in content else (description.features, description.prefix, headers, content)
