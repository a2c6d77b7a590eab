"""Groups of runs as they are shown: how many, the mean, the spread and the best of a metric."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.cells import cell_len

from autotrack.cli.printing import styled
from autotrack.cli.tables import shortened, table_lines
from autotrack.format import printable
from autotrack.readers.groups import Group, direction_words
from autotrack.readers.listing import Column, shown

_WIDEST = 24
_BESIDE_KEYS = 50
"""What the columns of the metric take, roughly."""


class GroupTable:
    """Groups in lines, with what `metric` comes to."""

    def __init__(self, groups: Sequence[Group], metric: Column | None) -> None:
        self._groups = groups
        self._metric = metric

    def lines(self, width: int, *, most: int | None = None) -> list[str]:
        """Return the groups in lines that are no wider than `width`, and `most` of them."""
        groups = self._groups[:most]
        keys = self._fitting_keys(width)
        head = [*keys, "runs", *(["mean", "± std", "best", "best run"] if self._metric else [])]
        rows = [
            [
                *(shortened(printable(_key(group.key.get(name))), _WIDEST) for name in keys),
                str(len(group.runs)),
                *(map(printable, self._values(group)) if self._metric else []),
            ]
            for group in groups
        ]

        def style(text: str, row: int, _: int) -> str:
            return styled(text, "bold") if row < 0 else text

        lines = table_lines(list(map(printable, head)), rows, width=width, wraps=False, style=style)
        return [*self._title(), *lines, *self._remarks(len(groups))]

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

    def _fitting_keys(self, width: int) -> list[str]:
        """Return the names that groups differ by, as far as there is room for them beside the metric."""
        left = width - _BESIDE_KEYS
        kept: list[str] = []
        for name in dict.fromkeys(name for group in self._groups for name in group.key):
            cells = [cell_len(_key(group.key.get(name))) for group in self._groups]
            widest = max(cell_len(name), min(max(cells), _WIDEST))
            if kept and widest + 2 > left:
                break
            kept.append(name)
            left -= widest + 2
        return kept

    def _values(self, group: Group) -> list[str]:
        best = self._metric.read(group.best) if self._metric and group.best else None
        return [shown(group.mean), shown(group.deviation), shown(best), group.best.name if group.best else ""]

    def _title(self) -> Iterator[str]:
        if self._metric is not None:
            words = direction_words(self._metric.direction)
            name = f"{self._metric.metric}: {words}" if words else self._metric.metric
            yield printable(f"{name}; of each run, its best value")
            yield ""

    def _remarks(self, count: int) -> Iterator[str]:
        without = sum(len(group.runs) - len(group.values) for group in self._groups) if self._metric else 0
        if without or len(self._groups) > count:
            yield ""
        if len(self._groups) > count:
            yield styled(f"{len(self._groups) - count} more groups: --all shows them", "dim")
        if without and self._metric:
            yield styled(f"{without} runs have no number for {printable(self._metric.metric)}", "dim")


def _key(value: Any) -> str:
    return "none" if value is None else shown(value)
