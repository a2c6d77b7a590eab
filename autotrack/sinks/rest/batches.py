"""Sends metrics, params and tags in batches; what the server refuses is found and set aside, the rest goes on."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from autotrack.sinks.rest import runs
from autotrack.sinks.rest.client import Client, Refused

Kind = Literal["metrics", "params", "tags"]

LIMITS: dict[Kind, int] = {"metrics": 1000, "params": 100, "tags": 100}
"""How many the protocol allows in one request."""

_MOST_BYTES = 900_000  # of 1 MB in all, which Databricks and GitLab insist on
_OLDER_LIMITS = (500, 250)  # characters of a value; before MLflow 2.8, and before 1.28
_ABOUT_ITEMS = (400, 413, 422, 500)
_MOST_IN_A_ROW = 20
"""So many refused one by one, with none accepted in between: it is not their fault."""


class Item(msgspec.Struct, omit_defaults=True):
    """A metric, with its time in milliseconds since 1970 and its step, a param or a tag."""

    key: str
    value: float | str
    timestamp: int | None = None
    step: int | None = None


class Batches:
    """Sends items to runs, several threads at a time if need be.

    `on_problem` is told of every item that the server refuses. `shortened` has the keys of those whose value had to be
    cut for an older server.
    """

    def __init__(self, client: Client, on_problem: Callable[[str], None]) -> None:
        self.shortened: set[str] = set()
        self._client = client
        self._on_problem = on_problem
        self._refused_in_a_row = 0

    def send(self, run_id: str, kind: Kind, items: Iterable[Item]) -> None:
        """Send items of one kind. Raises `Refused` when it is not about the items, and `Unreachable`."""
        for batch in _batches(kind, items):
            if (refused := self._refusal(run_id, kind, batch)) is not None:
                run = runs.get(self._client, run_id)
                if run is None or run.is_deleted:
                    raise refused
                self._send_parts(run_id, kind, batch, refused)

    def _refusal(self, run_id: str, kind: Kind, items: Sequence[Item]) -> Refused | None:
        """Send items in one request; return why the server did not take them. Raises what cannot be about them."""
        try:
            self._client.post("runs/log-batch", {"run_id": run_id, kind: items})
        except Refused as refused:
            if refused.status not in _ABOUT_ITEMS:
                raise
            return refused
        self._refused_in_a_row = 0
        return None

    def _send_parts(self, run_id: str, kind: Kind, items: Sequence[Item], refused: Refused) -> None:
        """Send what was refused as a whole in halves, down to the items that it is about."""
        if len(items) == 1:
            self._mend(run_id, kind, items[0], refused)
            return
        middle = len(items) // 2
        for half in (items[:middle], items[middle:]):
            if (again := self._refusal(run_id, kind, half)) is not None:
                self._send_parts(run_id, kind, half, again)

    def _mend(self, run_id: str, kind: Kind, item: Item, refused: Refused) -> None:
        """Send a shorter value if there is one, else set the item aside."""
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
    """At most, as JSON."""
    text = len(msgspec.json.encode(item.value)) if isinstance(item.value, str) else 0
    return 100 + 4 * len(item.key) + text
