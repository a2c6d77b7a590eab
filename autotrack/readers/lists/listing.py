"""Which columns a list of runs has: by default, the metric they are judged by, what differs, and how they ended."""

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from autotrack.errors import QueryError
from autotrack.format import first_line, human_seconds, recent_moment, short
from autotrack.journal.directions import Direction
from autotrack.journal.params import is_renumbered, is_seed, varies_by_itself
from autotrack.journal.records import number
from autotrack.readers.catalog import shared_names
from autotrack.readers.compare.param_weights import weight_of_param
from autotrack.readers.query.conditions import Query
from autotrack.readers.query.names import DURATIONS, TIMES, Name
from autotrack.readers.recorded_run import RecordedRun

ARROWS: dict[Direction | None, str] = {"min": "↓", "max": "↑", None: ""}
"""Which way a metric gets better."""

_CLASS = re.compile(r"[a-z_]\w*(\.\w+)*\.[A-Z]\w*")
"""A class with its module, of which the last part is enough."""

_SIGNAL = re.compile(r"\bSIG[A-Z]{2,}\b")
_MOST_METRICS = 3
_MOST_PARAMS = 8
_ALWAYS, _OFTEN, _SELDOM = 0, 100, 200


def shown(value: Any) -> str:
    """Return a value in few characters."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if isinstance(value, str) and _CLASS.fullmatch(value):
        return value.rpartition(".")[2]
    return "" if value is None else short(value)


@dataclass(frozen=True)
class Column:
    """A column of a list.

    Attributes:
        title: What stands above it.
        name: What it is called in conditions, and in JSON and CSV.
        read: Returns the value of a run; None if it has none.
        show: Returns a value as text for people.
        rank: Columns with a higher one are left out first where there is no room.
        direction: Which way the values get better, if they are those of a metric.
        metric: The name of that metric.
        short_title: What stands above it where there is no room for more, if that says less.
    """

    title: str
    name: str
    read: Callable[[RecordedRun], Any]
    show: Callable[[Any], str] = shown
    rank: int = _ALWAYS
    direction: Direction | None = None
    metric: str = ""
    short_title: str = ""

    def for_tables(self, value: Any) -> Any:
        """Return a value as other programs read it in a table: times with date and zone, nothing for None."""
        if value is None:
            return ""
        if self.name in TIMES:
            with suppress(ValueError, OverflowError, OSError):  # what no calendar has stays a number
                return datetime.fromtimestamp(value, UTC).isoformat()
        return value


def default_columns(runs: Sequence[RecordedRun], metric: tuple[str, Direction | None] | None = None) -> list[Column]:
    """Return the columns that tell most about these runs. `metric` is what somebody wants to see first."""
    cards = [run.card() for run in runs]
    metrics = _metrics(cards, metric)
    columns = [name_column(runs)]
    if len({card["experiment"] for card in cards}) > 1:
        columns.append(_field("experiment", rank=_OFTEN - 1))
    for place, item in enumerate(metrics):
        column = metric_column(*item, rank=_ALWAYS if not place else _OFTEN + 3)
        if _is_best(column, runs):
            column = replace(column, title=f"best {column.title}", short_title=column.title)
        columns.append(column)
    for place, name in enumerate(differing_params(cards)[:_MOST_PARAMS]):
        columns.append(_param(name, rank=(_OFTEN if place < _MOST_METRICS else _SELDOM) + place))
    took = _field("duration_seconds", title="took", show=human_seconds, rank=_ALWAYS + 1)
    return [*columns, Column("status", "status", _status), _field("started", show=recent_moment), took]


def name_column(runs: Sequence[RecordedRun]) -> Column:
    """Return the column of the names; of runs that share one, it has the folders."""
    shared = shared_names(runs)
    return Column("run", "name", lambda run: run.folder.name if run.card()["name"] in shared else run.card()["name"])


def with_sorted_by(columns: Sequence[Column], sorted_by: Sequence[Column]) -> list[Column]:
    """Return columns of which those that a list is sorted by are never left out; new ones come behind the name."""
    names = {column.name for column in sorted_by}
    shown_as = {title for column in columns for title in (column.title, column.short_title)}
    kept = [replace(column, rank=_ALWAYS) if column.name in names else column for column in columns]
    missing = [
        replace(column, title=f"{column.title} (last)") if column.title in shown_as else column
        for column in sorted_by
        if column.name not in {other.name for other in columns}
    ]
    return [*kept[:1], *missing, *kept[1:]]


def chosen_columns(text: str, known: Collection[Name], directions: Callable[[str], Direction | None]) -> list[Column]:
    """Return the columns that somebody asks for, as in `name, best.val_loss, params.lr`. Raises `QueryError`.

    `known` are the names that the runs have, and `directions` returns which way a metric gets better.
    """
    columns = []
    for part in _split(text):
        query = Query(part, known)
        query.check_names()
        columns.append(_asked(part, query, directions))
    if not columns:
        raise QueryError(f"{text!r} names nothing; write names of runs with commas, as in 'name, best.val_loss, lr'")
    return columns


def differing_params(cards: Sequence[dict[str, Any]]) -> list[str]:
    """Return the params that differ between runs: those known to matter, then those that most runs have, then seeds.

    A run without any params, which may have failed too early, makes no difference. Of params that say the same of all
    runs, such as `lr` and `model.lr`, the first one is enough.
    """
    names: Counter[str] = Counter()
    cards = [card for card in cards if card["params"]]
    for card in cards:
        names.update(card["params"].keys())
    ranked: list[tuple[tuple[bool, bool, int, int, int], str]] = []
    seen: set[tuple[str, ...]] = set()
    for place, (name, count) in enumerate(sorted(names.items(), key=lambda item: item[0].count("."))):
        values = [card["params"].get(name) for card in cards]
        present = [value for value in values if value is not None]
        told = tuple(map(repr, values))
        if len(set(told)) < 2 or told in seen or any(varies_by_itself(name, value) for value in present):
            continue
        if all(is_renumbered(name, present[0], value) for value in present[1:]):
            continue
        seen.add(told)
        has_one_value = len(set(map(repr, present))) < 2
        ranked.append(((has_one_value, is_seed(name), -weight_of_param(name), -count, place), name))
    return [name for _, name in sorted(ranked)]


def titled(name: str, direction: Direction | None) -> str:
    """Return the name of a metric with an arrow that tells which way it gets better."""
    return f"{name} {ARROWS[direction]}".rstrip()


def _metrics(
    cards: Iterable[dict[str, Any]], wanted: tuple[str, Direction | None] | None
) -> list[tuple[str, Direction | None]]:
    """Return the metrics that most of the runs are judged by, and then those that come second."""
    judged: list[Counter[str]] = [Counter(), Counter()]
    directions: dict[str, Direction | None] = {}
    for card in cards:
        for place, name in enumerate(card["judged_by"][:2]):
            judged[place][name] += 1
        directions.update(card["directions"])
    first = [wanted[0]] if wanted else []
    names = [*first, *(name for counts in judged for name, _ in counts.most_common())]
    found = list(dict.fromkeys(names))[:_MOST_METRICS]
    return [(name, wanted[1] if wanted and name == wanted[0] else directions.get(name)) for name in found]


def metric_column(name: str, direction: Direction | None, *, rank: int = _ALWAYS) -> Column:
    """Return the column of the best values of a metric, or the last ones where nobody knows which are the best."""

    def read(run: RecordedRun) -> float | None:
        card = run.card()
        if direction is not None and card["directions"].get(name) not in (direction, None):
            return None if name not in card["last"] else _turned(run, name, direction)
        value = card["best"].get(name, card["last"].get(name))
        return None if value is None else number(value)

    return Column(titled(name, direction), str(Name("best", name)), read, rank=rank, direction=direction, metric=name)


def _is_best(column: Column, runs: Sequence[RecordedRun]) -> bool:
    """Return whether the best value of a metric is another one than its last, which a short name in a condition means.

    Of metrics that have one value, `accuracy` says all.
    """
    values = ((column.read(run), run.card()["last"].get(column.metric)) for run in runs)
    return any(value is not None and value != number(last) for value, last in values if last is not None)


def _turned(run: RecordedRun, name: str, direction: Direction) -> float | None:
    """Return the best value of a metric that gets better the other way than the run itself says."""
    metric = run.metrics[name]
    point = metric.min if direction == "min" else metric.max
    return None if point is None else number(point.value)


def _param(name: str, *, rank: int) -> Column:
    return Column(name, str(Name("params", name)), lambda run: run.card()["params"].get(name), rank=rank)


def _field(name: str, *, title: str = "", show: Callable[[Any], str] = shown, rank: int = _ALWAYS) -> Column:
    return Column(title or name, name, lambda run: run.card()[name], show, rank=rank)


def _status(run: RecordedRun) -> str:
    """Return how a run ended, and in a word or two why."""
    card = run.card()
    status, error = card["status"], card["error"]
    if status == "failed" and error:
        return f"failed: {first_line(error).partition(':')[0]}"
    if status == "killed" and error:
        return _status_of_killed(error)
    return str(status)


def _status_of_killed(error: str) -> str:
    signal = _SIGNAL.search(error)
    return f"killed ({signal[0]})" if signal else f"killed: {first_line(error)}"


def _asked(text: str, query: Query, directions: Callable[[str], Direction | None]) -> Column:
    def read(run: RecordedRun) -> Any:
        return query(run.value)

    name = query.name
    if name is None:
        return Column(text, text, read)
    if not name.group and name.rest in TIMES:
        return Column(text, str(name), read, recent_moment)
    if not name.group and name.rest in DURATIONS:
        return Column(text, str(name), read, human_seconds)
    if name.group in ("metrics", "best"):
        direction = directions(name.rest)
        return Column(titled(text, direction), str(name), read, direction=direction if name.group == "best" else None)
    return Column(text, str(name), read)


def _split(text: str) -> Iterable[str]:
    """Yield what stands between commas, unless they are inside brackets or quotes."""
    part, depth, quote = "", 0, ""
    for letter in text:
        if letter == "," and not depth and not quote:
            yield from filter(None, [part.strip()])
            part = ""
            continue
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        depth += (letter in "([") - (letter in ")]") if not quote else 0
        part += letter
    yield from filter(None, [part.strip()])
