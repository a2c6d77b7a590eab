"""Runs all captures for a run, each with its time limit, each failing alone."""

import os
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from time import monotonic, time
from typing import Protocol

import msgspec

from autotrack.journal.records import AnyRecord, Environment, Notice
from autotrack.sidecar.capture import git, hardware, packages, source, system_packages
from autotrack.sidecar.capture.base import Capture, Subject

CAPTURES: dict[str, tuple[Capture, float]] = {
    "git": (git.capture, 30.0),
    "source": (source.capture, 10.0),
    "hardware": (hardware.capture, 10.0),
    "packages": (packages.capture, 15.0),
    "system_packages": (system_packages.capture, 15.0),
}
"""What is captured, in this order, what may change while training runs first; and the seconds that it may take."""

_SLOW_TO_CHANGE = ("hardware", "packages", "system_packages")
_REUSED_SECONDS = 60.0
"""How long what hardly changes is taken over from another run of the same process: a search starts a run a second."""


class Captured(Protocol):
    """A run that captures are made for."""

    @property
    def subject(self) -> Subject | None:
        """What captures look at; None for a run that has not begun."""

    def put(self, found: Iterable[AnyRecord]) -> None:
        """Add records."""


@dataclass(frozen=True)
class _Taken:
    subject: Subject
    at: float
    found: list[AnyRecord]

    @property
    def is_fresh(self) -> bool:
        """Whether it is recent, and its files are still there."""
        files = [file for record in self.found if isinstance(record, Environment) for file in record.files]
        recent = monotonic() - self.at < _REUSED_SECONDS
        return recent and all((self.subject.folder / file).exists() for file in files)


class Captures:
    """Makes the captures of a process's runs; what was found for one run is handed on to others of the same moment."""

    def __init__(self) -> None:
        self._taken: dict[str, _Taken] = {}

    def take(self, runs: Sequence[Captured], names: Iterable[str] = CAPTURES) -> None:
        """Capture for runs that began before now in the same place, and tell them what was found."""
        looked_at = [(run, run.subject) for run in runs]
        for name in names:
            for run, subject in looked_at:
                if subject is not None:
                    run.put(self._found(name, subject, fresh=subject is looked_at[0][1]))

    def _found(self, name: str, subject: Subject, *, fresh: bool) -> list[AnyRecord]:
        taken = self._taken.get(name)
        lasts = name in _SLOW_TO_CHANGE and taken is not None and taken.is_fresh
        if taken is None or (fresh and not lasts):
            self._taken[name] = _Taken(subject, monotonic(), _capture(name, subject))
            return self._taken[name].found
        return [_taken_over(record, taken.subject, subject) for record in taken.found]


def _capture(name: str, subject: Subject) -> list[AnyRecord]:
    capture, limit_seconds = CAPTURES[name]
    found: list[AnyRecord] = []

    def work() -> None:
        try:
            found.extend(capture(subject))
        except Exception as fault:  # noqa: BLE001  one capture fails alone
            said, _ = subject.redactor.redact_text(f"not captured: {type(fault).__name__}: {fault}")
            found.append(Notice(time=time(), about=name, message=said))

    # A thread, because a file system that hangs can be left waiting no other way.
    worker = threading.Thread(target=work, name=f"autotrack-{name}", daemon=True)
    try:
        worker.start()
    except RuntimeError:  # Python 3.12 starts no thread at exit, where this is done if there is no sidecar
        work()
        return found
    worker.join(limit_seconds)
    if worker.is_alive():
        message = f"not captured: it took longer than {limit_seconds:.0f} s"
        return [Notice(time=time(), about=name, message=message)]
    # Records are clean: a capture knows which of its values can be secrets, and which names only sound like it.
    return found


def _taken_over(record: AnyRecord, before: Subject, subject: Subject) -> AnyRecord:
    """The same facts for another run; the files beside them are shared on the disk where it allows that."""
    if isinstance(record, Environment):
        for file in record.files:
            target = subject.folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(before.folder / file, target)
            except OSError:  # another file system, or the run before was deleted
                if (before.folder / file).exists():
                    target.write_bytes((before.folder / file).read_bytes())
    return msgspec.structs.replace(record, time=time())
