"""Whether two data sets share rows: by the positions chosen from the same object, or by hashes of whole rows.

Rows are the same when their bytes are, so 0.0 is not -0.0. They are compared by 64-bit hashes. For two sets of 200,000
rows with none in common, the odds that any row seems to be shared are one in 400 million.
"""

import sys
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from autotrack.training.observe.data.arrays import as_numpy, is_tensor, module
from autotrack.training.observe.data.fingerprint import Deadline, Part, is_read_completely

MOST_ROWS = 200_000
"""Data sets with more rows are not compared by value, because sorting the hashes would take too long."""
MOST_REMEMBERED = 1_000_000
"""How many hashes are kept for all data sets of a run, at eight bytes each."""
MOST_POSITIONS = 2_000_000
"""Subsets with more rows are not compared by position, nor are subsets of data sets ten times as large."""

_CHUNK = 2**15
_INTEGERS = ("int16", "int32", "int64")


@dataclass(frozen=True)
class Rows:
    """The sorted hashes of all rows of a data set. Only data sets with the same layout can be compared."""

    layout: tuple[Any, ...]
    hashes: Any


class RowHasher:
    """Hashes the rows of the first `count` parts of a data set while they are read, if all of them will be read.

    The layout consists of the names of the parts without the prefix, their dtypes, and the shape of a row.
    """

    def __init__(self, parts: Sequence[Part], count: int, prefix: str) -> None:
        chosen = parts[:count]
        self._rows = chosen[0].units if chosen else 0
        self._layout = tuple((p.name.removeprefix(prefix), p.dtype, (p.shape or ())[1:]) for p in chosen)
        fit = all(part.by_row and part.units == self._rows for part in chosen) and 0 < self._rows <= MOST_ROWS
        wanted = module("numpy", "frombuffer") and fit and all(is_read_completely(parts)[:count])
        self._hashes = {number: list[Any]() for number in range(count)} if wanted else {}

    def add(self, number: int, rows: int, content: bytes) -> None:
        """Take the next rows of a part."""
        if number in self._hashes:
            self._hashes[number].append(_hash_rows(rows, content))

    def finish(self) -> Rows | None:
        """Return the hashes, or None if some rows were not hashed."""
        total: Any = None
        for number, blocks in self._hashes.items():
            if sum(map(len, blocks)) != self._rows:
                return None
            hashes = sys.modules["numpy"].concatenate(blocks)
            keyed = _mix(hashes + _keys(number, number + 1)) if len(self._hashes) > 1 else hashes
            total = keyed if total is None else total + keyed
        if total is None:
            return None
        total.sort()
        return Rows(self._layout, total)


def _hash_rows(rows: int, content: bytes) -> Any:
    """Return one hash for each row: the sum of its words, each scrambled by its position."""
    numpy = sys.modules["numpy"]
    width = len(content) // rows
    if width % 8:
        padded = numpy.zeros((rows, -(-width // 8) * 8), "u1")
        padded[:, :width] = numpy.frombuffer(content, "u1").reshape(rows, width)
        words = padded.view("u8")
    else:
        words = numpy.frombuffer(content, "u8").reshape(rows, -1)
    return _mix(words + _keys(0, words.shape[1])).sum(axis=1, dtype="u8")


def _keys(first: int, last: int) -> Any:
    return (sys.modules["numpy"].arange(first, last, dtype="u8") + 1) * 0x9E3779B97F4A7C15


def _mix(words: Any) -> Any:
    """Scramble words in place as splitmix64 does: different words stay different. They are meant to overflow."""
    words ^= words >> 30
    words *= 0xBF58476D1CE4E5B9
    words ^= words >> 27
    words *= 0x94D049BB133111EB
    words ^= words >> 31
    return words


@dataclass(frozen=True)
class Selection:
    """Which rows of an object a data set consists of: all, or those chosen by indices, of indices, of indices …"""

    base: Any
    size: int
    choices: Sequence[Any] = ()

    def positions(self, deadline: Deadline) -> Any:
        """Return the positions in the base as an array, or None if they are unknown. Raises `OutOfTime`."""
        positions, size = None, self.size
        for choice in reversed(self.choices):  # the innermost is last
            indices = _as_integers(choice, deadline)
            if indices is None or not len(indices):
                return indices
            if indices.min() < -size or indices.max() >= size:
                return None
            positions = indices % size if positions is None else positions[indices]
            size = len(positions)
        return positions


def _as_integers(indices: Any, deadline: Deadline) -> Any:
    numpy = module("numpy", "concatenate")
    if numpy is None or not isinstance(indices, (list, tuple, range)):
        dtype = str(getattr(indices, "dtype", "")).removeprefix("torch.")
        array = as_numpy(indices) if numpy and (is_tensor(indices) or isinstance(indices, numpy.ndarray)) else None
        fits = array is not None and array.ndim == 1 and dtype in _INTEGERS and array.size <= MOST_POSITIONS
        return array if fits else None
    if len(indices) > MOST_POSITIONS:
        return None
    chunks = [numpy.empty(0, "i8")]
    for start in range(0, len(indices), _CHUNK):
        deadline.check()
        chunk = indices[start : start + _CHUNK]
        if not all(kind is int or issubclass(kind, numpy.integer) for kind in set(map(type, chunk))):
            return None
        chunks.append(numpy.array(chunk, "i8"))
    return numpy.concatenate(chunks)


@dataclass(frozen=True)
class _Seen:
    """What is remembered of a data set, without keeping the data set alive."""

    rows: Rows | None = None
    base: "weakref.ref[Any] | None" = None
    chosen: Any = None
    """A bit for each row of the base; None for all."""


@dataclass
class SharedRows:
    """Remembers the latest data set of each role, and counts the rows that a new one shares with them."""

    _seen: dict[str, _Seen] = field(default_factory=dict)

    def count(self, role: str, rows: Rows | None, selection: Selection | None, deadline: Deadline) -> dict[str, int]:
        """Return how many of these rows each other role has too, where that is known, and remember them.

        Raises `OutOfTime`; then nothing is remembered.
        """
        self._seen.pop(role, None)
        positions = selection.positions(deadline) if selection and selection.choices else None
        counts = {}
        for other, seen in self._seen.items():
            deadline.check()
            count = _count_positions(selection, positions, seen)
            count = _count_hashes(rows, seen.rows) if count is None else count
            if count is not None:
                counts[other] = count
        self._remember(role, rows, selection, positions)
        return counts

    def _remember(self, role: str, rows: Rows | None, selection: Selection | None, positions: Any) -> None:
        kept = sum(len(seen.rows.hashes) for seen in self._seen.values() if seen.rows)
        if rows and kept + len(rows.hashes) > MOST_REMEMBERED:
            rows = None
        base, chosen = None, None
        if selection and selection.size <= 10 * MOST_POSITIONS and (not selection.choices or positions is not None):
            base = weakref.ref(selection.base)
            if positions is not None:
                chosen = sys.modules["numpy"].zeros(selection.size, bool)
                chosen[positions] = True
                chosen = sys.modules["numpy"].packbits(chosen)
        self._seen[role] = _Seen(rows, base, chosen)


def _count_positions(selection: Selection | None, positions: Any, seen: _Seen) -> int | None:
    """Return how many of the positions were chosen earlier from the same object, or None if that is unknown."""
    if selection is None or seen.base is None or seen.base() is not selection.base:
        return None
    if selection.choices and positions is None:
        return None
    if seen.chosen is None:
        return selection.size if positions is None else len(positions)
    chosen = sys.modules["numpy"].unpackbits(seen.chosen, count=selection.size)
    return int(chosen.sum() if positions is None else chosen[positions].sum(dtype="i8"))


def _count_hashes(mine: Rows | None, theirs: Rows | None) -> int | None:
    if mine is None or theirs is None or mine.layout != theirs.layout:
        return None
    positions = theirs.hashes.searchsorted(mine.hashes)
    nearest = theirs.hashes[positions.clip(max=len(theirs.hashes) - 1)]
    return int((nearest == mine.hashes).sum())
