"""Reads runs that have changed, and writes into the database of an index what it keeps of them."""

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from autotrack.errors import AutotrackError
from autotrack.journal.reader import journal_sizes
from autotrack.journal.summary import Summary
from autotrack.readers.index.card import card_of, values_of
from autotrack.readers.index.outline import outline_of
from autotrack.readers.index.values import UNREADABLE, as_text, encode_card, to_sql
from autotrack.readers.query.names import Name
from autotrack.readers.scan import Seen


class IndexWriter:
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
            self._forget(number)
        self._database.executemany("DELETE FROM runs WHERE id = ?", [(number,) for number in numbers])

    def write(self, runs: Sequence[tuple[Path, Seen]]) -> None:
        """Read these runs, and write what they have."""
        names = {(category, name): number for number, category, name in self._database.execute("SELECT * FROM names")}
        content: defaultdict[int, list[tuple[int, int, Any]]] = defaultdict(list)
        for folder, seen in runs:
            try:
                sizes = journal_sizes(folder)
                summary = outline_of(folder, sizes)
            except (OSError, AutotrackError):
                self._put(seen, UNREADABLE)
                continue
            may_change_unseen = summary.journals != sizes or summary.status in ("running", "killed")
            number = self._put(seen, as_text(sizes) if may_change_unseen else None, summary)
            for name, value in values_of(summary).items():
                key = names.get(name)
                if key is None:
                    key = names[name] = self._new_name(name)
                content[key].append((key, number, to_sql(value)))
        for key in sorted(content):  # in the order of the table, which is several times quicker
            self._database.executemany("INSERT OR REPLACE INTO content VALUES (?, ?, ?)", content[key])
        self._database.commit()
        self._database.execute("BEGIN IMMEDIATE")

    def _put(self, seen: Seen, sizes: str | None, summary: Summary | None = None) -> int:
        """Write row and card of a run, and forget its values; return its number. No summary: unreadable."""
        folder, stamp = seen
        row = (stamp, sizes, *((summary.status, summary.started) if summary is not None else (None, None)))
        known = self._database.execute("SELECT id FROM runs WHERE folder = ?", (folder,)).fetchone()
        if known is None:
            added = self._database.execute(
                "INSERT INTO runs (stamp, sizes, status, started, folder) VALUES (?, ?, ?, ?, ?)", (*row, folder)
            )
            number = int(added.lastrowid or 0)
        else:
            number = int(known[0])
            self._forget(number)
            self._database.execute(
                "UPDATE runs SET stamp = ?, sizes = ?, status = ?, started = ? WHERE id = ?", (*row, number)
            )
        if summary is not None:
            self._database.execute("INSERT INTO cards VALUES (?, ?)", (number, encode_card(card_of(summary))))
        return number

    def _forget(self, number: int) -> None:
        self._database.execute("DELETE FROM cards WHERE run = ?", (number,))
        self._database.execute(
            "DELETE FROM content WHERE run = ? AND name IN (SELECT id FROM names)",
            (number,),
        )

    def _new_name(self, name: Name) -> int:
        return int(self._database.execute("INSERT INTO names (category, name) VALUES (?, ?)", name).lastrowid or 0)
