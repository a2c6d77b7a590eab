"""All runs as columns, which is what the page's table is made of."""

from collections import Counter
from collections.abc import Collection, Sequence
from math import isfinite
from typing import Any

from autotrack.journal.directions import split_direction
from autotrack.journal.params import is_seed
from autotrack.readers.compare.param_weights import follows, weight_of_param
from autotrack.readers.index.card import NOTE
from autotrack.readers.plain import plain
from autotrack.readers.query.names import COUNTED, GROUPS, Name
from autotrack.readers.recorded_run import RecordedRun, values_of

_FIELDS = ("name", "experiment", "status", "error", "started", "ended", "duration_seconds", "overhead_seconds",
           "parent", "resumed_from", "reproduces", "started_by", "entry_point", "host", "python",
           *COUNTED)  # fmt: skip

_LONGEST_TEXT = 300


def columns_of(runs: Sequence[RecordedRun], names: Collection[Name], wanted: str = "") -> dict[str, Any]:
    """Return the runs as columns, and which metrics they are judged by.

    Args:
        runs: The runs.
        names: The names that they have, as in `Runs.where`.
        wanted: The setting `metric`.
    """
    columns = [_column("", field, values_of(runs, Name("", field))) for field in _FIELDS]
    columns += [
        _column(name.group, name.rest, values_of(runs, name))
        for group in GROUPS
        for name in sorted(name for name in names if name.group == group)
    ]
    cards = [run.card() for run in runs]
    columns.append(_column("", NOTE, [card[NOTE] or None for card in cards]))
    directions = {name: better for card in reversed(cards) for name, better in card["directions"].items()}
    name, direction = split_direction(wanted)
    if direction:
        directions[name] = direction
    return {
        "keys": keys_of(runs),
        "configurations": _configurations(cards),
        "columns": [column for column in columns if column is not None],
        "directions": directions,
        "judged_by": _judged_by(cards, name if name in directions else ""),
    }


def keys_of(runs: Sequence[RecordedRun]) -> list[str]:
    """Return what each run is known by on the page: its id, and a number behind it if a copy has the same one."""
    count: Counter[str] = Counter()
    keys = []
    for identity in map(str, values_of(runs, Name("", "id"))):
        count[identity] += 1
        keys.append(identity if count[identity] == 1 else f"{identity}-{count[identity]}")
    return keys


def _configurations(cards: Sequence[dict[str, Any]]) -> list[int]:
    """Return a number for each run, the same for those that differ in nothing but their seeds."""
    return [int(card["configuration"][:12], 16) for card in cards]


def _judged_by(cards: Sequence[dict[str, Any]], wanted: str) -> list[str]:
    """Return the metrics by which runs are judged, those of most runs first."""
    first = Counter(card["judged_by"][0] for card in cards if card["judged_by"])
    others = Counter(name for card in cards for name in card["judged_by"])
    named = [wanted] if wanted else []
    return list(
        dict.fromkeys([*named, *(name for name, _ in first.most_common()), *(n for n, _ in others.most_common())])
    )


def _column(group: str, name: str, values: list[Any]) -> dict[str, Any] | None:
    """Return one column, without what is missing: `at` has the places of the values, if not every run has one."""
    some = [value for value in values if value is not None] if None in values else values
    if not some:
        return None
    shown = some if _are_plain(some) else list(map(_cell, some))
    column: dict[str, Any] = {"group": group, "name": name, "values": shown}
    if len(some) < len(values):
        column["at"] = [place for place, value in enumerate(values) if value is not None]
    if group == "params" and (weight := -1 if is_seed(name) or follows(name) else weight_of_param(name)):
        column["weight"] = weight
    return column


def _are_plain(values: list[Any]) -> bool:
    """Return whether cells show these values as they are, as they do nearly all: that is quickly told of many."""
    kinds = set(map(type, values))
    if kinds == {float}:
        return isfinite(sum(values))
    if kinds == {str}:
        return max(map(len, values)) <= _LONGEST_TEXT
    return kinds == {bool}


def _cell(value: Any) -> Any:
    """Return what a cell shows. Lists and the like become the text that Python writes for them."""
    if isinstance(value, (list, dict)):
        value = str(value)
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return f"{value[:_LONGEST_TEXT]}…"
    return plain(value)
