"""Sends metrics, params and tags in batches. Items that the server refuses are singled out; the rest is sent."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from autotrack.sinks.rest import runs
from autotrack.sinks.rest.client import Client, Refused

Kind = Literal["metrics", "params", "tags"]

LIMITS: dict[Kind, int] = {"metrics": 1000, "params": 100, "tags": 100}
"""How many items the protocol allows in one request."""

_MOST_BYTES = 900_000  # Databricks and GitLab refuse requests of more than 1 MB
_OLDER_LIMITS = (500, 250)  # characters of a value, before MLflow 2.8 and before 1.28
_ABOUT_ITEMS = (400, 413, 422, 500)
_MOST_IN_A_ROW = 20
"""When so many items are refused with none accepted in between, the items are not to blame."""


class Item(msgspec.Struct, omit_defaults=True):
    """A metric, with its time in milliseconds since 1970 and its step, a param or a tag."""

    key: str
    value: float | str
    timestamp: int | None = None
    step: int | None = None


class Batches:
    """Sends items to runs. It may be used by several threads at the same time.

    `on_problem` is told of every item that the server refuses. `shortened` has the keys of the items whose value had
    to be cut for an older server.
    """

    def __init__(self, client: Client, on_problem: Callable[[str], None]) -> None:
        self.shortened: set[str] = set()
        self._client = client
        self._on_problem = on_problem
        self._refused_in_a_row = 0

    def send(self, run_id: str, kind: Kind, items: Iterable[Item]) -> None:
        """Send items of one kind. Raises `Unreachable`, and `Refused` when the items are not the reason."""
        for batch in _batches(kind, items):
            if (refused := self._refusal(run_id, kind, batch)) is not None:
                run = runs.get(self._client, run_id)
                if run is None or run.is_deleted:
                    raise refused
                self._send_parts(run_id, kind, batch, refused)

    def _refusal(self, run_id: str, kind: Kind, items: Sequence[Item]) -> Refused | None:
        """Send items in one request. Returns the refusal if the items may be the reason for it, and raises others."""
        try:
            self._client.post("runs/log-batch", {"run_id": run_id, kind: items})
        except Refused as refused:
            if refused.status not in _ABOUT_ITEMS:
                raise
            return refused
        self._refused_in_a_row = 0
        return None

    def _send_parts(self, run_id: str, kind: Kind, items: Sequence[Item], refused: Refused) -> None:
        """Send a batch that was refused in halves, down to the items that the server does not take."""
        if len(items) == 1:
            self._send_shorter(run_id, kind, items[0], refused)
            return
        middle = len(items) // 2
        for half in (items[:middle], items[middle:]):
            if (again := self._refusal(run_id, kind, half)) is not None:
                self._send_parts(run_id, kind, half, again)

    def _send_shorter(self, run_id: str, kind: Kind, item: Item, refused: Refused) -> None:
        """Send the item with a shorter value, or report that the server does not take it."""
        value = item.value
        for limit in _OLDER_LIMITS:
            if isinstance(value, str) and kind != "metrics" and len(value) > limit:
                self.shortened.add(item.key)
                item = Item(item.key, value[:limit])
                if (again := self._refusal(run_id, kind, [item])) is None:
                    return
                refused = again
        self._refused_in_a_row += 1
        if self._refused_in_a_row >= _MOST_IN_A_ROW:
            raise refused
        where = f" at step {item.step}" if item.step is not None else ""
        self._on_problem(f"the server did not take {kind[:-1]} {item.key!r}{where}: {refused.message or refused}")


def _batches(kind: Kind, items: Iterable[Item]) -> Iterator[list[Item]]:
    batch, size = list[Item](), 0
    for item in items:
        grown = size + _bytes_of(item)
        if batch and (len(batch) == LIMITS[kind] or grown > _MOST_BYTES):
            yield batch
            batch, grown = [], _bytes_of(item)
        batch.append(item)
        size = grown
    if batch:
        yield batch


def _bytes_of(item: Item) -> int:
    """Return how many bytes the item takes in JSON, at most."""
    text = len(msgspec.json.encode(item.value)) if isinstance(item.value, str) else 0
    return 100 + 4 * len(item.key) + text
