"""Sends metrics, params and tags in batches. Items that the server refuses are singled out; the rest is sent."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import msgspec

from autotrack.sinks.rest import runs
from autotrack.sinks.rest.client import Client, Probe, Refused
from autotrack.sinks.rest.runs import RemoteRun

Kind = Literal["metrics", "params", "tags"]

LIMITS: dict[Kind, int] = {"metrics": 1000, "params": 100, "tags": 100}
"""How many items the protocol allows in one request."""

_MOST_BYTES, _FEWEST_BYTES = 900_000, 20_000
"""Databricks and GitLab refuse requests of more than 1 MB. Where even less is allowed, requests become smaller."""

_OLDER_LIMITS = (500, 250)  # characters of a value, before MLflow 2.8 and before 1.28
_MOST_IN_A_ROW = 20
"""When so many items are refused with none accepted in between, we look whether the items are to blame."""

_MOST_SINGLED_OUT = 2000
"""After so many refusals of single items, a batch that is refused is not taken apart any more."""


class Item(msgspec.Struct, omit_defaults=True):
    """A metric, with its time in milliseconds since 1970 and its step, a param or a tag.

    A metric may say which logged model it is of, and which data set it was measured with.
    """

    key: str
    value: float | str
    timestamp: int | None = None
    step: int | None = None
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class Refusal(NamedTuple):
    """An item that the server did not take, and why."""

    item: Item
    reason: str


class Batches:
    """Sends items to runs. It may be used by several threads at the same time.

    `shortened` has the keys of the items whose value had to be cut for an older server.
    """

    def __init__(self, client: Client) -> None:
        self.shortened: set[str] = set()
        self._client = client
        self._most_bytes = _MOST_BYTES
        self._refused_in_a_row = self._singled_out = 0

    def send(self, run: RemoteRun, kind: Kind, items: Iterable[Item]) -> list[Refusal]:
        """Send items of one kind. Returns those that the server does not take, though it takes others.

        Raises `Unreachable`, and `Refused` when the server takes nothing for this run.
        """
        refusals: list[Refusal] = []
        for batch in self._batches(kind, items):
            if (refused := self._refusal(run, kind, batch)) is not None:
                self._raise_unless_writable(run, refused)
                refusals += self._send_parts(run, kind, batch, refused)
        return refusals

    def _refusal(self, run: RemoteRun, kind: Kind, items: Sequence[Item], *, is_part: bool = False) -> Refused | None:
        """Send items in one request. Returns the refusal, if it was refused.

        A part of a batch that the server failed at is not tried as often as the batch was: it may have many parts.
        """
        probe = _harmless_write(run)
        if probe is not None and is_part:
            probe = probe._replace(attempts=1, times=1)
        try:
            self._client.post("runs/log-batch", {"run_id": run.run_id, kind: items}, probe=probe)
        except Refused as refused:
            if refused.status == 413:
                size = sum(map(_bytes_of, items))
                self._most_bytes = max(min(self._most_bytes, size // 2), _FEWEST_BYTES)
            return refused
        self._refused_in_a_row = 0
        return None

    def _raise_unless_writable(self, run: RemoteRun, refused: Refused) -> None:
        """Raise the refusal of a batch if no item is to blame, because the server takes nothing for this run."""
        existing = runs.get(self._client, run.run_id)
        if existing is None or existing.is_deleted:
            raise refused
        if (write := _harmless_write(run)) is not None:
            try:
                self._client.post(write.path, write.body or {})
            except Refused:
                raise refused from None

    def _send_parts(self, run: RemoteRun, kind: Kind, items: Sequence[Item], refused: Refused) -> list[Refusal]:
        """Send a batch that was refused in halves, down to the items that the server does not take."""
        if self._singled_out >= _MOST_SINGLED_OUT:
            return [Refusal(item, str(refused)) for item in items]
        if len(items) == 1:
            return self._send_shorter(run, kind, items[0], refused)
        refusals: list[Refusal] = []
        middle = len(items) // 2
        for half in (items[:middle], items[middle:]):
            if (again := self._refusal(run, kind, half, is_part=True)) is not None:
                refusals += self._send_parts(run, kind, half, again)
        return refusals

    def _send_shorter(self, run: RemoteRun, kind: Kind, item: Item, refused: Refused) -> list[Refusal]:
        """Send an item with a shorter value. Returns it if the server does not take that either."""
        value, sent = item.value, item
        for limit in _OLDER_LIMITS:
            if isinstance(value, str) and kind != "metrics" and len(value) > limit:
                sent = Item(item.key, value[:limit])
                if (again := self._refusal(run, kind, [sent], is_part=True)) is None:
                    self.shortened.add(item.key)
                    return []
                refused = again
        self._singled_out += 1
        self._refused_in_a_row += 1
        if self._refused_in_a_row >= _MOST_IN_A_ROW:
            self._raise_unless_writable(run, refused)
            self._refused_in_a_row = 0
        return [Refusal(item, str(refused))]

    def _batches(self, kind: Kind, items: Iterable[Item]) -> Iterator[list[Item]]:
        batch, size = list[Item](), 0
        for item in items:
            grown = size + _bytes_of(item)
            if batch and (len(batch) == LIMITS[kind] or grown > self._most_bytes):
                yield batch
                batch, grown = [], _bytes_of(item)
            batch.append(item)
            size = grown
        if batch:
            yield batch


def _harmless_write(run: RemoteRun) -> Probe | None:
    """Return a request that writes what the run has already, to tell whether the server takes anything."""
    tag = run.tags.get(runs.RUN_TAG)
    return None if tag is None else Probe("runs/set-tag", {"run_id": run.run_id, "key": runs.RUN_TAG, "value": tag})


def _bytes_of(item: Item) -> int:
    """Return how many bytes the item takes in JSON, at most."""
    text = len(msgspec.json.encode(item.value)) if isinstance(item.value, str) else 0
    return 100 + 4 * len(item.key) + text
