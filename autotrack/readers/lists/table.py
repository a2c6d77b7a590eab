"""Columns of equal length, which become a data frame of whichever library somebody uses."""

from collections.abc import Mapping, Sequence
from typing import Any

from autotrack.errors import MissingLibraryError

_LARGEST = 2**63 - 1
"""Data frames have no larger integers. A column with one becomes text."""


class Table(Mapping[str, list[Any]]):
    """Columns by name. Missing values are None.

    >>> table = Table({"run": ["brave-otter", "calm-lynx"], "params.lr": [0.1, None]})
    >>> table["params.lr"], len(table.rows())
    ([0.1, None], 2)
    """

    def __init__(self, columns: Mapping[str, Sequence[Any]]) -> None:
        self._columns = {name: list(values) for name, values in columns.items()}

    def __getitem__(self, name: str) -> list[Any]:
        return self._columns[name]

    def __iter__(self) -> Any:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __repr__(self) -> str:
        return f"<Table of {len(self.rows())} rows: {', '.join(self._columns)}>"

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows, each as a mapping."""
        return [dict(zip(self._columns, row, strict=True)) for row in zip(*self._columns.values(), strict=True)]

    def to_pandas(self) -> Any:
        """Return a `pandas.DataFrame`. Raises `MissingLibraryError`."""
        return _library("pandas").DataFrame(self._columns)

    def to_polars(self) -> Any:
        """Return a `polars.DataFrame`. Columns of mixed types become text. Raises `MissingLibraryError`."""
        return _library("polars").DataFrame(self._uniform(), strict=False)

    def to_arrow(self) -> Any:
        """Return a `pyarrow.Table`. Columns of mixed types become text. Raises `MissingLibraryError`."""
        return _library("pyarrow").table(self._uniform())

    def _uniform(self) -> dict[str, list[Any]]:
        return {name: _uniform(values) for name, values in self._columns.items()}


def _uniform(values: list[Any]) -> list[Any]:
    """Return values of one type."""
    types = {type(value) for value in values if value is not None}
    if types <= {int, float} and all(abs(value) <= _LARGEST for value in values if type(value) is int):
        return [value if value is None or float not in types else float(value) for value in values]
    if len(types) <= 1 and not types & {int, list, dict}:
        return values
    return [value if value is None or isinstance(value, str) else str(value) for value in values]


def _library(name: str) -> Any:
    import importlib  # only one of these is wanted

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingLibraryError(f"this needs {name}, which is not installed: pip install {name}") from error
