"""Finds metrics in tables that a script prints: a header and rows of numbers, or a name and a number a row."""

import re
from typing import Literal, NamedTuple

from autotrack.sidecar.output.printed_names import certain, clean, plausible

_MOST_COLUMNS = 40
_LONGEST_LINE = 500
_MOST_MISSES = 20
"""After so many lines that do not fit, the table is over."""

_WORDS_OF_HEADERS = ("epoch", "loss", "acc", "score", "error", "iter", "step", "rew", "mse", "auc", "f1", "mae")
_BORDERS = re.compile("[|\u2502\u2503]")
_WIDE_GAP = re.compile(r"\s{2,}|\t")
_NAME = re.compile(r"[A-Za-z_#%][\w/@.%()#\- ]{0,40}\Z")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?%?\Z")
_COUNT = re.compile(r"\[?(\d{1,9})(?:/\d{1,9})?\]?:?\Z")
_BAR = re.compile(r"\s\d{1,3}%\|")
_EPOCHS = ("epoch", "epochs", "ep", "e")
_STEPS = ("step", "steps", "iter", "iteration", "iterations", "global_step")

_Kind = Literal["epoch", "step", "metric", "other"]


class Row(NamedTuple):
    """What a row says: numbers by name, and the epoch or the step that it is about."""

    values: dict[str, float]
    epoch: int | None = None
    step: int | None = None


class Tables:
    """Takes the lines of one stream one after another, and remembers the header of the table that they are in."""

    def __init__(self) -> None:
        self._headers: list[list[tuple[_Kind, str]]] = []
        self._misses = 0
        self._section = ""

    def take(self, line: str) -> Row | None:
        """Return what a line says as a row of a table; None if it is no row.

        >>> tables = Tables()
        >>> tables.take("epoch     train_loss  accuracy  time"), tables.take("0         0.51        0.81      00:12")
        (None, Row(values={'train_loss': 0.51, 'accuracy': 0.81}, epoch=0, step=None))
        >>> tables.take("| rollout/ | |"), tables.take("|  ep_rew_mean | 21.5 |").values
        (None, {'rollout/ep_rew_mean': 21.5})
        """
        has_borders = "|" in line or "\u2502" in line or "\u2503" in line
        if len(line) > _LONGEST_LINE or not (self._headers or has_borders or _can_be_header(line)):
            return None
        if has_borders and (pair := self._take_pair(line)):
            return pair
        if self._headers and (row := self._take_row(line, has_borders=has_borders)):
            self._misses = 0
            return row
        headers = _headers_in(line, has_borders=has_borders)
        if headers:
            self._headers, self._misses = headers, 0
        elif self._headers and any(map(str.isalnum, line)):
            self._misses += 1
            if self._misses > _MOST_MISSES:
                self._headers = []
        return None

    def _take_pair(self, line: str) -> Row | None:
        """Take a row of two cells, a name and a number, below the name of a section that ends in a slash."""
        cells = [cell.strip() for cell in _BORDERS.split(line)]
        if len(cells) not in (2, 4) or (len(cells) == 4 and (cells[0] or cells[3])):
            return None
        raw, text = cells if len(cells) == 2 else cells[1:3]
        if not text:
            self._section = clean(raw) if raw.endswith("/") else self._section
            return None
        if not _NUMBER.match(text) or not _NAME.match(raw):
            return None
        name = certain(clean(raw)) or (plausible(clean(raw)) if "." in text or "e" in text else "")
        if not name or len(cells) == 2:
            return None
        prefix = f"{self._section}/" if self._section and "/" not in name else ""
        return Row({prefix + name: _number(text)})

    def _take_row(self, line: str, *, has_borders: bool) -> Row | None:
        cells = _cells(line) if has_borders and not _BAR.search(line) else _BAR.split(line)[0].split()
        for columns in self._headers:
            if len(columns) == len(cells) and (row := _row(columns, cells)):
                return row
        return None


def _can_be_header(line: str) -> bool:
    """Whether it is worth while to look for a header in a line without borders: hardly any line is one."""
    if line[:1].isdigit() or not ("  " in line or "\t" in line or line[:1].lower() in "eis"):
        return False
    lower = line.lower()
    return any(word in lower for word in _WORDS_OF_HEADERS)


def _headers_in(line: str, *, has_borders: bool) -> list[list[tuple[_Kind, str]]]:
    """Return the columns that a line may be the header of, by the ways in which it can be split."""
    splits = [_cells(line)] if has_borders else [_WIDE_GAP.split(line.strip()), line.split()]
    if not has_borders and len(splits[0]) < 2 and splits[1][:1] and splits[1][0].lower() not in (*_EPOCHS, *_STEPS):
        return []
    found = []
    for cells in splits:
        if not 2 <= len(cells) <= _MOST_COLUMNS or not all(map(_NAME.match, cells)):
            continue
        columns = [_column(cell) for cell in cells]
        if any(kind == "metric" and certain(name) for kind, name in columns) and columns not in found:
            found.append(columns)
    return found


def _column(cell: str) -> tuple[_Kind, str]:
    name = clean(cell)
    if name in _EPOCHS:
        return "epoch", name
    if name in _STEPS or cell == "#":
        return "step", name
    chosen = certain(name) or plausible(name)
    return ("metric", chosen) if chosen else ("other", name)


def _row(columns: list[tuple[_Kind, str]], cells: list[str]) -> Row | None:
    values: dict[str, float] = {}
    about: dict[str, int] = {}
    for (kind, name), cell in zip(columns, cells, strict=True):
        if kind in ("epoch", "step"):
            count = _COUNT.match(cell)
            if count is None:
                return None
            about[kind] = int(count[1])
        elif kind == "metric" and _NUMBER.match(cell):
            values.setdefault(name, _number(cell))
        elif kind == "metric" and cell.lower() not in ("none", "-", "nan", "n/a", "inf", "--"):
            return None
    return Row(values, about.get("epoch"), about.get("step")) if values else None


def _cells(line: str) -> list[str]:
    cells = [cell.strip() for cell in _BORDERS.split(line)]
    begin = 0 if cells[0] else 1
    end = len(cells) if cells[-1] else len(cells) - 1
    return cells[begin:end]


def _number(text: str) -> float:
    return float(text.rstrip("%"))
