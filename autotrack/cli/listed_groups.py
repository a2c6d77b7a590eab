"""Groups of runs as they are shown: how many, the mean, the spread and the best of a metric."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.cells import cell_len

from autotrack.cli.printing import styled
from autotrack.cli.tables import shortened, table_lines
from autotrack.escapes import printable
from autotrack.format import some
from autotrack.readers.lists.groups import Group, direction_words
from autotrack.readers.lists.listing import Column, shown

_WIDEST = 24
_BESIDE_KEYS = 34
"""What the number of runs and the columns of the metric take, roughly, without the name of the best run."""

_BEST_RUN = 16
_MOST_NAMED = 4


class GroupTable:
    """Groups in lines, with what `metric` comes to."""

    def __init__(self, groups: Sequence[Group], metric: Column | None) -> None:
        self._groups = groups
        self._metric = metric

    def lines(self, width: int, *, most: int | None = None) -> list[str]:
        """Return the groups in lines that are no wider than `width`, and `most` of them."""
        groups = self._groups[:most]
        keys, names_best = self._fitting_keys(width)
        head = [*keys, "runs", *(["mean", "± std", "best", *["best run"][:names_best]] if self._metric else [])]
        rows = [
            [
                *(_cell(group, name) for name in keys),
                str(len(group.runs)),
                *(map(printable, self._values(group)[: 3 + names_best]) if self._metric else []),
            ]
            for group in groups
        ]

        def style(text: str, row: int, _: int) -> str:
            return styled(text, "bold") if row < 0 else text

        lines = table_lines(list(map(printable, head)), rows, width=width, wraps=False, style=style)
        return [*self._title(), *lines, *self._remarks(len(groups), keys)]

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return the groups for other programs."""
        name = self._metric.metric if self._metric else None
        return [
            {
                "group": dict(group.key),
                "runs": len(group.runs),
                "metric": name,
                "values": len(group.values),
                "mean": group.mean,
                "deviation": group.deviation,
                "best": self._metric.read(group.best) if self._metric and group.best else None,
                "best_run": group.best.name if group.best else None,
                "names": [run.name for run in group.runs],
            }
            for group in self._groups
        ]

    def as_rows(self) -> Iterator[list[Any]]:
        """Yield the groups as rows for other programs, the names first."""
        keys = list(dict.fromkeys(name for group in self._groups for name in group.key))
        fields = ("runs", "metric", "values", "mean", "deviation", "best", "best_run")
        yield [*keys, *fields]
        for row in self.as_dicts():
            cells = [*(row["group"].get(key) for key in keys), *(row[name] for name in fields)]
            yield ["" if cell is None else cell for cell in cells]

    def _fitting_keys(self, width: int) -> tuple[list[str], bool]:
        """Return the names that groups differ by, as far as there is room, and whether there is for the best run, too.

        No two groups are to look the same. If they would, those names come first that tell groups apart, and the best
        run gives way to them.
        """
        kept, most = self._chosen_keys(width - _BESIDE_KEYS - _BEST_RUN, self._names), self._distinct(self._names)
        if self._distinct(kept) == most:
            return kept, True
        for space in (width - _BESIDE_KEYS - _BEST_RUN, width - _BESIDE_KEYS):
            kept = self._chosen_keys(space, self._most_telling(space))
            if self._distinct(kept) == most:
                return kept, space < width - _BESIDE_KEYS
        return kept, False

    @property
    def _names(self) -> list[str]:
        return list(dict.fromkeys(name for group in self._groups for name in group.key))

    def _chosen_keys(self, space: int, names: Sequence[str]) -> list[str]:
        """Return those of the names that there is room for, in the usual order; one at least."""
        kept: list[str] = []
        for name in names:
            if kept and self._width(name) + 2 > space:
                continue
            kept.append(name)
            space -= self._width(name) + 2
        return [name for name in self._names if name in kept]

    def _most_telling(self, space: int) -> list[str]:
        """Return the names in the order in which they tell most groups apart that looked the same before."""
        order: list[str] = []
        left = [name for name in self._names if self._width(name) + 2 <= space]
        while left:
            before = self._distinct(order)
            best = max(left, key=lambda name: (self._distinct([*order, name]) - before) / (self._width(name) + 2))
            if order and self._distinct([*order, best]) == before:
                break
            order.append(best)
            left.remove(best)
        return list(dict.fromkeys([*order, *self._names]))

    def _distinct(self, names: Sequence[str]) -> int:
        return len({tuple(_cell(group, name) for name in names) for group in self._groups})

    def _width(self, name: str) -> int:
        return max(cell_len(name), *(cell_len(_cell(group, name)) for group in self._groups))

    def _values(self, group: Group) -> list[str]:
        best = self._metric.read(group.best) if self._metric and group.best else None
        return [shown(group.mean), shown(group.deviation), shown(best), group.best.name if group.best else ""]

    def _title(self) -> Iterator[str]:
        if self._metric is not None:
            words = direction_words(self._metric.direction)
            name = f"{self._metric.metric}: {words}" if words else self._metric.metric
            yield printable(f"{name}; of each run, its best value")
            yield ""

    def _remarks(self, count: int, keys: Sequence[str]) -> Iterator[str]:
        without = sum(len(group.runs) - len(group.values) for group in self._groups) if self._metric else 0
        left_out = [printable(name) for name in self._names if name not in keys]
        equal = len(self._groups) - self._distinct(self._names)
        if without or left_out or equal or len(self._groups) > count:
            yield ""
        if equal:
            yield styled(
                "groups with the same params differ in code, data or packages: autotrack compare shows it", "dim"
            )
        if left_out:
            twins = self._distinct(self._names) - self._distinct(keys)
            why = f", by which {twins + 1} groups differ that look the same" if twins else ""
            yield styled(f"no room for {some(left_out, _MOST_NAMED)}{why}: --csv and --json have all", "dim")
        if len(self._groups) > count:
            yield styled(f"{len(self._groups) - count} more groups: --all shows them", "dim")
        if without and self._metric:
            yield styled(f"{without} runs have no number for {printable(self._metric.metric)}", "dim")


def _cell(group: Group, name: str) -> str:
    return shortened(printable(_key(group.key.get(name))), _WIDEST)


def _key(value: Any) -> str:
    return "none" if value is None else shown(value)
