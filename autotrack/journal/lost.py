"""Records that no disk has taken are lost with their process. An empty file beside the journal says so.

A full disk takes such a file: only its name is written, and that says how many records there are, and how the run
ended if that is one of them. Whoever writes to the journal next makes records of it, at the latest `autotrack sync`.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import time
from typing import NamedTuple, get_args

from autotrack.errors import AutotrackError
from autotrack.journal.records import AnyRecord, Notice, RunFinished, Status
from autotrack.journal.run_folder import file_status, names_in, open_file, remove_file, rename_file

_SECONDS = r"\d{1,12}\.\d{1,9}"
_NAME = re.compile(
    rf"(?P<stem>[A-Za-z0-9_.-]+)\.lost-(?P<count>[1-9]\d{{0,8}})"
    rf"(-(?P<status>{'|'.join(get_args(Status))})-(?P<started>{_SECONDS})-(?P<duration>{_SECONDS}))?"
)


class Loss(NamedTuple):
    """At least so many records of a `journal` are lost, and with them the `end` of the run, if there is one here.

    `name` is that of the file which tells it.
    """

    journal: Path
    name: str
    at_least: int
    end: RunFinished | None

    @property
    def records(self) -> list[AnyRecord]:
        """What stands in the journal for what is lost."""
        notice = Notice(time=time(), about="journal", message=f"{self}")
        return [notice] if self.end is None else [notice, self.end]

    def __str__(self) -> str:
        records = "1 record" if self.at_least == 1 else f"{self.at_least} records"
        return f"lost: at least {records} of {self.journal.name}, which no disk took"


class LossTold:
    """The empty file that tells what is lost of one journal. It belongs to whoever has locked that."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._folder, self._prefix = _place_of(journal)
        self._name = ""
        self._others = 0
        self.count = 0

    def take_over(self) -> list[AnyRecord]:
        """Return what stands for the losses of an earlier process, which are told on until `forget`."""
        found = () if self._name else losses_in(self._folder, self._prefix.rstrip("/"))
        loss = next((loss for loss in found if loss.journal == self._journal), None)
        if loss is None:
            return []
        self._name = loss.name
        self._others = loss.at_least - (loss.end is not None)  # the end waits again, and is counted with what does
        return loss.records

    def tell(self, count: int, end: RunFinished | None = None) -> None:
        """Say how many records are lost if this process ends now, and how the run has ended if that is one of them."""
        if not count:
            return
        name = _name_for(self._journal, count + self._others, end)
        with suppress(OSError, AutotrackError):
            if self._name and name != self._name:
                rename_file(self._folder, self._prefix + self._name, self._prefix + name)
            elif not self._name:
                os.close(open_file(self._folder, self._prefix + name, os.O_WRONLY | os.O_CREAT))
            self._name, self.count = name, count

    def forget(self) -> None:
        """Take it back: all records are in the journal, or something that stands for them."""
        if self._name:
            with suppress(OSError, AutotrackError):
                remove_file(self._folder, self._prefix + self._name)
            self._name, self._others, self.count = "", 0, 0


def losses_in(folder: Path, journals: str = "journal") -> Iterator[Loss]:
    """Yield what is lost of the run in `folder` and does not stand in its journals yet."""
    names: list[str] = []
    with suppress(OSError, AutotrackError):
        names = sorted(names_in(folder, journals))
    for match in filter(None, map(_NAME.fullmatch, names)):
        with suppress(OSError, AutotrackError):  # it is no file
            file_status(folder, f"{journals}/{match[0]}" if journals else match[0])
            journal = folder / journals / f"{match['stem']}.jsonl"
            yield Loss(journal, match[0], int(match["count"]), _end_in(match))


def _end_in(match: re.Match[str]) -> RunFinished | None:
    if match["status"] is None:
        return None
    started, duration = float(match["started"]), float(match["duration"])
    status: Status = match["status"]  # type: ignore[assignment]  # the pattern has no others
    return RunFinished(time=started + duration, status=status, started=started, duration_seconds=duration)


def _name_for(journal: Path, count: int, end: RunFinished | None) -> str:
    name = f"{journal.stem}.lost-{count}"
    if end is None or end.started is None or end.rank:
        return name
    full = f"{name}-{end.status}-{end.started!r}-{end.duration_seconds or 0.0:.6f}"
    return full if _NAME.fullmatch(full) else name


def _place_of(journal: Path) -> tuple[Path, str]:
    """Return the run folder of a journal, and how names in the folder of the journal begin there."""
    folder = journal.parent
    return (folder.parent, "journal/") if folder.name == "journal" else (folder, "")
