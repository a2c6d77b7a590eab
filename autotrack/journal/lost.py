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
from autotrack.journal.run_folder import names_in, open_file, remove_file, rename_file

_SECONDS = r"\d{1,12}\.\d{1,9}"
_NAME = re.compile(
    rf"(?P<stem>.+)\.lost-(?P<count>\d{{1,9}})"
    rf"(-(?P<status>{'|'.join(get_args(Status))})-(?P<started>{_SECONDS})-(?P<duration>{_SECONDS}))?"
)


class Loss(NamedTuple):
    """At least `count` records of a `journal` are lost, and with them the `end` of the run, if there is one here."""

    journal: Path
    count: int
    end: RunFinished | None

    @property
    def records(self) -> list[AnyRecord]:
        """What stands in the journal for what is lost."""
        notice = Notice(time=time(), about="journal", message=f"{self}")
        return [notice] if self.end is None else [notice, self.end]

    def __str__(self) -> str:
        records = "1 record" if self.count == 1 else f"{self.count} records"
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
        self._name, self._others = (
            _name_of(loss),
            loss.count - (loss.end is not None),
        )  # which is counted if it is lost
        return loss.records

    def tell(self, count: int, end: RunFinished | None = None) -> None:
        """Say how many records are lost if this process ends now, and how the run has ended if that is one of them."""
        if not count:
            return
        name = _name_of(Loss(self._journal, count + self._others, end))
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
    with suppress(OSError, AutotrackError):
        for name in sorted(names_in(folder, journals)):
            if match := _NAME.fullmatch(name):
                yield Loss(folder / journals / f"{match['stem']}.jsonl", int(match["count"]), _end_in(match))


def _end_in(match: re.Match[str]) -> RunFinished | None:
    if match["status"] is None:
        return None
    started, duration = float(match["started"]), float(match["duration"])
    status: Status = match["status"]  # type: ignore[assignment]  # the pattern has no others
    return RunFinished(time=started + duration, status=status, started=started, duration_seconds=duration)


def _name_of(loss: Loss) -> str:
    name = f"{loss.journal.stem}.lost-{loss.count}"
    if loss.end is None or loss.end.started is None or loss.end.rank:
        return name
    full = f"{name}-{loss.end.status}-{loss.end.started!r}-{loss.end.duration_seconds or 0.0:.6f}"
    return full if _NAME.fullmatch(full) else name


def _place_of(journal: Path) -> tuple[Path, str]:
    """Return the run folder of a journal, and how names in the folder of the journal begin there."""
    folder = journal.parent
    return (folder.parent, "journal/") if folder.name == "journal" else (folder, "")
