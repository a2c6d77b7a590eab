"""The index of a store, which makes looking at ten thousand runs instant.

It is a SQLite file in the cache folder of the user, one for each store, derived from the runs. Whoever looks
brings it up to date first: runs that have changed since are read again, the others are only looked at from outside.
Losing it costs time, never data; where it cannot be kept, it is made in memory. No training process writes it.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from operator import itemgetter
from pathlib import Path
from typing import Any

from autotrack.journal.reader import is_being_written, journal_sizes
from autotrack.readers.index.file import index_file
from autotrack.readers.index.values import (
    INDEXED_FIELDS,
    UNREADABLE,
    as_text,
    decode_card,
    default_of,
    from_sql,
)
from autotrack.readers.query.names import FIELDS, Name
from autotrack.readers.recorded_run import RecordedRun
from autotrack.readers.scan import Seen, folder_in, scan

_WAIT_SECONDS = 5.0
_CHUNK = 2000
_CACHE_KIBIBYTES = 65536

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (id INTEGER PRIMARY KEY, folder BLOB UNIQUE, stamp TEXT, sizes TEXT, status TEXT,
    started REAL);
CREATE TABLE IF NOT EXISTS cards (run INTEGER PRIMARY KEY, card BLOB);
CREATE TABLE IF NOT EXISTS names (id INTEGER PRIMARY KEY, category TEXT, name TEXT, UNIQUE (category, name));
CREATE TABLE IF NOT EXISTS content (name INTEGER, run INTEGER, value, PRIMARY KEY (name, run)) WITHOUT ROWID;
"""
"""`sizes` has the sizes of all journals as long as a run may change without its `stamp` showing it; else nothing.
`status` is NULL for a folder that cannot be read as a run. All of `runs` is read each time, so its rows are small."""

_Row = tuple[int, bytes, str, str | None, str | None, float]
"""A row of `runs`. There may be many: a tuple is made in a fraction of the time of an object."""


class Index:
    """What is known of the runs in `store`. `refresh` brings it up to date."""

    def __init__(self, store: Path) -> None:
        self._store = store.absolute()
        self._lock = threading.Lock()
        self._columns: dict[Name, Mapping[int, Any]] = {}
        self._cards: dict[int, dict[str, Any]] = {}
        self._database = self._open()

    def refresh(
        self, watch: Callable[[Sequence[Path]], Iterable[Path]] = iter, *, seen: Collection[Seen] | None = None
    ) -> list[RecordedRun]:
        """Read what has changed in the store; return its runs, the newest first.

        `watch` is given the folders of the runs that have to be read, and passes them on one by one. `seen` is what
        `scan` has just found, if somebody needs to know it.
        """
        with self._lock:
            try:
                rows = self._update(watch, seen)
            except sqlite3.Error:  # damaged, or a disk that takes nothing
                self._database.close()
                self._database = _new_database(":memory:")
                rows = self._update(watch, seen)
        readable = [(started, folder, number) for number, folder, _, _, status, started in rows if status is not None]
        if len({started for started, *_ in readable}) < len(readable):  # those that began together: by their names
            readable.sort(key=lambda row: os.path.basename(row[1]), reverse=True)  # noqa: PTH119  quicker
        readable.sort(key=itemgetter(0), reverse=True)
        store = os.fsencode(self._store)
        return [RecordedRun(folder_in(store, folder), index=self, number=number) for _, folder, number in readable]

    def unreadable(self) -> list[Path]:
        """Return the folders, as paths in the store, that could not be read as runs when they were last looked at."""
        with self._lock:
            found = self._database.execute("SELECT folder FROM runs WHERE sizes = ?", (UNREADABLE,)).fetchall()
        return sorted(Path(os.fsdecode(folder)) for (folder,) in found)

    def names(self) -> Collection[Name]:
        """Return the names that the runs have, and the fields that every run has."""
        with self._lock:
            found = self._database.execute("SELECT category, name FROM names").fetchall()
        return {Name(*row) for row in found} | {Name("", field) for field in FIELDS}

    def column(self, name: Name) -> Mapping[int, Any]:
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
                default = default_of(name)
                others = self._database.execute("SELECT id FROM runs").fetchall() if default is not None else ()
            values = {run: from_sql(value) if type(value) is bytes else value for run, value in rows}
            self._columns[name] = {run: default for (run,) in others} | values
        return self._columns[name]

    def card(self, number: int) -> dict[str, Any] | None:
        """Return what lists show of a run; None if another process has found it to be gone."""
        if number not in self._cards:
            with self._lock:
                row = self._database.execute("SELECT card FROM cards WHERE run = ?", (number,)).fetchone()
            if row is None:
                return None
            self._cards[number] = decode_card(row[0])
        return self._cards[number]

    def read_cards(self) -> None:
        """Read the cards of all runs, at once, for somebody who asks for each of them."""
        with self._lock:
            rows = self._database.execute("SELECT run, card FROM cards").fetchall()
        self._cards |= {number: decode_card(content) for number, content in rows if number not in self._cards}

    # ---- Bringing it up to date

    def _update(self, watch: Callable[[Sequence[Path]], Iterable[Path]], found: Collection[Seen] | None) -> list[_Row]:
        """Read what has changed; return the rows of all runs. If nothing has, they are read once and that is all."""
        rows = self._rows()
        known = {row[1]: row for row in rows}
        changed: dict[Path, Seen] = {}
        for seen in scan(self._store) if found is None else found:
            name, stamp = seen
            before = known.pop(name, None)
            if before is None or before[2] != stamp or (before[3] is not None and self._has_grown(before)):
                changed[self._store / os.fsdecode(name)] = seen
        if not changed and not known:
            return rows
        self._columns.clear()
        self._cards.clear()
        waiting: list[tuple[Path, Seen]] = []
        from autotrack.readers.index.writer import IndexWriter  # which takes longer to import than to find no change

        with IndexWriter(self._database) as writer:
            writer.remove([number for number, *_ in known.values()])
            for folder in watch(list(changed)):
                waiting.append((folder, changed[folder]))
                if len(waiting) == _CHUNK:
                    writer.write(waiting)
                    waiting = []
            writer.write(waiting)
        return self._rows()

    def _rows(self) -> list[_Row]:
        return self._database.execute("SELECT id, folder, stamp, sizes, status, started FROM runs").fetchall()

    def _has_grown(self, before: _Row) -> bool:
        """Return whether a run that was not complete has changed since, though it looks the same from outside."""
        _, name, _, sizes, status, _ = before
        folder = self._store / os.fsdecode(name)
        try:
            if as_text(journal_sizes(folder)) != sizes:
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
