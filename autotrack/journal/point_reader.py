"""Reads the points of some metrics straight from the journals of a run, and decodes nothing else of them.

To read a record whole takes an object for each of its parts. Where only one metric of ten is asked for, its time, its
step and one value are decoded, and go into columns at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from autotrack.journal.points import Points
from autotrack.journal.reader import RunReader
from autotrack.journal.records import KINDS, Number, RunStarted
from autotrack.journal.rewinds import Rewind, Rewinds

LOAD = "system/"
"""How the names of the system load begin."""

_MOST_FIELDS = 24
"""Of a record with more metrics than that, a dict is quicker to read."""


class _Narrow(NamedTuple):
    """What decodes the lines of a journal, the classes of what it returns, and the fields that their values have.

    The fields are by the name under which the values are recorded; None for dicts that have every name.
    """

    decoder: msgspec.json.Decoder[Any]
    metrics: type
    load: type
    metric_fields: Mapping[str, str] | None
    load_fields: Mapping[str, str] | None


def read_points(folder: Path, names: Iterable[str]) -> dict[str, Points]:
    """Return every point of these metrics, as far as the run has any, by their names.

    Those of the system load begin with `system/`, and those of other ranks with the rank, as in `rank1/loss`. Several
    at once take little longer than one. Raises `OSError`, and `JournalFormatError` for what a newer version recorded.
    """
    wanted = list(dict.fromkeys(names))
    found = _Found(wanted)
    reader = RunReader(folder, decoder_of=lambda rank: _narrow(*_own_names(wanted, rank)).decoder)
    for rank, batch in reader:
        found.add(batch, rank)
    return found.points()


def _own_names(names: Iterable[str], rank: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return under which names the journals of a rank have these metrics, and this load."""
    prefix = f"rank{rank}/" if rank else ""
    metrics = tuple(name.removeprefix(prefix) for name in names if name.startswith(prefix))
    load = tuple(name.removeprefix(LOAD + prefix) for name in names if name.startswith(LOAD + prefix))
    return metrics, load


class _Found:
    """The points of some metrics, as far as they have been read."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._metrics: dict[str, Points] = {}
        self._load: dict[str, Points] = {}
        self._rewinds = Rewinds()

    def points(self) -> dict[str, Points]:
        """Return the points of the metrics that have any, in the order in which they were asked for."""
        found = {**self._metrics, **{f"{LOAD}{name}": points for name, points in self._load.items()}}
        return {name: found[name] for name in self._names if name in found and len(found[name])}

    def add(self, batch: Sequence[Any], rank: int) -> None:
        """Take more records. What begins with a start is handed over by itself."""
        for record in batch[:1] if self._rewinds.passed else batch:
            if record.__class__ is RunStarted:
                self._note(record)
                if self._metrics:
                    break
        narrow, prefix = _narrow(*_own_names(self._names, rank)), f"rank{rank}/" if rank else ""
        kinds = set(map(type, batch))
        _extend(self._metrics, prefix, narrow.metric_fields, _only(narrow.metrics, batch, kinds))
        _extend(self._load, prefix, narrow.load_fields, _only(narrow.load, batch, kinds))

    def _note(self, start: RunStarted) -> None:
        rewind: Rewind | None = self._rewinds.note(start)
        if rewind is not None:
            self._metrics = {name: points.without(rewind.repeats) for name, points in self._metrics.items()}


def _only(kind: type, batch: Sequence[Any], kinds: set[type]) -> Sequence[Any]:
    """Return the records of a kind, of those that are of these kinds."""
    if kinds == {kind}:
        return batch
    return [record for record in batch if record.__class__ is kind] if kind in kinds else ()


def _extend(found: dict[str, Points], prefix: str, fields: Mapping[str, str] | None, rows: Sequence[Any]) -> None:
    """Add what these records have of each metric."""
    if not rows or not fields:
        return
    every = [row.values for row in rows]
    columns = [[row.time for row in rows], [row.step for row in rows], [row.epoch for row in rows],
               [row.stage for row in rows]]  # fmt: skip
    for name, field in fields.items():
        values: list[Any] = (
            [row.get(name, UNSET) for row in every] if not field else list(map(attrgetter(field), every))
        )
        own: list[list[Any]] = columns
        if UnsetType in set(map(type, values)):
            places = [place for place, value in enumerate(values) if value is not UNSET]
            if not places:
                continue
            values, *own = [[column[place] for place in places] for column in (values, *columns)]
        found.setdefault(prefix + name, Points()).extend(values, *own)


@lru_cache(maxsize=64)
def _narrow(metrics: tuple[str, ...], load: tuple[str, ...]) -> _Narrow:
    metric_values, metric_fields = _values(metrics)
    load_values, load_fields = _values(load)
    places: list[Any] = [("step", int | None, None), ("epoch", int | None, None), ("stage", str | None, None)]
    metric_class = _record("Metrics", ("time", float), ("values", metric_values), *places)
    # A sample of the load has neither step nor stage.
    load_class = _record("SystemStats", ("time", float), ("values", load_values), ("epoch", int | None, None))
    load_class.step = load_class.stage = None
    kinds: Any = RunStarted | metric_class | load_class
    for kind in sorted(KINDS - {"RunStarted", "Metrics", "SystemStats"}):
        kinds |= _skipped(kind)
    return _Narrow(msgspec.json.Decoder(kinds), metric_class, load_class, metric_fields, load_fields)


def _values(names: Sequence[str]) -> tuple[Any, dict[str, str]]:
    """Return the type of the values of a record, and the field of each name; an empty one where they are dicts."""
    if len(names) > _MOST_FIELDS:
        return dict[str, Number], dict.fromkeys(names, "")
    fields = {name: f"v{place}" for place, name in enumerate(names)}
    wanted: list[Any] = [(field, Number | UnsetType, UNSET) for field in fields.values()]
    rename = {field: name for name, field in fields.items()}
    try:
        return msgspec.defstruct("Values", wanted, rename=rename, gc=False), fields
    except ValueError:  # a name that JSON has to escape
        return dict[str, Number], dict.fromkeys(names, "")


def _record(kind: str, *fields: Any) -> Any:
    return msgspec.defstruct(kind, fields, tag_field="record", tag=kind, gc=False, kw_only=True)


@cache
def _skipped(kind: str) -> Any:
    return _record(kind)
