"""Many runs in an order: filtered, sorted, sliced."""

from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from typing import overload

from autotrack.readers import query
from autotrack.readers.query_names import Name, names_in
from autotrack.readers.recorded_run import RecordedRun


class Runs(Sequence[RecordedRun]):
    """Runs in an order, which is the newest first unless they are sorted. `where` and `sort` return new objects.

    Args:
        runs: The runs.
        names: Returns the names that these or the runs they were chosen from have: what one of them has is no mistake.
    """

    def __init__(self, runs: Sequence[RecordedRun], *, names: Callable[[], Collection[Name]] | None = None) -> None:
        self._runs = list(runs)
        self._find_names = names or self._own_names

    @overload
    def __getitem__(self, index: int) -> RecordedRun: ...
    @overload
    def __getitem__(self, index: slice) -> "Runs": ...
    def __getitem__(self, index: int | slice) -> "RecordedRun | Runs":
        return self._chosen(self._runs[index]) if isinstance(index, slice) else self._runs[index]

    def __len__(self) -> int:
        return len(self._runs)

    def __repr__(self) -> str:
        return f"<Runs {[run.name for run in self._runs]}>"

    def __reduce__(self) -> tuple[type["Runs"], tuple[list[RecordedRun]]]:
        return type(self), (self._runs,)

    def where(self, condition: str) -> "Runs":
        """Return the runs for which a condition holds, such as `"val_loss < 0.2 and params.lr > 1e-3"`.

        Names are `params.NAME`, `metrics.NAME` (the last value), `best.NAME`, `tags.NAME`, `git.commit`, and the
        fields of the summary: `status`, `name`, `experiment`, `duration_seconds`, `trials` (how many there are), … A
        param, a metric or a tag that shares its name with no other needs no group. A run without one of these names is
        left out; `params.lr is missing` asks for such runs. Dates and durations are texts, as in
        `started > "2026-11-25"`, `started > "2 days ago"` and `duration_seconds > "5 min"`. `name contains "otter"`
        and `error matches "CUDA.*"` look into texts. Raises `QueryError` for a condition that cannot be understood,
        and for a name that no run has.
        """
        holds = query.Condition(condition, self._names)
        holds.check_names()
        return self._chosen([run for run in self._runs if holds(run.value)])

    def sort(self, by: str, *, descending: bool = False) -> "Runs":
        """Return the runs ordered by a name as in `where`. Runs without it come last. Raises `QueryError`."""
        key = query.Query(by, self._names)
        key.check_names()
        values = [(key(run.value), run) for run in self._runs]
        having = [(query.sortable(value), run) for value, run in values if value is not None]
        having.sort(key=lambda item: item[0], reverse=descending)
        having.sort(key=lambda item: item[0][0])  # numbers, NaN, text: in both directions
        return self._chosen([*(run for _, run in having), *(run for value, run in values if value is None)])

    @cached_property
    def _names(self) -> Collection[Name]:
        return self._find_names() if self._runs else ()

    def _own_names(self) -> Collection[Name]:
        return set(names_in(run.summary for run in self._runs))

    def _chosen(self, runs: Sequence[RecordedRun]) -> "Runs":
        return Runs(runs, names=lambda: self._names)
