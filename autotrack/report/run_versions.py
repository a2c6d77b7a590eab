"""Which runs have changed since somebody was last told of them."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from secrets import token_hex

from autotrack.journal.reader import is_being_written


class RunVersions:
    """How runs looked when somebody last asked, and when each of them changed before that.

    A version is a text that a browser hands back. Folders are what the system calls them: to make ten thousand paths
    takes longer than to look at as many runs.

    Attributes:
        stamps: The stamp of each run, by its folder, as `scan` finds them.
        running: The folders of the runs that were going on when they were last read.
    """

    def __init__(self) -> None:
        self.stamps: Mapping[bytes, str] = {}
        self.running: set[bytes] = set()
        self._server = token_hex(4)  # another server counts anew
        self._changes = self._last_loss = 0
        self._changed: dict[bytes, int] = {}

    @property
    def version(self) -> str:
        """The version of what was seen last."""
        return f"{self._server}-{self._changes}"

    def look(self, stamps: Mapping[bytes, str]) -> None:
        """Take how all runs look now."""
        changed = [folder for folder, stamp in stamps.items() if self.stamps.get(folder) != stamp]
        changed += [folder for folder in self.running & stamps.keys() if _has_died(folder)]
        gone = self.stamps.keys() - stamps.keys()
        if changed or gone:
            self._changes += 1
        if gone:
            self._last_loss = self._changes
            self._changed.clear()
        self._changed |= dict.fromkeys(changed, self._changes)
        self.stamps = stamps

    def changed_since(self, version: str) -> list[bytes] | None:
        """Return the runs that are new, or have changed. None where that does not tell it all: some are gone."""
        server, _, changes = version.partition("-")
        if server != self._server or not changes.isdecimal() or int(changes) < self._last_loss:
            return None
        return [folder for folder, changed in self._changed.items() if changed > int(changes)]

    def note_running(self, folders: Collection[bytes], running: Collection[bytes]) -> None:
        """Take which of these runs, which have just been read, are going on."""
        self.running = self.running.difference(folders).union(running)


def _has_died(folder: bytes) -> bool:
    """Return whether the process of a run that is said to go on is gone: nothing else tells it, if all were killed."""
    return is_being_written(Path(os.fsdecode(folder)) / "journal" / "main.jsonl") is False
