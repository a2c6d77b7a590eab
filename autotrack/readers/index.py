"""The index of a store, which makes looking at ten thousand runs instant.

It is a SQLite file in the cache folder of the user, one for each store, derived from the runs. Whoever looks
brings it up to date first: runs that have changed since are read again, the others are only looked at from outside.
Losing it costs time, never data; where it cannot be kept, it is made in memory. No training process writes it.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from autotrack.errors import AutotrackError
from autotrack.journal.reader import is_being_written, journal_sizes
from autotrack.readers.index_file import index_file
from autotrack.readers.indexed_values import (
    INDEXED_FIELDS,
    card_of,
    decode_card,
    encode_card,
    from_sql,
    to_sql,
    values_of,
)  # fmt: skip
from autotrack.readers.outline import outline_of
from autotrack.readers.query_names import FIELDS, Name
from autotrack.readers.recorded_run import RecordedRun
from autotrack.readers.scan import Seen, scan

_WAIT_SECONDS = 5.0
_CHUNK = 2000
_CACHE_KIBIBYTES = 65536

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (id INTEGER PRIMARY KEY, folder BLOB UNIQUE, stamp TEXT, sizes TEXT, status TEXT,
    started REAL, card BLOB);
CREATE TABLE IF NOT EXISTS names (id INTEGER PRIMARY KEY, category TEXT, name TEXT, UNIQUE (category, name));
CREATE TABLE IF NOT EXISTS content (name INTEGER, run INTEGER, value, PRIMARY KEY (name, run)) WITHOUT ROWID;
"""
"""`sizes` has the sizes of all journals as long as a run may change without its `stamp` showing it; else nothing.
`status` is NULL for a folder that cannot be read as a run."""

_UNREADABLE = "unreadable"
"""In the place of the sizes, which are never the same: it is tried again, because permissions leave no trace."""


class Index:
    """What is known of the runs in `store`. `refresh` brings it up to date."""

    def __init__(self, store: Path) -> None:
        self._store = store.absolute()
        self._lock = threading.Lock()
        self._columns: dict[Name, dict[int, Any]] = {}
        self._cards: dict[int, dict[str, Any]] = {}
        self._database = self._open()

    def refresh(self, watch: Callable[[Sequence[Path]], Iterable[Path]] = iter) -> list[RecordedRun]:
        """Read what has changed in the store; return its runs, the newest first.

        `watch` is given the folders of the runs that have to be read, and passes them on one by one.
        """
        with self._lock:
            try:
                self._update(watch)
            except sqlite3.Error:  # damaged, or a disk that takes nothing
                self._database.close()
                self._database = _new_database(":memory:")
                self._update(watch)
            found = self._database.execute(
                "SELECT id, folder, started FROM runs WHERE status IS NOT NULL ORDER BY started DESC"
            ).fetchall()
        folders = [(started, os.fsdecode(folder), number) for number, folder, started in found]
        folders.sort(key=lambda item: (item[0], os.path.basename(item[1])), reverse=True)  # noqa: PTH119  quicker
        store = str(self._store)
        return [
            RecordedRun(f"{store}/{folder}" if folder != "." else store, indexed=IndexedRun(self, number))
            for _, folder, number in folders
        ]

    def unreadable(self) -> list[Path]:
        """Return the folders, as paths in the store, that could not be read as runs when they were last looked at."""
        with self._lock:
            found = self._database.execute("SELECT folder FROM runs WHERE sizes = ?", (_UNREADABLE,)).fetchall()
        return sorted(Path(os.fsdecode(folder)) for (folder,) in found)

    def names(self) -> Collection[Name]:
        """Return the names that the runs have, and the fields that every run has."""
        with self._lock:
            found = self._database.execute("SELECT category, name FROM names").fetchall()
        return {Name(*row) for row in found} | {Name("", field) for field in FIELDS}

    def column(self, name: Name) -> dict[int, Any]:
        """Return the values of one name, by the number of the run."""
        if name not in self._columns:
            if not name.group and name.rest not in INDEXED_FIELDS:
                raise KeyError(name)
            with self._lock:
                rows = self._database.execute(
                    "SELECT run, value FROM content "
                    "WHERE name = (SELECT id FROM names WHERE category = ? AND name = ?)",
                    name,
                ).fetchall()
            self._columns[name] = {run: from_sql(value) for run, value in rows}
        return self._columns[name]

    def card(self, number: int) -> dict[str, Any] | None:
        """Return what lists show of a run; None if another process has found it to be gone."""
        if number not in self._cards:
            with self._lock:
                row = self._database.execute("SELECT card FROM runs WHERE id = ?", (number,)).fetchone()
            if not (row and row[0]):
                return None
            self._cards[number] = decode_card(row[0])
        return self._cards[number]

    # ---- Bringing it up to date

    def _update(self, watch: Callable[[Sequence[Path]], Iterable[Path]]) -> None:
        database = self._database
        known = {
            folder: (number, stamp, sizes, status)
            for number, folder, stamp, sizes, status in database.execute(
                "SELECT id, folder, stamp, sizes, status FROM runs"
            )
        }
        changed: dict[Path, Seen] = {}
        for seen in scan(self._store):
            before = known.pop(seen.folder, None)
            if before is None or self._has_changed(seen, before):
                changed[self._store / os.fsdecode(seen.folder)] = seen
        gone = [number for number, *_ in known.values()]
        if not changed and not gone:
            return
        self._columns.clear()
        self._cards.clear()
        waiting: list[tuple[Path, Seen]] = []
        with _Writer(database) as writer:
            writer.remove(gone)
            for folder in watch(list(changed)):
                waiting.append((folder, changed[folder]))
                if len(waiting) == _CHUNK:
                    writer.write(waiting)
                    waiting = []
            writer.write(waiting)

    def _has_changed(self, seen: Seen, before: tuple[int, str, str | None, str | None]) -> bool:
        """Return whether a run has changed since it was read. What is complete is only looked at from outside."""
        _, stamp, sizes, status = before
        if stamp != seen.stamp or sizes is None:
            return stamp != seen.stamp
        folder = self._store / os.fsdecode(seen.folder)
        try:
            if _as_text(journal_sizes(folder)) != sizes:
                return True
        except OSError:
            return True
        return status == "running" and is_being_written(folder / "journal" / "main.jsonl") is False

    def _open(self) -> sqlite3.Connection:
        path = index_file(self._store)
        for place in (path, path, ":memory:"):
            if place is None:
                continue
            try:
                return _new_database(str(place))
            except sqlite3.Error:  # damaged: it is made again
                with suppress(OSError):
                    Path(place).unlink()
        raise AssertionError("SQLite works in memory")


class IndexedRun:
    """What the index knows of one run."""

    __slots__ = ("index", "number")

    def __init__(self, index: Index, number: int) -> None:
        self.index = index
        self.number = number

    def value(self, name: Name) -> Any:
        """Return the value of a name. Raises `KeyError` for a name that is not indexed."""
        return self.index.column(name).get(self.number)

    def card(self) -> dict[str, Any] | None:
        """Return what lists show of the run; None if it is not in the index any more."""
        return self.index.card(self.number)


class _Writer:
    """Writes runs into the database. Each call of `write` is kept whole, or not at all if it is interrupted."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __enter__(self) -> Self:
        self._database.execute("BEGIN IMMEDIATE")  # from here on, no other process writes
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._database.commit()
        else:
            self._database.rollback()

    def remove(self, numbers: Sequence[int]) -> None:
        """Forget runs that are gone."""
        for number in numbers:
            self._forget_values(number)
        self._database.executemany("DELETE FROM runs WHERE id = ?", [(number,) for number in numbers])

    def write(self, runs: Sequence[tuple[Path, Seen]]) -> None:
        """Read these runs, and write what they have."""
        rows: list[tuple[int, int, Any]] = []
        names = {(category, name): number for number, category, name in self._database.execute("SELECT * FROM names")}
        for folder, seen in runs:
            number = self._number_of(seen)
            sizes: str | None = None
            try:
                before = journal_sizes(folder)
                summary = outline_of(folder)
            except (OSError, AutotrackError):
                self._database.execute(
                    "UPDATE runs SET stamp = ?, sizes = ?, status = NULL, card = NULL WHERE id = ?",
                    (seen.stamp, _UNREADABLE, number),
                )
                continue
            if summary.journals != before or summary.status in ("running", "killed"):
                sizes = _as_text(before)
            self._database.execute(
                "UPDATE runs SET stamp = ?, sizes = ?, status = ?, started = ?, card = ? WHERE id = ?",
                (seen.stamp, sizes, summary.status, summary.started, encode_card(card_of(summary)), number),
            )
            for name, value in values_of(summary).items():
                if name not in names:
                    names[name] = self._new_name(name)
                rows.append((names[name], number, to_sql(value)))
        rows.sort(key=lambda row: row[:2])
        self._database.executemany("INSERT OR REPLACE INTO content VALUES (?, ?, ?)", rows)
        self._database.commit()
        self._database.execute("BEGIN IMMEDIATE")

    def _number_of(self, seen: Seen) -> int:
        """Return the number of a run, of which nothing is known any more."""
        row = self._database.execute("SELECT id FROM runs WHERE folder = ?", (seen.folder,)).fetchone()
        if row is None:
            return int(self._database.execute("INSERT INTO runs (folder) VALUES (?)", (seen.folder,)).lastrowid or 0)
        self._forget_values(row[0])
        return int(row[0])

    def _forget_values(self, number: int) -> None:
        self._database.execute(
            "DELETE FROM content WHERE run = ? AND name IN (SELECT id FROM names)",
            (number,),
        )

    def _new_name(self, name: Name) -> int:
        return int(self._database.execute("INSERT INTO names (category, name) VALUES (?, ?)", name).lastrowid or 0)


def _as_text(sizes: dict[str, int]) -> str:
    return " ".join(f"{name}={size}" for name, size in sorted(sizes.items()))


def _new_database(path: str) -> sqlite3.Connection:
    """Open a database. It is used by one thread at a time, and need not survive the loss of power."""
    database = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA synchronous = OFF")
        database.execute(f"PRAGMA cache_size = -{_CACHE_KIBIBYTES}")
        database.executescript(_SCHEMA)
    except BaseException:
        database.close()
        raise
    return database
