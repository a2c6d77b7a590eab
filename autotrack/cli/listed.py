"""A list of runs as it is shown: the columns that fit, and the best values marked."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from rich.cells import cell_len

from autotrack.cli.printing import styled
from autotrack.cli.tables import longest_part, shortened, table_lines
from autotrack.escapes import printable
from autotrack.format import some
from autotrack.journal.records import number
from autotrack.readers.lists.listing import Column
from autotrack.readers.recorded_run import RecordedRun

_GAP = 2
_WIDEST = 24
_WIDEST_NAME = 36
_WIDEST_TITLE = 16
_MOST_NAMED = 4
_STATUS_COLORS = {"failed": "red", "killed": "red", "running": "cyan", "interrupted": "yellow", "pruned": "yellow"}


class RunTable:
    """Runs in lines, with these columns."""

    def __init__(self, runs: Sequence[RecordedRun], columns: Sequence[Column]) -> None:
        self._runs = runs
        self._columns = columns

    def lines(self, width: int, *, most: int | None = None) -> list[str]:
        """Return the list in lines that are no wider than `width`, and `most` of the runs."""
        runs = self._runs[:most]
        values = [[column.read(run) for run in runs] for column in self._columns]
        texts = [_texts(column, cells) for column, cells in zip(self._columns, values, strict=True)]
        titled = self._columns
        places = _fitting(titled, texts, width)
        if len(places) < len(titled):  # rather a shorter title than a column less
            titled = [replace(column, title=column.short_title or column.title) for column in titled]
            places = _fitting(titled, texts, width)
        if len(places) < len(titled):  # and rather one of several lines
            places = _fitting(titled, texts, width, widest_title=_WIDEST_TITLE)
        columns = [titled[place] for place in places]
        best = {
            (row, place)
            for place, column in zip(range(len(places)), columns, strict=True)
            for row in _best_rows(column, values[places[place]])
        }
        titles = [column.title for column in columns]

        def style(text: str, row: int, place: int) -> str:
            if row < 0 or (row, place) in best:
                return styled(text, "bold")
            color = (
                _STATUS_COLORS.get(re.split(r"[: (]", text.strip(), maxsplit=1)[0])
                if titles[place] == "status"
                else None
            )
            return styled(text, color) if color else text

        rows = list(zip(*(texts[place] for place in places), strict=True))
        lines = table_lines(list(map(printable, titles)), rows, width=width, wraps=False, style=style)
        shortened = [one for one in columns if one.title == one.short_title]
        return [*lines, *self._remarks(len(runs), places, shortened)]

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return the list for other programs."""
        return [{column.name: column.read(run) for column in self._columns} for run in self._runs]

    def as_rows(self) -> Iterator[list[Any]]:
        """Yield the list as rows for other programs, the names first."""
        yield [column.name for column in self._columns]
        for run in self._runs:
            yield [column.for_tables(column.read(run)) for column in self._columns]

    def _remarks(self, shown: int, places: Sequence[int], shortened: Sequence[Column]) -> Iterator[str]:
        """Yield what is not shown, and what titles do not say."""
        left_out = [column.title for place, column in enumerate(self._columns) if place not in places]
        hidden = len(self._runs) - shown
        remarks = []
        if hidden:
            remarks.append(f"{hidden} more: --all shows them, --where and --last choose")
        if left_out:
            remarks.append(f"no room for {printable(some(left_out, _MOST_NAMED))}: --columns chooses")
        if shortened:
            names = " and ".join(printable(column.metric) for column in shortened)
            remarks.append(f"{names}: the best value of each run")
        if remarks:
            yield ""
        yield from (styled(remark, "dim") for remark in remarks)


def _texts(column: Column, values: Sequence[Any]) -> list[str]:
    longest = _WIDEST_NAME * 4 if column.name == "name" else _WIDEST
    texts = ["" if value is None else printable(column.show(value)) for value in values]
    return [shortened(text, longest) for text in texts]


def _fitting(
    columns: Sequence[Column], texts: Sequence[Sequence[str]], width: int, *, widest_title: int = _WIDEST_NAME
) -> list[int]:
    """Return the places of the columns that there is room for. Those with the lowest rank come first."""
    titles = [min(cell_len(column.title), max(widest_title, longest_part(column.title))) for column in columns]
    widths = [min(max(title, *map(cell_len, cells)), _WIDEST_NAME) for title, cells in zip(titles, texts, strict=True)]
    kept: list[int] = []
    left = width + _GAP
    for place in sorted(range(len(columns)), key=lambda place: columns[place].rank):
        if columns[place].rank and widths[place] + _GAP > left:
            continue
        kept.append(place)
        left -= widths[place] + _GAP
    return sorted(kept)


def _best_rows(column: Column, values: Sequence[Any]) -> list[int]:
    """Return the rows with the best value of a metric, if they do not all have the same."""
    numbers = [number(value) for value in values if isinstance(value, (int, float))]
    finite = [value for value in numbers if math.isfinite(value)]
    if column.direction is None or len(set(finite)) < 2:
        return []
    best = min(finite) if column.direction == "min" else max(finite)
    return [row for row, value in enumerate(values) if value == best]
