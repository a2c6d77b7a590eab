"""What data a run is trained and evaluated on: its looks, a fingerprint, and whether roles share rows.

Nothing here iterates a data set, asks it for an item, copies it, moves it, computes what is lazy or touches a random
state. Of a data set at most a few megabytes are read, within a twentieth of a second.
"""

from collections import deque
from time import time
from typing import Any

from autotrack.journal.records import Dataset
from autotrack.training.observe.data.describe import ODD, Look, look_at
from autotrack.training.observe.data.fingerprint import (
    SECONDS,
    Deadline,
    Fingerprint,
    OutOfTime,
    fingerprint,
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
        list or dict of such. Rows are compared by `x` of a pair, by the first tensor of a `TensorDataset`, and by all
        that a row has otherwise. What is not understood is described by the name of its class.
        """
        deadline = Deadline(self._seconds)
        look = look_at(data)
        read, rows = _read(look, deadline)
        return Dataset(
            time=time(),
            role=role,
            kind=look.kind,
            name=name,
            shape=None if look.shape is None else list(look.shape),
            dtype=look.dtype,
            schema=look.schema,
            rows=look.rows,
            bytes=read.size_bytes,
            fingerprint=look.own_fingerprint or read.digest,
            covered=1.0 if look.own_fingerprint else read.covered,
            shared_rows=self._shared_rows(role, look, rows, deadline),
            source=look.source,
        )

    def _shared_rows(self, role: str, look: Look, rows: Rows | None, deadline: Deadline) -> dict[str, int]:
        try:
            return self._shared.count(role, rows, look.selection, deadline)
        except (OutOfTime, *ODD):
            return {}  # nothing is known, which is another thing than that no rows are shared


def identify_data(data: Any) -> str | None:
    """Return what tells data from other data: its kind, shape and fingerprint; None where it has no fingerprint."""
    described = DataObserver().describe("", data)
    return f"{described.kind} {described.shape} {described.fingerprint}" if described.fingerprint else None


def _read(look: Look, deadline: Deadline) -> tuple[Fingerprint, Rows | None]:
    try:
        content = _content_of_small(look, deadline)
        for seen, found in list(_recent):
            if seen == content:
                return found
        hasher = RowHasher(look.parts, look.features, look.prefix)
        found = fingerprint(look.parts, deadline, hasher.add), hasher.finish()
    except (OutOfTime, *ODD):
        return Fingerprint(digest=None, covered=0.0, size_bytes=size_bytes(look.parts)), None
    if content is not None:
        _recent.append((content, found))
    return found


_MOST_BYTES_COMPARED = 2**19
_recent: deque[tuple[object, tuple[Fingerprint, Rows | None]]] = deque(maxlen=4)
"""What was found in small data that was described last: it is mostly the same again, and comparing it is quick."""


def _content_of_small(look: Look, deadline: Deadline) -> object | None:
    """Return all that the description of the data depends on, None where that is a lot, or not all in memory."""
    if sum(part.cost for part in look.parts) > _MOST_BYTES_COMPARED:
        return None
    if any(part.read is None or part.identify is not None for part in look.parts):
        return None
    deadline.check()
    content = [part.read(0, part.units) for part in look.parts if part.read is not None]
    return None if None in content else (look.features, look.prefix, [part.header for part in look.parts], content)
